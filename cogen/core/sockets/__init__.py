"""Sockets whose blocking calls are operations.

:class:`Socket` has the methods of the standard library's; those that may block
return operations (or coroutines, for the files of :meth:`Socket.makefile`) to be
yielded. Data is bytes. The system call is tried first; only if it would block,
the proactor of the scheduler waits until the socket is ready.

A host name in an address is looked up while everything else waits: give
addresses, or look it up with ``threads.call(socket.getaddrinfo, ...)``.

The operations are in :mod:`cogen.core.sockets.operations`, the files in
:mod:`cogen.core.sockets.files`.
"""

from __future__ import annotations

import socket
from typing import Any, BinaryIO

from cogen.core import events
from cogen.core.sockets.files import RecvAll, _fileobject
from cogen.core.sockets.operations import (
    Accept,
    Connect,
    ConnectionClosed,
    Data,
    Recv,
    Send,
    SendAll,
    SendFile,
    SocketError,
    SocketOperation,
    plain_socket,
)

__all__ = [
    "Accept",
    "Connect",
    "ConnectionClosed",
    "Recv",
    "RecvAll",
    "Send",
    "SendAll",
    "SendFile",
    "Socket",
    "SocketError",
    "SocketOperation",
    "getdefaulttimeout",
    "setdefaulttimeout",
]

_TIMEOUT: events.Timeout = None


def getdefaulttimeout() -> events.Timeout:
    """Return the time-out that new sockets have."""
    return _TIMEOUT


def setdefaulttimeout(timeout: events.Timeout) -> None:
    """Set the time-out that new sockets have: seconds, a timedelta or None."""
    global _TIMEOUT
    _TIMEOUT = events.check_timeout(timeout)


class Socket:
    """A non-blocking socket.

    ``_sock`` wraps a socket object that exists already. The time-out of the
    operations is the one of :func:`setdefaulttimeout` until :meth:`settimeout`;
    each call takes ``timeout``, ``weak_timeout`` and ``prio`` too.
    """

    __slots__ = ("_fd", "_timeout", "_waiting", "__weakref__")

    def __init__(
        self,
        family: int = socket.AF_INET,
        type: int = socket.SOCK_STREAM,
        proto: int = 0,
        _timeout: events.Timeout = None,
        _sock: Any = None,
        _proactor_added: bool = False,
    ) -> None:
        self._fd = plain_socket(family, type, proto) if _sock is None else _sock
        self._fd.setblocking(False)
        self._timeout = _TIMEOUT if _timeout is None else events.check_timeout(_timeout)
        #: The operations that wait for this socket.
        self._waiting: dict[SocketOperation, None] = {}

    def recv(self, bufsize: int, **kws: Any) -> Recv:
        """Receive at most ``bufsize`` bytes.

        ``yield`` gives at least one byte; the end of a stream raises ConnectionClosed.
        """
        return Recv(self, bufsize, **self._defaults(kws))

    def send(self, data: Data, **kws: Any) -> Send:
        """Send some of ``data``; ``yield`` gives the number of bytes."""
        return Send(self, data, **self._defaults(kws))

    def sendall(self, data: Data, **kws: Any) -> SendAll:
        """Send all of ``data``; ``yield`` gives the number of bytes."""
        return SendAll(self, data, **self._defaults(kws))

    def accept(self, **kws: Any) -> Accept:
        """Wait for a connection; ``yield`` gives ``(Socket, address)``."""
        return Accept(self, **self._defaults(kws))

    def connect(self, address: Any, **kws: Any) -> Connect:
        """Connect to ``address``; ``yield`` gives this socket."""
        return Connect(self, address, **self._defaults(kws))

    def sendfile(
        self,
        file_handle: BinaryIO,
        offset: int | None = None,
        length: int | None = None,
        blocksize: int = 4096,
        **kws: Any,
    ) -> SendFile:
        """Send a file; ``yield`` gives the number of bytes. See :class:`SendFile`."""
        return SendFile(file_handle, self, offset, length, blocksize, **self._defaults(kws))

    def makefile(self, mode: str = "r", bufsize: int = -1) -> _fileobject:
        """Return a file whose read, write and flush methods are coroutines."""
        return _fileobject(self, mode, bufsize)

    def _defaults(self, kws: dict[str, Any]) -> dict[str, Any]:
        kws.setdefault("timeout", self._timeout)
        return kws

    def settimeout(self, to: events.Timeout) -> None:
        """Set the time-out of the operations: seconds, a timedelta, or None."""
        self._timeout = events.check_timeout(to)

    def gettimeout(self) -> events.Timeout:
        """Return the time-out of the operations."""
        return self._timeout

    def close(self) -> None:
        """Close the socket. ConnectionClosed is raised in those who wait for it."""
        for op in list(self._waiting):
            op.sched.proactor.remove_token(op)
            op.sched.fail(op, op.caller, ConnectionClosed("the socket was closed here"))
        self._fd.close()

    def bind(self, *args: Any) -> None:
        """Bind to an address; a tuple for IP, a path for UNIX sockets."""
        self._fd.bind(*args)

    def listen(self, backlog: int = 128) -> None:
        """Accept connections, of which at most ``backlog`` wait."""
        self._fd.listen(backlog)

    def shutdown(self, how: int) -> None:
        """Shut down one or both halves of the connection."""
        self._fd.shutdown(how)

    def setblocking(self, val: bool) -> None:
        """Do nothing for a false value; refuse a true one."""
        if val:
            raise RuntimeError("a cogen socket can't be blocking: it would stop the scheduler")

    def setsockopt(self, *args: Any) -> None:
        """Set a socket option."""
        self._fd.setsockopt(*args)

    def getsockopt(self, *args: Any) -> Any:
        """Return a socket option."""
        return self._fd.getsockopt(*args)

    def fileno(self) -> int:
        """Return the descriptor, -1 after close()."""
        return self._fd.fileno()

    def getpeername(self) -> Any:
        """Return the address of the peer."""
        return self._fd.getpeername()

    def getsockname(self) -> Any:
        """Return the address of this end."""
        return self._fd.getsockname()

    def __repr__(self) -> str:
        return f"<socket at 0x{id(self):X} fd {self.fileno()}>"

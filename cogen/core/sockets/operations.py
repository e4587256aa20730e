"""The socket operations: one class for each system call that may block."""

from __future__ import annotations

import errno
import os
import socket
from time import monotonic
from typing import TYPE_CHECKING, Any, BinaryIO

from gevent import monkey

from cogen.core import events
from cogen.core.util import priority

if TYPE_CHECKING:
    from cogen.core.schedulers import Scheduler
    from cogen.core.sockets import Socket

Data = bytes | bytearray | memoryview

# gevent's own socket class, which monkey patching puts in place of this one,
# waits by switching greenlets.
plain_socket: Any = monkey.get_original("socket", "socket")


def as_bytes(data: Data) -> memoryview:
    """Return a view of ``data``; refuse what isn't bytes."""
    try:
        return memoryview(data).cast("B")
    except TypeError:
        raise TypeError(f"data must be bytes, not {data!r:.60}") from None


class SocketError(OSError):
    """A system call on a socket failed."""


class ConnectionClosed(SocketError):
    """The connection is closed: by the peer (no errno), by a reset, or by close() here."""


class SocketOperation(events.TimedOperation):
    """The base of the socket operations.

    A subclass has ``perform``, which makes the system call, returns whether the
    operation is complete, and may raise; and says in ``writes`` for what the
    socket has to be ready.
    """

    __slots__ = ("sock",)

    writes = False

    def __init__(
        self,
        sock: Socket,
        timeout: events.Timeout = None,
        weak_timeout: bool = True,
        prio: int = priority.DEFAULT,
    ) -> None:
        if not hasattr(sock, "_waiting"):
            raise TypeError(f"sock must be a cogen Socket, not {sock!r}")
        super().__init__(timeout, weak_timeout, prio)
        self.sock = sock

    def perform(self) -> bool:
        """Make the system call once; return whether the operation is complete."""
        raise NotImplementedError

    def process(self, sched: Scheduler, coro: Any) -> events.Pair | None:
        return sched.proactor.request_generic(self, coro)

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        return self.sock.fileno()

    def cleanup(self, sched: Scheduler, coro: Any) -> bool:
        if self.state == events.WAITING:
            self.sched.proactor.remove_token(self)
        return True


class Recv(SocketOperation):
    """Receive at most ``len`` bytes, see :meth:`Socket.recv`."""

    __slots__ = ("buff", "len")

    def __init__(self, sock: Socket, len: int = 4096, **kws: Any) -> None:
        if not isinstance(len, int) or len < 1:
            raise ValueError(f"len must be a number of bytes, at least 1, got {len!r}")
        super().__init__(sock, **kws)
        self.len = len
        self.buff = b""

    def perform(self) -> bool:
        fd = self.sock._fd
        self.buff = fd.recv(self.len)
        if not self.buff and fd.type == socket.SOCK_STREAM:
            raise ConnectionClosed("Empty recv.")
        return True

    def finalize(self, sched: Scheduler | None = None) -> bytes:
        super().finalize(sched)
        return self.buff


class Send(SocketOperation):
    """Send some of ``buff``, see :meth:`Socket.send`."""

    __slots__ = ("sent", "buff")

    writes = True

    def __init__(self, sock: Socket, buff: Data, **kws: Any) -> None:
        super().__init__(sock, **kws)
        self.buff = as_bytes(buff)
        self.sent = 0

    def perform(self) -> bool:
        self.sent = self.sock._fd.send(self.buff)
        return True

    def finalize(self, sched: Scheduler | None = None) -> int:
        super().finalize(sched)
        return self.sent


class SendAll(Send):
    """Send all of ``buff``, see :meth:`Socket.sendall`; ``sent`` tells how far it came."""

    __slots__ = ()

    def perform(self) -> bool:
        while self.sent < len(self.buff):
            self.sent += self.sock._fd.send(self.buff[self.sent :])
            self.last_update = monotonic()
        return True


class Accept(SocketOperation):
    """Wait for a connection, see :meth:`Socket.accept`."""

    __slots__ = ("conn", "addr")

    def perform(self) -> bool:
        fd = self.sock._fd
        # Not accept(): under monkey patching that makes one of gevent's sockets.
        conn, self.addr = fd._accept()
        plain = plain_socket(fd.family, fd.type, fd.proto, fileno=conn)
        self.conn = type(self.sock)(_timeout=self.sock._timeout, _sock=plain)
        return True

    def finalize(self, sched: Scheduler | None = None) -> tuple[Socket, Any]:
        super().finalize(sched)
        return self.conn, self.addr

    def cleanup(self, sched: Scheduler, coro: Any) -> bool:
        if self.state == events.READY:
            self.conn.close()  # nobody will ever know of it
        return super().cleanup(sched, coro)


class Connect(SocketOperation):
    """Connect ``sock`` to ``addr``, see :meth:`Socket.connect`."""

    __slots__ = ("addr",)

    writes = True

    def __init__(self, sock: Socket, addr: Any, **kws: Any) -> None:
        super().__init__(sock, **kws)
        self.addr = addr

    def perform(self) -> bool:
        fd = self.sock._fd
        code = fd.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or fd.connect_ex(self.addr)
        if code in (errno.EINPROGRESS, errno.EALREADY):
            return False
        if code not in (0, errno.EISCONN):
            # EAGAIN too: a UNIX socket whose listener's queue is full tells
            # nobody when there is room.
            raise SocketError(code, os.strerror(code))
        return True

    def finalize(self, sched: Scheduler | None = None) -> Socket:
        super().finalize(sched)
        return self.sock


class SendFile(SocketOperation):
    """Send ``length`` bytes of a file from ``offset``; less if it ends before.

    Without ``offset`` begin where the file stands, without ``length`` send all.
    ``blocksize`` is the most to send in one system call, 0 means no limit. Where
    the file has a descriptor the kernel copies the data (sendfile(2)).
    """

    __slots__ = ("sent", "file_handle", "offset", "length", "blocksize")

    writes = True
    #: System calls after which others have their turn, however fast the peer reads.
    BURST = 64

    def __init__(
        self,
        file_handle: BinaryIO,
        sock: Socket,
        offset: int | None = None,
        length: int | None = None,
        blocksize: int = 4096,
        **kws: Any,
    ) -> None:
        for name, value in (("offset", offset), ("length", length), ("blocksize", blocksize)):
            if value is not None and (not isinstance(value, int) or value < 0):
                raise ValueError(f"{name} must be a number of bytes, got {value!r}")
        super().__init__(sock, **kws)
        self.file_handle = file_handle
        self.offset = file_handle.tell() if offset is None else offset
        self.length = length
        self.blocksize = blocksize
        self.sent = 0

    def perform(self) -> bool:
        for _ in range(self.BURST):
            left = 2**30 if self.length is None else self.length - self.sent
            size = min(left, self.blocksize or left)
            sent = self._send(self.offset + self.sent, size) if size else 0
            if not sent:
                return True
            self.sent += sent
            self.last_update = monotonic()
        return False

    def _send(self, offset: int, size: int) -> int:
        """Make one system call; return the number of bytes, 0 at the end of the file."""
        fd = self.sock._fd
        try:
            source = self.file_handle.fileno()
        except (AttributeError, OSError):
            self.file_handle.seek(offset)
            data = self.file_handle.read(min(size, 2**20))
            return fd.send(data) if data else 0
        return os.sendfile(fd.fileno(), source, offset, size)

    def finalize(self, sched: Scheduler | None = None) -> int:
        super().finalize(sched)
        return self.sent

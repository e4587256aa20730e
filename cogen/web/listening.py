"""The listening socket: on an address, on a UNIX socket's path, or passed on by systemd.

Everything here is done once, before the first connection; :mod:`cogen.web.wsgi` goes on from there.
"""

from __future__ import annotations

import _socket
import os
import socket
import stat
from typing import Any, Final

__all__ = ["SYSTEMD", "listen"]

#: The host that means: the socket that a systemd .socket unit has opened.
SYSTEMD: Final = "systemd"
_FIRST_PASSED: Final = 3  # SD_LISTEN_FDS_START of sd_listen_fds(3)
_LONGEST_PATH: Final = 107  # unix(7): sun_path has 108 bytes, the last of them is NUL
#: What the sockets of accepted connections inherit, as far as the system knows it.
#: TCP_NOTSENT_LOWAT: octets to take beyond what the client has room for. Without it the kernel took
#: 3.9 MB for a client that did not read, and told of 1.4 MB having gone at a time, so that a slow
#: reader could not be told from one that had stopped; with it 0.3 MB and 0.1 MB.
#: TCP_KEEP*: a host that has vanished without a word is found out after two minutes of silence.
_INHERITED: Final = {
    "TCP_NODELAY": 1,
    "TCP_NOTSENT_LOWAT": 131072,
    "TCP_KEEPIDLE": 60,
    "TCP_KEEPINTVL": 15,
    "TCP_KEEPCNT": 4,
}


def listen(address: tuple[str, int] | str, backlog: int) -> Any:
    """Return a listening, non-blocking plain socket.

    :param address: host and port, or the path of a UNIX socket; of host ``systemd`` the port is
        ignored.
    :param backlog: how many connections may wait to be accepted; of a passed socket systemd's
        ``Backlog=`` holds.
    :raises OSError: if the address can't be had.
    :raises ValueError: if it is ambiguous, or there is no passed socket.
    """
    listener = _open_or_take(address, backlog)
    listener.setblocking(False)
    if listener.family != socket.AF_UNIX:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _INHERITED.items():
            if hasattr(socket, name):
                listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return listener


def _open_or_take(address: tuple[str, int] | str, backlog: int) -> Any:
    if isinstance(address, str):
        _remove_dead_socket(address)
        return _open(socket.AF_UNIX, address, backlog)
    host, port = address
    if host == SYSTEMD:
        return _passed_socket()
    if not host:
        raise ValueError("an empty host is ambiguous: use 0.0.0.0 or :: for all interfaces")
    found = socket.getaddrinfo(
        host, port, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE | socket.AI_NUMERICSERV
    )
    family, _, _, _, target = found[0]
    return _open(family, target, backlog)


def _open(family: int, target: Any, backlog: int) -> Any:
    listener = _socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(target)
        listener.listen(backlog)
    except OSError:
        listener.close()
        raise
    return listener


def _remove_dead_socket(path: str) -> None:
    """Remove the UNIX socket that a server which was killed left behind.

    :raises ValueError: for a path that no UNIX socket can have.
    """
    if not 0 < len(os.fsencode(path)) <= _LONGEST_PATH:
        raise ValueError(f"the path of a UNIX socket has 1 to {_LONGEST_PATH} bytes, not {path!r}")
    probe = _socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.connect(path)
    except ConnectionRefusedError:
        if stat.S_ISSOCK(os.lstat(path).st_mode):  # any other file refuses connections, too
            os.unlink(path)
    except OSError:
        pass  # it does not exist, or bind() will say what it is
    finally:
        probe.close()


def _passed_socket() -> Any:
    """Return the socket that systemd passes to this process (sd_listen_fds(3)).

    The variables that say so are taken out of the environment, so that no child takes it too.
    """
    pid = os.environ.pop("LISTEN_PID", "")
    number = os.environ.pop("LISTEN_FDS", "0")
    os.environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()):
        raise ValueError("host = systemd, but no socket was passed: start it by a .socket unit")
    if number != "1":
        raise ValueError(f"host = systemd, but {number} sockets were passed: one is served")
    listener = _socket.socket(fileno=_FIRST_PASSED)
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        listener.close()
        raise ValueError(
            "host = systemd, but the passed socket does not listen: the .socket unit needs "
            "ListenStream= and Accept=no"
        )
    os.set_inheritable(_FIRST_PASSED, False)
    return listener

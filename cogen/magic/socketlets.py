"""Sockets for corolets: the calls wait for their result, without ``yield``.

The methods are those of :class:`cogen.core.sockets.Socket`, with the same
arguments, time-outs and errors. Outside of a corolet they raise RuntimeError.
"""

from __future__ import annotations

import io
from typing import Any, BinaryIO

from cogen.core import sockets
from cogen.core.sockets.operations import Data
from cogen.magic.corolets import yield_

__all__ = ["Socket"]


class Socket(sockets.Socket):
    """A socket whose methods wait."""

    __slots__ = ()

    def recv(self, bufsize: int, **kws: Any) -> bytes:  # type: ignore[override]
        """Receive at most ``bufsize`` bytes; the end of a stream raises ConnectionClosed."""
        return yield_(super().recv(bufsize, **kws))

    def send(self, data: Data, **kws: Any) -> int:  # type: ignore[override]
        """Send some of ``data``; return the number of bytes."""
        return yield_(super().send(data, **kws))

    def sendall(self, data: Data, **kws: Any) -> int:  # type: ignore[override]
        """Send all of ``data``; return the number of bytes."""
        return yield_(super().sendall(data, **kws))

    def accept(self, **kws: Any) -> tuple[Socket, Any]:  # type: ignore[override]
        """Wait for a connection; return a socket of this class and its address."""
        return yield_(super().accept(**kws))

    def connect(self, address: Any, **kws: Any) -> Socket:  # type: ignore[override]
        """Connect to ``address``; return this socket."""
        return yield_(super().connect(address, **kws))

    def sendfile(  # type: ignore[override]
        self,
        file_handle: BinaryIO,
        offset: int | None = None,
        length: int | None = None,
        blocksize: int = 4096,
        **kws: Any,
    ) -> int:
        """Send a file; return the number of bytes."""
        return yield_(super().sendfile(file_handle, offset, length, blocksize, **kws))

    def makefile(self, mode: str = "r", bufsize: int = -1) -> io.BufferedRWPair:  # type: ignore[override]
        """Return a standard buffered binary file on this socket, which it leaves open."""
        raw = _RawFile(self)
        return io.BufferedRWPair(raw, raw, bufsize if bufsize > 0 else io.DEFAULT_BUFFER_SIZE)


class _RawFile(io.RawIOBase):
    """What the buffered file reads from and writes to."""

    def __init__(self, sock: Socket) -> None:
        self._sock = sock

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._sock.recv(len(buffer))
        except sockets.ConnectionClosed as exc:
            if exc.errno is not None:
                raise
            return 0
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: Any) -> int:
        return self._sock.send(data)

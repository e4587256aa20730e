"""Reading a stream by the line or the length: the files of sockets."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any

from cogen.core.coroutines import coro
from cogen.core.sockets.operations import ConnectionClosed, Data, Recv, as_bytes

if TYPE_CHECKING:
    from cogen.core.sockets import Socket

#: A generator of operations.
Steps = Generator[Any, Any, Any]


@coro
def RecvAll(sock: Socket, length: int, **kws: Any) -> Steps:
    """Receive exactly ``length`` bytes; ConnectionClosed is raised if there are fewer."""
    data = bytearray()
    while len(data) < length:
        data += yield Recv(sock, length - len(data), **kws)
    return bytes(data)


class _fileobject:
    """A buffered binary file on a socket; read, write, flush and close are coroutines.

    ``bufsize``: bytes to buffer; negative means 8192, 0 none, 1 lines (for what
    is written). ``mode`` is for the reader: the file always does both. The
    coroutines take the keyword arguments of socket operations; what a time-out
    interrupts stays in the buffer. ``close`` (in the constructor) tells whether
    to close the socket too.
    """

    default_bufsize = 8192
    name = "<socket>"

    __slots__ = ("mode", "bufsize", "_sock", "_rbufsize", "_wbufsize", "_rbuf", "_wbuf", "_close")

    def __init__(
        self, sock: Socket, mode: str = "rb", bufsize: int = -1, close: bool = False
    ) -> None:
        self._sock: Socket | None = sock
        self.mode = mode
        self.bufsize = self.default_bufsize if bufsize < 0 else bufsize
        self._rbufsize = {0: 1, 1: self.default_bufsize}.get(self.bufsize, self.bufsize)
        self._wbufsize = {1: self.default_bufsize}.get(self.bufsize, self.bufsize)
        self._rbuf = bytearray()
        self._wbuf = bytearray()
        self._close = close

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._sock is None

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        return self._open().fileno()

    @coro
    def read(self, size: int = -1, **kws: Any) -> Steps:
        """Read ``size`` bytes, or until the end; return what there is if it ends before.

        Raises ConnectionClosed if nothing was left to read (but not where all
        was asked for: that gives b"").
        """
        while size < 0 or len(self._rbuf) < size:
            if not (yield from self._receive(max(self._rbufsize, size - len(self._rbuf)), kws)):
                if size > 0:
                    self._refuse_nothing()
                size = len(self._rbuf)
        return self._take(size)

    @coro
    def readline(self, size: int = -1, **kws: Any) -> Steps:
        """Read up to and with the next newline, at most ``size`` bytes.

        At the end return what is buffered; after it raise ConnectionClosed.
        """
        searched = 0
        while True:
            newline = self._rbuf.find(b"\n", searched) + 1
            if newline or 0 <= size <= len(self._rbuf):
                return self._take(min(newline or size, size if size >= 0 else newline))
            searched = len(self._rbuf)
            if not (yield from self._receive(self._rbufsize, kws)):
                self._refuse_nothing()
                return self._take(len(self._rbuf))

    @coro
    def readlines(self, sizehint: int = 0, **kws: Any) -> Steps:
        """Read lines until the end, or until they are ``sizehint`` bytes or more; return a list."""
        lines: list[bytes] = []
        total = 0
        while not sizehint or total < sizehint:
            try:
                line = yield self.readline(**kws)
            except ConnectionClosed as exc:
                if exc.errno is not None:
                    raise
                break
            lines.append(line)
            total += len(line)
        return lines

    @coro
    def write(self, data: Data, **kws: Any) -> Steps:
        """Write bytes; they are sent when the buffer is full, or by flush()."""
        self._wbuf += as_bytes(data)
        if self._is_full(b"\n" in bytes(data)):
            yield from self._send(kws)

    @coro
    def writelines(self, list: Iterable[Data], **kws: Any) -> Steps:
        """Write several pieces; no newline is added."""
        for data in list:
            self._wbuf += as_bytes(data)
        if self._is_full(True):
            yield from self._send(kws)

    @coro
    def flush(self, **kws: Any) -> Steps:
        """Send what is buffered."""
        yield from self._send(kws)

    @coro
    def close(self, **kws: Any) -> Steps:
        """Send what is buffered; the file is closed even if that fails."""
        try:
            if self._sock is not None:
                yield from self._send(kws)
        finally:
            sock, self._sock = self._sock, None
            if self._close and sock is not None:
                sock.close()

    def _open(self) -> Socket:
        if self._sock is None:
            raise ValueError("I/O operation on closed file")
        return self._sock

    def _receive(self, size: int, kws: dict[str, Any]) -> Steps:
        """Add to the read buffer; return False at the end of the stream."""
        try:
            self._rbuf += yield self._open().recv(size, **kws)
        except ConnectionClosed as exc:
            if exc.errno is not None:
                raise
            return False
        return True

    def _refuse_nothing(self) -> None:
        if not self._rbuf:
            raise ConnectionClosed("Empty recv.")

    def _take(self, size: int) -> bytes:
        data = bytes(self._rbuf[:size])
        del self._rbuf[:size]
        return data

    def _is_full(self, has_line: bool) -> bool:
        return len(self._wbuf) >= self._wbufsize or (self.bufsize == 1 and has_line)

    def _send(self, kws: dict[str, Any]) -> Steps:
        if not self._wbuf:
            return
        data, self._wbuf = bytes(self._wbuf), bytearray()
        sending = self._open().sendall(data, **kws)
        try:
            yield sending
        finally:
            self._wbuf[:0] = data[sending.sent :]

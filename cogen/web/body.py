"""A request's body: ``wsgi.input`` for those who block, operations for those who wait.

It is read from the socket only as far as somebody wants it: beyond :data:`HIGH_WATER` octets that
nobody has read the connection pauses, and TCP holds the client back. A client that waits for
``100 Continue`` gets it when the application first wants the body (RFC 9110, section 10.1.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from gevent.event import Event as GreenletEvent

from cogen.core import events

if TYPE_CHECKING:
    from .connection import Connection
    from .head import RequestHead

__all__ = ["HIGH_WATER", "NO_BODY", "Body", "ReadBody"]

HIGH_WATER: Final = 65536
#: Octets of a body nobody read that are skipped so that the connection can be used again.
_SKIPPED_AT_MOST: Final = 262144


class Body:
    """The body of one request, as far as it has arrived.

    :ivar read_count: octets that the application has read.
    """

    __slots__ = (
        "read_count",
        "_connection",
        "_buffer",
        "_ended",
        "_error",
        "_reader",
        "_wanted",
        "_says_continue",
        "_skipping",
    )

    def __init__(self, connection: Connection | None, head: RequestHead | None) -> None:
        self.read_count = 0
        self._connection = connection
        self._buffer = bytearray()
        self._ended = head is None
        self._error: BaseException | None = None
        self._reader: ReadBody | GreenletEvent | None = None
        self._wanted = 0
        self._says_continue = head is not None and head.expects_continue
        self._skipping = False

    def __repr__(self) -> str:
        return f"<Body {len(self._buffer)} octets waiting, {self.read_count} read>"

    # What the connection does.

    def feed(self, data: bytes) -> None:
        """Take what has arrived."""
        self._says_continue = False
        if self._skipping:
            self.read_count += len(data)
            if self.read_count > _SKIPPED_AT_MOST and self._connection is not None:
                self._connection.close_gently()
            return
        self._buffer += data
        self._tell_reader()
        if len(self._buffer) > max(HIGH_WATER, self._wanted) and self._connection is not None:
            self._connection.pause_reading()

    def end(self) -> None:
        """Note that all has arrived."""
        self._ended = True
        self._tell_reader()
        if self._connection is not None:
            self._connection.resume_reading()
            self._connection = None

    def fail(self, error: BaseException) -> None:
        """Let every read from now on that can't be satisfied raise `error`."""
        if not self._ended:
            self._error = error
            self._tell_reader()
            self._connection = None

    def skip(self) -> bool:
        """Throw away what the application did not read; return False if that is too much.

        A client that still waits for 100 Continue may or may not send its body: what comes next
        on that connection can't be told.
        """
        if self._says_continue or self._error is not None:
            return False
        self._skipping = True
        self.read_count = len(self._buffer)
        self._buffer.clear()
        return True

    def _tell_reader(self) -> None:
        reader = self._reader
        if isinstance(reader, ReadBody):
            reader.try_again()
        elif reader is not None:
            reader.set()

    # What the application does.

    def take(self, size: int, line: bool) -> bytes | None:
        """Return what a read gives, None while that has not arrived.

        :raises BaseException: what the connection failed with.
        """
        buffer = self._buffer
        there = len(buffer)
        end = there if self._ended else -1
        if line:
            newline = buffer.find(b"\n", 0, there if size < 0 else size)
            if newline >= 0:
                end = newline + 1
        if 0 <= size <= there and (end < 0 or end > size):
            end = size
        if end < 0:
            if self._error is not None:
                raise self._error
            return None
        data = bytes(buffer[:end])
        del buffer[:end]
        self.read_count += end
        if self._connection is not None:
            self._connection.resume_reading()
        return data

    def want(self, size: int) -> None:
        """Let up to `size` octets arrive; -1 is as many as the server's limit allows."""
        connection = self._connection
        if connection is None:
            return
        self._wanted = size if size >= 0 else 1 << 62
        connection.resume_reading()
        if self._says_continue:
            self._says_continue = False
            connection.send_continue()

    def reading(self, size: int, line: bool, **options: Any) -> ReadBody:
        """Return the operation that reads; see :class:`ReadBody`."""
        return ReadBody(self, size, line, **options)

    def read(self, size: int | None = -1) -> bytes:
        """Return `size` octets, fewer only at the end; block this greenlet until they are here."""
        return self._block(-1 if size is None else size, False)

    def readline(self, size: int | None = -1) -> bytes:
        """Return a line with its end, at most `size` octets of it; b"" at the end."""
        return self._block(-1 if size is None else size, True)

    def readlines(self, hint: int | None = None) -> list[bytes]:
        """Return the lines that are left; stop after `hint` octets."""
        lines = []
        count = 0
        for line in self:
            lines.append(line)
            count += len(line)
            if hint is not None and 0 < hint <= count:
                break
        return lines

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def add_reader(self, reader: ReadBody | GreenletEvent) -> None:
        """Let `reader` be told when more has arrived; there is one at a time."""
        if self._reader is not None:
            raise RuntimeError("two readers want the same request body at a time")
        self._reader = reader

    def remove_reader(self, reader: ReadBody | GreenletEvent) -> None:
        if self._reader is reader:
            self._reader = None

    def _block(self, size: int, line: bool) -> bytes:
        while (data := self.take(size, line)) is None:
            event = GreenletEvent()
            self.add_reader(event)
            try:
                self.want(size)
                event.wait()
            finally:
                self.remove_reader(event)
        return data


class ReadBody(events.TimedOperation):
    """Read from a request's body.

    Yields back the octets: as many as asked for, fewer only at the end of the body.

    :raises HTTPError: when the body is too large or too slow; not caught, it is the answer.
    """

    __slots__ = ("body", "size", "line", "result")

    def __init__(self, body: Body, size: int, line: bool, **options: Any) -> None:
        super().__init__(**options)
        self.body = body
        self.size = size
        self.line = line
        self.result: bytes | None = None

    def process(self, sched: Any, coro: Any) -> Any:
        body = self.body
        self.result = body.take(self.size, self.line)
        if self.result is not None:
            return self, coro
        body.add_reader(self)
        sched.wait(self, coro)
        body.want(self.size)
        return None

    def try_again(self) -> None:
        """Complete if what has arrived is enough, or will never be."""
        try:
            self.result = self.body.take(self.size, self.line)
        except Exception as error:  # noqa: BLE001 - it is raised at the read
            self.body.remove_reader(self)
            self.sched.fail(self, self.caller, error)
            return
        if self.result is not None:
            self.body.remove_reader(self)
            self.sched.arrive(self, self.caller)

    def finalize(self, sched: Any = None) -> bytes | None:
        super().finalize(sched)
        return self.result

    def cleanup(self, sched: Any, coro: Any) -> bool:
        self.body.remove_reader(self)
        return True


#: The body of every request that has none.
NO_BODY: Final = Body(None, None)

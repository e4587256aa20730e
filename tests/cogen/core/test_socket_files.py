"""The files of sockets: read, readline, write, flush, and the end of the stream."""

import errno
import socket
import struct

import pytest

from cogen.core import events
from cogen.core.coroutines import coro
from cogen.core.sockets import ConnectionClosed, Socket


@pytest.fixture
def ends():
    """A socket to write to and one to make files on."""
    ends = [Socket(_sock=end) for end in socket.socketpair()]
    yield ends
    for end in ends:
        end.close()


def fed(run, ends, data, func, bufsize=-1, end=True):
    """Run ``func(file)`` on a stream that has ``data`` and, if ``end``, nothing more."""

    @coro
    def story():
        yield ends[0].sendall(data)
        if end:
            ends[0].close()
        return (yield func(ends[1].makefile("rb", bufsize)))

    return run(story)


@pytest.mark.parametrize("bufsize", [-1, 0, 1, 3])
def test_readline_and_read_share_the_buffer(run, ends, bufsize):
    @coro
    def read(file):
        return [
            (yield file.readline()),
            (yield file.read(2)),
            (yield file.readline()),
            (yield file.readline(3)),
            (yield file.readline(100)),
            (yield file.read()),
        ]

    assert fed(run, ends, b"one\ntwo\nthree\nfour\nfive", read, bufsize) == [
        b"one\n",
        b"tw",
        b"o\n",
        b"thr",
        b"ee\n",
        b"four\nfive",
    ]


@pytest.mark.parametrize("method", ["read", "readline"])
def test_the_end_of_the_stream_gives_what_is_buffered_then_closed(run, ends, method):
    """In 2008 what was buffered was lost."""

    @coro
    def read(file):
        first = yield getattr(file, method)(100)
        with pytest.raises(ConnectionClosed):
            yield getattr(file, method)(100)
        return first

    assert fed(run, ends, b"no newline", read) == b"no newline"


def test_a_reset_is_not_taken_for_the_end(run):
    listener, writer = Socket(), Socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()

    @coro
    def story():
        yield writer.connect(listener.getsockname())
        conn, _ = yield listener.accept()
        yield writer.sendall(b"part of a line")
        file = conn.makefile()
        assert (yield file.read(4)) == b"part"
        writer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()
        with pytest.raises(ConnectionClosed) as caught:
            yield file.readline()
        conn.close()
        return caught.value.errno

    assert run(story) == errno.ECONNRESET
    listener.close()


def test_read_of_nothing_and_of_all_that_is_left_is_no_error(run, ends):
    @coro
    def read(file):
        nothing = [(yield file.read(0)), (yield file.readline(0))]
        return [*nothing, (yield file.read()), (yield file.read())]

    assert fed(run, ends, b"rest", read) == [b"", b"", b"rest", b""]


@pytest.mark.parametrize(
    ("hint", "lines"),
    [(0, [b"a\n", b"bb\n", b"c"]), (2, [b"a\n"]), (3, [b"a\n", b"bb\n"])],
)
def test_readlines(run, ends, hint, lines):
    @coro
    def read(file):
        return (yield file.readlines(hint))

    assert fed(run, ends, b"a\nbb\nc", read) == lines


def test_a_timeout_in_mid_line_keeps_what_has_come(run, ends):
    @coro
    def read(file):
        with pytest.raises(events.OperationTimeout):
            yield file.readline(timeout=0.001)
        yield ends[0].sendall(b" whole\n")
        return (yield file.readline())

    assert fed(run, ends, b"the", read, end=False) == b"the whole\n"


def test_writes_are_buffered_until_flush_or_close(run, ends):
    @coro
    def story():
        file = ends[0].makefile()
        yield file.write(b"one ")
        yield file.writelines([b"two ", bytearray(b"three ")])
        with pytest.raises(events.OperationTimeout):
            yield ends[1].recv(100, timeout=0.001)
        yield file.flush()
        first = yield ends[1].recv(100)
        yield file.write(b"four")
        yield file.close()
        assert file.closed
        yield file.close()
        with pytest.raises(ValueError, match="closed file"):
            file.fileno()
        return first, (yield ends[1].recv(100)), ends[0].fileno() != -1

    assert run(story) == (b"one two three ", b"four", True)


@pytest.mark.parametrize(
    ("bufsize", "sent"), [(0, [b"a", b"b\n", b"c"]), (1, [b"ab\n"]), (2, [b"ab\n"])]
)
def test_when_a_write_is_sent(run, ends, bufsize, sent):
    """Unbuffered: at once; buffered by the line: with the newline; else when full."""

    @coro
    def story():
        file, seen = ends[0].makefile("w", bufsize), []
        for data in (b"a", b"b\n", b"c"):
            yield file.write(data)
            try:
                seen.append((yield ends[1].recv(100, timeout=0.001)))
            except events.OperationTimeout:
                pass
        return seen

    assert run(story) == sent


def test_what_a_timeout_kept_from_being_sent_stays_in_the_buffer(sched, run, ends):
    data = bytes(range(256)) * 8192

    @coro
    def reader():
        received = bytearray()
        while len(received) < len(data):
            received += yield ends[1].recv(100_000)
        return bytes(received)

    @coro
    def story():
        file = ends[0].makefile()
        with pytest.raises(events.OperationTimeout):
            yield file.write(data, timeout=0.001)
        reading = sched.add(reader)
        yield file.flush()
        return (yield events.Join(reading)) == data

    assert run(story)


def test_text_is_refused_by_name(run, ends):
    @coro
    def story():
        with pytest.raises(TypeError, match="data must be bytes"):
            yield ends[0].makefile().write("text")
        return "refused"

    assert run(story) == "refused"

"""Sockets: each operation over real connections, time-outs, errors, closing."""

import errno
import io
import socket

import pytest

from cogen.core import events
from cogen.core.coroutines import coro
from cogen.core.schedulers import Scheduler
from cogen.core.sockets import (
    Accept,
    ConnectionClosed,
    RecvAll,
    SendAll,
    SendFile,
    Socket,
    SocketError,
    getdefaulttimeout,
    setdefaulttimeout,
)


@pytest.fixture
def pair():
    """Two connected sockets."""
    ends = [Socket(_sock=end) for end in socket.socketpair()]
    yield ends
    for end in ends:
        end.close()


@pytest.fixture
def listener():
    """A listening socket on a free port of the loopback address."""
    sock = Socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    yield sock
    sock.close()


def echo_once(listener, family=socket.AF_INET):
    """Return a coroutine that serves one connection, and one that uses it."""

    @coro
    def server():
        conn, address = yield listener.accept()
        yield conn.sendall((yield conn.recv(100)).upper())
        conn.close()
        return address

    @coro
    def client():
        sock = Socket(family)
        assert (yield sock.connect(listener.getsockname())) is sock
        yield sock.sendall(b"hello")
        answer = yield sock.recv(100)
        with pytest.raises(ConnectionClosed, match="Empty recv"):
            yield sock.recv(100)
        sock.close()
        return answer

    return server, client


def test_accept_connect_recv_and_sendall(sched, run, listener):
    server, client = echo_once(listener)
    served = sched.add(server)
    assert run(client) == b"HELLO"
    assert served.result[0] == "127.0.0.1"


@pytest.mark.skipif(not socket.has_ipv6, reason="the system has no IPv6")
def test_ipv6(sched, run):
    listener = Socket(socket.AF_INET6)
    listener.bind(("::1", 0))
    listener.listen()
    server, client = echo_once(listener, socket.AF_INET6)
    served = sched.add(server)
    assert run(client) == b"HELLO"
    assert served.result[0] == "::1"
    listener.close()


def test_unix_sockets(sched, run, tmp_path):
    listener = Socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "sock"))
    listener.listen()
    server, client = echo_once(listener, socket.AF_UNIX)
    sched.add(server)
    assert run(client) == b"HELLO"
    listener.close()


def test_a_unix_socket_whose_listener_has_no_room_is_an_error_not_a_busy_loop(run, tmp_path):
    listener = Socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "sock"))
    listener.listen(0)
    clients = [Socket(socket.AF_UNIX) for _ in range(3)]

    @coro
    def story():
        for client in clients:
            yield client.connect(listener.getsockname())

    with pytest.raises(SocketError) as caught:
        run(story)
    assert caught.value.errno == errno.EAGAIN
    for sock in (listener, *clients):
        sock.close()


def test_connect_to_nobody_is_a_socket_error(run, listener):
    address = listener.getsockname()
    listener.close()

    @coro
    def story():
        sock = Socket()
        try:
            yield sock.connect(address)
        finally:
            sock.close()

    with pytest.raises(SocketError) as caught:
        run(story)
    assert caught.value.errno == errno.ECONNREFUSED


def test_an_accept_or_a_recv_that_waits_is_completed_later(sched, run, pair):
    left, right = pair

    @coro
    def sender():
        yield events.Sleep(0.002)
        return (yield right.send(b"late"))

    @coro
    def story():
        sending = sched.add(sender)
        return (yield left.recv(100)), (yield events.Join(sending))

    assert run(story) == (b"late", 4)


@pytest.mark.parametrize("first", [True, False])
def test_sendall_waits_for_a_reader_that_is_slow(first):
    """With and without trying the system call before waiting."""
    sched = Scheduler(proactor_multiplex_first=first)
    left, right = (Socket(_sock=end) for end in socket.socketpair())
    data = bytes(range(256)) * 8192

    @coro
    def reader():
        yield events.Sleep(0.002)
        return (yield RecvAll(right, len(data)))

    @coro
    def story():
        reading = sched.add(reader)
        assert (yield left.sendall(memoryview(data))) == len(data)
        return (yield events.Join(reading)) == data

    assert sched.run(story())
    left.close()
    right.close()


def test_send_gives_the_number_of_bytes_that_went(run, pair):
    @coro
    def story():
        return (yield pair[0].send(bytes(10_000_000)))

    assert 0 < run(story) < 10_000_000


def test_recv_all_says_when_there_is_less(run, pair):
    @coro
    def story():
        yield pair[0].sendall(b"four")
        pair[0].close()
        return (yield RecvAll(pair[1], 5))

    with pytest.raises(ConnectionClosed):
        run(story)


def test_the_timeout_of_the_socket_is_that_of_its_operations(sched, run, pair):
    pair[0].settimeout(0.001)
    assert pair[0].gettimeout() == 0.001

    @coro
    def story():
        with pytest.raises(events.OperationTimeout) as caught:
            yield pair[0].recv(1)
        assert caught.value.args[0].sock is pair[0]
        with pytest.raises(events.OperationTimeout):
            yield pair[0].recv(1, timeout=0.002)
        return len(sched.proactor), sched.pending

    assert run(story) == (0, 0)


def test_the_default_timeout_is_for_new_sockets():
    assert getdefaulttimeout() is None
    setdefaulttimeout(5)
    try:
        sock = Socket()
        assert sock.gettimeout() == 5
        assert sock.recv(1).timeout == 5
        sock.close()
    finally:
        setdefaulttimeout(None)


@pytest.mark.parametrize(("weak", "outcome"), [(True, "sent"), (False, "too slow")])
def test_a_weak_timeout_lets_a_slow_but_steady_transfer_end(weak, outcome):
    sched = Scheduler()
    left, right = (Socket(_sock=end) for end in socket.socketpair())
    left._fd.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    data = bytes(200_000)

    @coro
    def reader():
        for _ in range(40):
            yield events.Sleep(0.002)
            yield right.recv(10_000)

    @coro
    def story():
        reading = yield events.AddCoro(reader)
        try:
            yield SendAll(left, data, timeout=0.02, weak_timeout=weak)
            return "sent"
        except events.OperationTimeout:
            return "too slow"
        finally:
            reading.cancel()

    assert sched.run(story()) == outcome
    left.close()
    right.close()


@pytest.mark.parametrize("kind", ["file", "no descriptor"])
def test_sendfile_sends_a_part_or_all_of_a_file(sched, run, pair, tmp_path, kind):
    content = bytes(range(256)) * 2048
    path = tmp_path / "file"
    path.write_bytes(content)
    left, right = pair

    @coro
    def story(file):
        received = yield events.AddCoro(RecvAll, (right, len(content) + 10 + len(content) - 100))
        assert (yield left.sendfile(file, blocksize=1000)) == len(content)
        assert (yield left.sendfile(file, 5, 10)) == 10
        assert (yield SendFile(file, left, 100, len(content), blocksize=0)) == len(content) - 100
        return (yield events.Join(received)) == content + content[5:15] + content[100:]

    with path.open("rb") if kind == "file" else io.BytesIO(content) as file:
        assert run(story, file)


def test_sendfile_begins_where_the_file_stands(run, pair, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")

    @coro
    def story(file):
        file.seek(8)
        yield pair[0].sendfile(file)
        return (yield pair[1].recv(100))

    with path.open("rb") as file:
        assert run(story, file) == b"89"


def test_closing_a_socket_tells_those_who_wait_for_it(sched, run, pair):
    @coro
    def story():
        sched.call_soon(pair[0].close)
        with pytest.raises(ConnectionClosed, match="closed here"):
            yield pair[0].recv(1)
        with pytest.raises(SocketError) as caught:
            yield pair[0].recv(1)
        return caught.value.errno, pair[0].fileno()

    assert run(story) == (errno.EBADF, -1)


def test_a_peer_that_is_gone_is_connection_closed(run, pair):
    @coro
    def story():
        pair[1].close()
        with pytest.raises(ConnectionClosed) as caught:
            yield pair[0].send(b"into the void")
        return caught.value.errno in (errno.EPIPE, errno.ECONNRESET)

    assert run(story)


def test_a_cancelled_recv_leaves_the_data_for_the_next(sched, run, pair):
    @coro
    def reader():
        yield pair[0].recv(1)

    @coro
    def story():
        reading = sched.add(reader)
        yield events.Sleep(0.001)
        assert len(sched.proactor) == 1
        reading.cancel()
        yield pair[1].send(b"x")
        return (yield pair[0].recv(1))

    assert run(story) == b"x"


def test_a_connection_accepted_for_a_cancelled_accept_is_closed(sched, run, listener):
    @coro
    def acceptor():
        yield listener.accept()

    @coro
    def story():
        accepting = sched.add(acceptor)
        yield events.Sleep(0.001)
        client = Socket()
        yield client.connect(listener.getsockname())
        while accepting.op.state != events.READY:
            sched.proactor._is_ready(accepting.op, Accept.perform)
        conn = accepting.op.conn
        accepting.cancel()
        client.close()
        return conn.fileno()

    assert run(story) == -1


def test_an_empty_datagram_is_no_end(run):
    receiver, sender = (Socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    receiver.bind(("127.0.0.1", 0))

    @coro
    def story():
        yield sender.connect(receiver.getsockname())
        yield sender.send(b"")
        return (yield receiver.recv(10))

    assert run(story) == b""
    sender.close()
    receiver.close()


def test_a_socket_never_blocks():
    sock = Socket()
    sock.setblocking(0)
    with pytest.raises(RuntimeError, match="can't be blocking"):
        sock.setblocking(1)
    sock.close()


def test_bad_arguments_are_refused_at_the_call(pair):
    with pytest.raises(ValueError, match="len must be a number of bytes"):
        pair[0].recv(0)
    with pytest.raises(TypeError, match="data must be bytes, not 'text'"):
        pair[0].sendall("text")
    with pytest.raises(TypeError, match="sock must be a cogen Socket"):
        Accept(pair[0]._fd)
    with pytest.raises(ValueError, match="offset must be a number of bytes"):
        pair[0].sendfile(None, -1)
    with pytest.raises(TypeError, match="timeout must be"):
        pair[0].settimeout("long")


def test_a_socket_looks_like_the_standard_one(pair):
    assert pair[0].fileno() == pair[0]._fd.fileno()
    assert pair[0].getpeername() == pair[0].getsockname() == ""
    pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    assert pair[0].getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) >= 8192
    pair[0].shutdown(socket.SHUT_RDWR)
    assert "socket at 0x" in repr(pair[0])

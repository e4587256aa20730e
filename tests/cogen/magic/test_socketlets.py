"""Sockets for corolets: the same operations, without yield."""

import socket

import pytest

from cogen.core import events, sockets
from cogen.core.schedulers import Scheduler
from cogen.magic.corolets import corolet
from cogen.magic.socketlets import Socket


@pytest.fixture
def sched():
    return Scheduler()


def test_a_server_and_a_client(sched):
    listener = Socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()

    @corolet
    def server():
        conn, _ = listener.accept()
        assert isinstance(conn, Socket)
        file = conn.makefile()
        for line in iter(file.readline, b""):
            file.write(line.upper())
            file.flush()
        conn.close()
        return "served"

    @corolet
    def client():
        serving = sched.add(server)
        sock = Socket()
        assert sock.connect(listener.getsockname()) is sock
        assert sock.sendall(b"one\ntwo\n") == 8
        received = sock.recv(100)
        while len(received) < 8:
            received += sock.recv(100)
        sock.shutdown(socket.SHUT_WR)
        with pytest.raises(sockets.ConnectionClosed):
            sock.recv(100)
        sock.close()
        return received, serving

    received, serving = sched.run(client())
    listener.close()
    assert received == b"ONE\nTWO\n"
    assert serving.result == "served"


def test_sendfile_send_and_timeouts(sched, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"from a file")
    left, right = (Socket(_sock=end) for end in socket.socketpair())

    @corolet
    def story():
        with pytest.raises(events.OperationTimeout):
            right.recv(1, timeout=0.001)
        with path.open("rb") as file:
            assert left.sendfile(file) == 11
        assert left.send(b"!") == 1
        return right.recv(100)

    assert sched.run(story()) in (b"from a file", b"from a file!")
    left.close()
    right.close()


def test_outside_of_a_corolet_it_is_refused():
    left, right = (Socket(_sock=end) for end in socket.socketpair())
    with pytest.raises(RuntimeError, match="works only in a @corolet"):
        left.recv(1)
    left.close()
    right.close()

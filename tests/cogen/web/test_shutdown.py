"""The end of a server, and the end of many clients: nothing is lost, nothing stays."""

import os
import resource
import signal
import time

import pytest

from cogen.core import events, queue
from cogen.core.coroutines import coro
from cogen.core.schedulers import Scheduler
from cogen.web.wsgi import WSGIServer
from tests.cogen.web.rig import PLAIN, Client, hello, until


@pytest.fixture
def serving(serve_ini):
    """A ``paster serve`` process, and how to connect to it."""
    clients = []

    def start(*options):
        served, address = serve_ini("waiting_by_path", *options)

        def connect():
            clients.append(Client(address))
            return clients[-1]

        return served, connect

    yield start
    for client in clients:
        client.close()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_waits_at_once_and_lets_steps_finish(serving, signum):
    served, connect = serving()
    idle, parked, twice, running = (connect() for _ in range(4))
    assert idle.get("/hello").body == b"hello"
    for client, path in ((parked, "/parked"), (twice, "/twice"), (running, "/running")):
        client.request(path)
        served.wait_for(f"begins {path}")
    began = time.monotonic()
    served.process.send_signal(signum)
    assert idle.is_closed()
    for client, body in ((parked, b"OperationTimeout"), (twice, b"slept " * 2), (running, b"ran")):
        response = client.response()
        assert response.body == body
        assert response.headers["connection"] == "close"
        assert client.is_closed()
        client.close()
    assert served.wait() == 0
    assert time.monotonic() - began < 2
    assert sum("closes" in line for line in served.lines) == 4
    with pytest.raises(OSError, match="refused"):
        connect()


def test_data_that_was_accepted_is_answered(serving):
    """Also what waits in the kernel, unread, and what was sent ahead."""
    served, connect = serving()
    clients = [connect() for _ in range(50)]
    assert clients[0].get("/hello").body == b"hello"
    os.kill(served.process.pid, signal.SIGSTOP)
    late = [connect() for _ in range(50)]
    for client in clients + late:
        client.send(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
    os.kill(served.process.pid, signal.SIGTERM)
    os.kill(served.process.pid, signal.SIGCONT)
    for client in clients + late:
        assert [client.response().body for _ in range(2)] == [b"hello"] * 2
        assert client.is_closed()
        client.close()
    assert served.wait() == 0


def test_request_that_has_begun_to_arrive_is_answered(serving):
    served, connect = serving()
    client = connect()
    client.send(b"GET /hello HTTP/1.1\r\nHost: a\r\n")
    other = connect()
    assert other.get("/hello").body == b"hello"  # so that the first has been read too
    served.process.terminate()
    served.wait_for("stopping")
    client.send(b"\r\n")
    assert client.response().body == b"hello"
    client.close()
    assert served.wait() == 0


def test_second_signal_stops_at_once_and_still_closes(serving):
    served, connect = serving("shutdown_timeout = 100")
    client = connect()
    client.request("/blocked")
    served.wait_for("begins /blocked")
    served.process.terminate()
    served.wait_for("stopping")
    assert served.process.poll() is None
    began = time.monotonic()
    assert served.stop() == 0
    assert time.monotonic() - began < 3
    assert any("closes /blocked" in line for line in served.lines)
    assert client.is_closed()


def test_steps_that_take_longer_than_the_grace_are_killed(serving):
    served, connect = serving("shutdown_timeout = 0.2")
    clients = [connect() for _ in range(3)]
    for client in clients:
        client.request("/blocked")
        served.wait_for("begins /blocked")
    began = time.monotonic()
    assert served.stop() == 0
    assert time.monotonic() - began < 3
    assert sum("closes /blocked" in line for line in served.lines) == 3
    assert all(client.is_closed() for client in clients)


def test_step_that_will_not_be_killed_does_not_keep_the_process(serving):
    served, connect = serving("shutdown_timeout = 0.2")
    connect().request("/stubborn")
    served.wait_for("begins /stubborn")
    began = time.monotonic()
    assert served.stop() == 0
    assert time.monotonic() - began < 4


def test_wait_that_begins_during_the_stop_is_over_at_once(serve, connect):
    seen = []

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        while not server.server.stopping:
            yield environ["cogen.core"].events.Sleep(0.001)
        yield environ["cogen.call"](queue.Queue().get)(timeout=1000)
        seen.append(type(environ["cogen.wsgi"].result))
        yield b"done"

    server = serve(application)
    client = connect(server)
    client.request()
    server.parked()
    server.call(server.server.stop)
    assert client.response().body == b"done"
    assert seen == [events.OperationTimeout]


def test_coroutine_that_a_request_waits_for_is_ended_too(serve, connect):
    seen = []

    @coro
    def working():
        try:
            yield events.Sleep(1000)
        finally:
            seen.append("ended")

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield environ["cogen.call"](working)()
        yield type(environ["cogen.wsgi"].result).__name__.encode()

    server = serve(application)
    client = connect(server)
    client.request()
    server.parked()
    server.call(server.server.stop)
    assert client.response().body == b"OperationTimeout"
    assert seen == ["ended"]


def test_server_can_be_stopped_before_it_has_begun_and_twice(serve):
    server = WSGIServer(("127.0.0.1", 0), hello, Scheduler())
    server.stop()
    server.stop_now()
    running = serve(hello)
    running.call(running.server.stop_now)
    running.stop()
    running.stop()


def test_other_coroutines_of_the_scheduler_go_on_without_the_server(serve, connect):
    """2008's server was a coroutine among others: when it has stopped, only it has."""
    seen = []

    @coro
    def other():
        while "stopped" not in seen:
            yield events.Sleep(0.001)
        seen.append("went on")

    server = serve(hello)
    server.call(server.sched.add, other)
    with connect(server) as client:
        assert client.get().body == b"hello"
    server.call(server.server.stop)
    until(lambda: not server.server.connections)
    server.call(seen.append, "stopped")
    server.stop()
    assert seen == ["stopped", "went on"]


# Many who leave.


@pytest.fixture
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 5000:
        pytest.skip("needs 5,000 file descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 5000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("leave", ["close", "reset", "half_close"])
def test_thousand_that_vanish_in_mid_wait_are_released_within_a_second(
    serve, many_descriptors, leave
):
    messages = queue.Queue()
    ended = []

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        try:
            yield environ["cogen.call"](messages.get)(timeout=1000)
        finally:
            ended.append(1)

    server = serve(application)
    with Client(server.address) as first:
        first.request()
        server.parked(1)
    server.connections(0)
    ended.clear()
    pending = server.call(lambda: server.sched.pending)
    descriptors = len(os.listdir("/proc/self/fd"))
    clients = [Client(server.address) for _ in range(1000)]
    for client in clients:
        client.request()
    server.parked(1000)
    assert len(messages.waiting_gets) == 1000
    for client in clients:
        getattr(client, leave)()
    began = time.monotonic()
    server.connections(0)
    assert time.monotonic() - began < 1
    assert len(ended) == 1000
    assert not messages.waiting_gets
    assert server.call(lambda: server.sched.pending) == pending
    for client in clients:
        client.close()
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 2
    with Client(server.address) as client:
        client.request()
        server.parked(1)
        server.put(messages, "x")
        assert client.response().status == 200


AHEAD = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n" * 100
BODY = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 70000


@pytest.mark.parametrize("leave", ["close", "reset", "half_close"])
@pytest.mark.parametrize("sent", [AHEAD, BODY], ids=["requests", "body"])
def test_who_has_sent_more_than_is_read_is_missed_too(serve, connect, leave, sent):
    messages = queue.Queue()

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield environ["cogen.call"](messages.get)(timeout=1000)
        yield b"served"

    server = serve(application)
    client, who_stays = connect(server), connect(server)
    for each in (client, who_stays):
        each.send(sent)
    server.parked(2)
    until(lambda: len(server.call(lambda: list(server.server.held_back))) == 2)
    getattr(client, leave)()
    until(lambda: len(messages.waiting_gets) == 1, "leaving the queue")
    server.put(messages, "x")
    assert who_stays.response().body == b"served"


def test_an_endless_stream_is_ended_and_does_not_spin(serve, connect):
    steps = []

    def endless(environ, start_response):
        start_response("200 OK", PLAIN)
        yield b"begins"
        while True:
            yield environ["cogen.core"].events.Sleep(60)
            steps.append(1)
            yield b"."

    server = serve(endless, shutdown_timeout=60)
    client = connect(server)
    client.request()
    server.parked()
    server.call(server.server.stop)
    until(lambda: not server.server.connections, "the stream's end")
    assert 0 < len(steps) < 100


def test_a_body_that_is_arriving_is_still_read(serve, connect):
    def echo(environ, start_response):
        yield environ["cogen.input"].read(4)
        start_response("200 OK", PLAIN)
        yield environ["cogen.wsgi"].result

    server = serve(echo)
    client = connect(server)
    client.send(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nab")
    server.parked()
    server.call(server.server.stop)
    client.send(b"cd")
    assert client.response().body == b"abcd"

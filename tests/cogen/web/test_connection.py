"""A connection: from request to request, and how it ends, by us or by a client that leaves."""

import threading

import gevent
import pytest

from cogen.core import events, queue
from cogen.core.coroutines import coro
from tests.cogen.web.apps import echo, streaming, waiting
from tests.cogen.web.rig import LEAVING, PLAIN, Closing, hello, leave_by_fin, leave_by_rst, until

# From request to request.


def test_connection_is_kept_for_1_1_and_for_1_0_that_asks(serve, connect):
    client = connect(serve(hello))
    assert [client.get().body for _ in range(3)] == [b"hello"] * 3
    client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert client.response().headers["connection"] == "keep-alive"
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    assert client.response().headers["connection"] == "close"
    assert client.is_closed()


def test_connections_share_parsers_only_between_requests(serve, connect):
    server = serve(echo)
    clients = [connect(server) for _ in range(3)]
    head = b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"
    for _ in range(3):
        for first, last in ((0, 5), (5, 30), (30, None)):
            for number, client in enumerate(clients):
                client.send((head % number)[first:last])
            server.call(gevent.sleep, 0)
        for number, client in enumerate(clients):
            client.send(b"%d" % number)
            assert client.response().body == b"POST /%d %d" % (number, number)


def test_close_is_said_and_done(serve, connect):
    client = connect(serve(hello))
    assert client.get(headers=["Connection: close"]).headers["connection"] == "close"
    assert client.is_closed()


def test_1_0_without_a_length_ends_with_the_connection(serve, connect):
    client = connect(serve(streaming(b"abc", b"def")))
    client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    response = client.response()
    assert response.headers["connection"] == "close"
    assert "transfer-encoding" not in response.headers
    assert response.body == b"abcdef"
    assert client.is_closed()


def test_requests_sent_ahead_are_answered_in_order(serve, connect):
    def application(environ, start_response):
        if environ["PATH_INFO"] == "/0":
            gevent.sleep(0.01)
        return echo(environ, start_response)

    client = connect(serve(application))
    ask = b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n%d"
    client.send(b"".join(ask % (i, i % 10) for i in range(200)))
    assert [client.response().body for _ in range(200)] == [
        b"POST /%d %d" % (i, i % 10) for i in range(200)
    ]


def test_requests_sent_ahead_without_reading_are_held_back(serve, connect):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        return [b"x" * 10_000]

    server = serve(application, write_timeout=100)
    client = connect(server, receive_buffer=4096)
    client.socket.settimeout(0.3)
    ask = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 1000
    with pytest.raises(TimeoutError):
        client.send(ask * 2000)
    (connection,) = server.call(lambda: list(server.server.connections))
    assert len(connection._backlog) < 65536 // 20 + 100
    client.close()
    server.connections(0)


def test_request_after_a_broken_one_is_not_answered(serve, connect):
    client = connect(serve(hello))
    ask = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    client.send(ask + b"GARBAGE\r\n\r\n" + ask)
    assert client.response().status == 200
    response = client.response()
    assert (response.status, response.headers["connection"]) == (400, "close")
    assert client.is_closed()


def test_request_after_a_close_is_not_answered(serve, connect):
    client = connect(serve(hello))
    ask = b"GET / HTTP/1.1\r\nHost: a\r\n"
    client.send(ask + b"Connection: close\r\n\r\n" + ask + b"\r\n")
    assert client.response().status == 200
    assert client.is_closed()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
)
def test_refused_request_is_told_why_and_the_next_connection_works(
    serve, connect, request_, status
):
    server = serve(hello)
    client = connect(server)
    client.send(request_)
    response = client.response()
    assert (response.status, response.headers["connection"]) == (status, "close")
    assert client.is_closed()
    client.close()
    assert connect(server).get().body == b"hello"
    assert server.call(lambda: list(server.server.refused.values())) == [1]
    server.connections(1)


def test_answer_reaches_a_client_that_is_still_sending(serve, connect):
    """A close with unread data is a reset, which would destroy the answer (RFC 9112, 9.6)."""
    client = connect(serve(hello))
    client.send(b"GARBAGE\r\n\r\n")
    client.send(b"x" * 200_000)
    assert client.response().status == 400
    assert client.is_closed()


# Clients that leave.


@pytest.mark.parametrize("leave", LEAVING)
def test_client_that_leaves_in_mid_wait_undoes_everything(serve, connect, leave):
    messages = queue.Queue()
    seen = []

    def chunks(environ):
        try:
            yield environ["cogen.call"](messages.get)(timeout=100)
        except GeneratorExit:
            seen.append("GeneratorExit")
            raise
        finally:
            seen.append("finally")

    result = None

    def application(environ, start_response):
        nonlocal result
        start_response("200 OK", PLAIN)
        result = Closing(chunks(environ))
        return result

    server = serve(application)
    client = connect(server)
    client.request()
    server.parked()
    assert len(messages.waiting_gets) == 1
    before = server.call(lambda: server.sched.pending)
    leave(client)
    server.connections(0)
    assert seen == ["GeneratorExit", "finally"]
    assert result.closed == 1
    assert not messages.waiting_gets
    assert server.call(lambda: server.sched.pending) == before - 1  # the timer
    server.put(messages, "kept")
    assert messages.qsize() == 1


@pytest.mark.parametrize("leave", LEAVING)
def test_item_in_flight_to_a_client_that_left_goes_to_the_next(serve, connect, leave):
    messages = queue.Queue()
    server = serve(waiting(messages))
    first, second = connect(server), connect(server)
    first.request()
    server.parked(1)
    second.request()
    server.parked(2)
    leave(first)

    server.put(messages, "item")  # perhaps before the server has seen it leave
    assert second.response().body == b"item"
    server.connections(1)


@pytest.mark.parametrize("leave", LEAVING)
def test_coroutine_of_a_client_that_left_is_cancelled(serve, connect, leave):
    seen = []

    @coro
    def working():
        try:
            yield events.Sleep(100)
        finally:
            seen.append("cancelled")

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield environ["cogen.call"](working)()

    server = serve(application)
    client = connect(server)
    client.request()
    server.parked()
    leave(client)
    server.connections(0)
    assert seen == ["cancelled"]


@pytest.mark.parametrize("leave", [leave_by_fin, leave_by_rst])
def test_running_step_is_not_closed_under_its_feet(serve, connect, leave):
    seen = []
    go_on = threading.Event()

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        try:
            seen.append("runs")
            while not go_on.is_set():
                gevent.sleep(0.001)
            seen.append("ran")
            yield environ["cogen.core"].events.Sleep(100)
            seen.append("must not happen")
        finally:
            seen.append("closed")

    server = serve(application)
    client = connect(server)
    client.request()
    until(lambda: seen)
    leave(client)
    assert server.call(lambda: list(seen)) == ["runs"]
    go_on.set()
    server.connections(0)
    assert seen == ["runs", "ran", "closed"]


@pytest.mark.parametrize("way", ["file", "list", "generator", "write", "error"])
def test_client_that_goes_during_a_step_leaves_nothing(serve, connect, big_file, caplog, way):
    """The step ends first; what it answers then goes nowhere, and is closed."""
    caplog.set_level("INFO", "cogen.web")
    go_on = threading.Event()
    seen = []

    def application(environ, start_response):
        seen.append("begun")
        while not go_on.is_set():
            gevent.sleep(0.001)
        if way == "error":
            raise KeyError("after the client")
        write = start_response("200 OK", PLAIN)
        if way == "file":
            seen.append(big_file.open("rb"))
            return environ["wsgi.file_wrapper"](seen[-1])
        if way == "write":
            write(b"x")
        seen.append(Closing([b"x"] if way == "list" else iter([b"x", b"y"])))
        return seen[-1]

    server = serve(application)
    client = connect(server)
    client.request()
    until(lambda: seen)
    client.reset()
    server.call(gevent.sleep, 0)
    until(lambda: server.call(lambda: [c.fileno() for c in server.server.connections]) == [-1])
    go_on.set()
    server.connections(0)
    assert [result.closed for result in seen[1:]] in ([1], [])
    if way == "error":
        assert "GET / failed after its client had gone" in caplog.text


def test_half_close_lets_what_runs_be_answered(serve, connect):
    def application(environ, start_response):
        gevent.sleep(0.01)
        return hello(environ, start_response)

    client = connect(serve(application))
    client.request()
    client.half_close()
    assert client.response().body == b"hello"
    assert client.is_closed()


def test_disconnect_is_seen_with_an_unread_body(serve, connect):
    """Also if the body was so large that reading had paused before its end had come."""
    messages = queue.Queue()

    def application(environ, start_response):
        if environ["PATH_INFO"] == "/late":
            while " 120000 octets" not in repr(environ["wsgi.input"]):
                yield environ["cogen.core"].events.Sleep(0.001)
            environ["wsgi.input"].read()
        yield from waiting(messages)(environ, start_response)

    for path, size in (("/", 1000), ("/", 60_000), ("/late", 120_000)):
        server = serve(application)
        client = connect(server)
        client.request(path, method="POST", body=b"x" * size)
        server.parked()
        client.close()
        server.connections(0)
    assert not messages.waiting_gets

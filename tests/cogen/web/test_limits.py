"""Each limit and time-out of the server and its documented answer; what is bounded stays so."""

import contextlib
import time

import gevent
import pytest

from cogen.core import queue
from tests.cogen.web.rig import PLAIN, Client, Closing, hello, until

SOON = 0.15  # A time-out that has to happen in a test.
LONG = 100  # One that must not.


def reading(environ, start_response):
    data = environ["wsgi.input"].read()
    start_response("200 OK", PLAIN)
    return [data]


def seconds_until_closed(client, send=None):
    """Send `send` every 10 ms until the server closes; return how long that took, and its data."""
    began = time.monotonic()
    received = b""
    client.socket.settimeout(0.01)
    while time.monotonic() - began < 10:
        if send:
            with contextlib.suppress(OSError):
                client.send(send)
        with contextlib.suppress(TimeoutError):
            try:
                data = client.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            received += data
            if not data:
                return time.monotonic() - began, received
    pytest.fail(f"not closed after 10 s, received {received!r}")


def status_of(received):
    return int(received.split(b" ", 2)[1]) if received else None


# Sizes.


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"a" * 100, 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 500, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-%d: a\r\n" * 9 % tuple(range(9)), 431),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3e9\r\n" + b"x" * 1001,
            413,
        ),
    ],
)
def test_too_large_is_told_and_the_connection_closed(serve, connect, request_, status):
    limits = {"max_target_bytes": 99, "max_header_bytes": 300, "max_headers": 8}
    server = serve(reading, max_body_bytes=1000, **limits)
    client = connect(server)
    client.send(request_)
    response = client.response()
    assert (response.status, response.headers["connection"]) == (status, "close")
    assert client.is_closed()
    assert connect(server).get(method="POST", body=b"x" * 1000).body == b"x" * 1000
    assert sum(server.call(lambda: server.server.refused.values())) == 1


def test_body_without_limit(serve, connect):
    server = serve(reading, max_body_bytes=0)
    assert connect(server).get(method="POST", body=b"x" * 100_000).body == b"x" * 100_000


# Times for what the client sends.


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n"])
def test_head_that_does_not_come(serve, connect, sent):
    client = connect(serve(hello, header_timeout=SOON, keepalive_timeout=LONG))
    client.send(sent)
    seconds, received = seconds_until_closed(client)
    assert SOON / 2 < seconds < 3
    assert status_of(received) == (408 if sent.startswith(b"GET") else None)


@pytest.mark.parametrize(
    ("start", "trickle"),
    [(b"", b"\r\n"), (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"x"), (b"G", b"")],
)
def test_client_that_trickles_its_head_is_cut_by_the_total(serve, connect, start, trickle):
    client = connect(serve(hello, header_timeout=SOON, keepalive_timeout=LONG))
    client.send(start)
    seconds, received = seconds_until_closed(client, trickle)
    assert SOON / 2 < seconds < 3
    assert status_of(received) == (408 if start else None)


def test_idle_connection_is_closed_without_a_word(serve, connect):
    server = serve(hello, keepalive_timeout=SOON, header_timeout=LONG)
    client = connect(server)
    assert client.get().body == b"hello"
    seconds, received = seconds_until_closed(client)
    assert SOON / 2 < seconds < 3
    assert not received


@pytest.mark.parametrize("when", ["with the first", "later"])
def test_second_request_has_the_time_of_a_head_not_of_idling(serve, connect, when):
    client = connect(serve(hello, header_timeout=SOON, keepalive_timeout=LONG))
    ask = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    client.send(ask + (ask[:9] if when == "with the first" else b""))
    assert client.response().body == b"hello"
    if when == "later":
        client.send(ask[:9])
    seconds, received = seconds_until_closed(client)
    assert SOON / 2 < seconds < 3
    assert status_of(received) == 408


BODY_HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"
CHUNKED_HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "trickle"),
    [(BODY_HEAD, b""), (BODY_HEAD, b"x"), (CHUNKED_HEAD, b"1\r\nx\r\n"), (CHUNKED_HEAD, b"0")],
)
def test_body_that_does_not_come_is_cut_by_the_total(serve, connect, head, trickle):
    client = connect(serve(reading, body_timeout=SOON, header_timeout=LONG))
    client.send(head)
    seconds, received = seconds_until_closed(client, trickle)
    assert SOON / 2 < seconds < 3
    assert status_of(received) == 408


def test_body_that_nobody_reads_is_cut_too(serve, connect):
    """The answer came at once; what is being skipped has the time of a body."""
    client = connect(serve(hello, body_timeout=SOON, keepalive_timeout=LONG))
    client.send(BODY_HEAD)
    assert client.response().body == b"hello"
    seconds, received = seconds_until_closed(client, b"x")
    assert seconds < 3
    assert not received


def test_late_body_is_told_to_a_request_that_reads_by_operations(serve, connect):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield environ["cogen.input"].read()
        yield str(environ["cogen.wsgi"].result.status).encode()

    client = connect(serve(application, body_timeout=SOON))
    client.send(BODY_HEAD)
    assert client.response().body == b"408 Request Timeout"
    assert client.is_closed()


def test_time_of_a_body_stands_still_while_the_application_does_not_read(serve, connect):
    def application(environ, start_response):
        gevent.sleep(3 * SOON)
        return reading(environ, start_response)

    client = connect(serve(application, body_timeout=SOON))
    assert len(client.get(method="POST", body=b"x" * 1_000_000).body) == 1_000_000


def test_after_a_late_body_no_more_of_it_is_kept(serve, connect):
    """The application is busy while more and more comes of a body that was given up."""
    messages = queue.Queue()
    seen = []

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        seen.append(environ["wsgi.input"])
        yield environ["cogen.call"](messages.get)()
        yield b"done"

    server = serve(application, body_timeout=SOON, max_body_bytes=0)
    client = connect(server)
    client.request(method="POST", headers=["Content-Length: 100000000"])
    server.parked()
    until(lambda: server.call(lambda: server.server.refused))
    client.socket.settimeout(0.2)
    with contextlib.suppress(TimeoutError):
        client.send(b"x" * 50_000_000)
    assert "<Body 0 octets waiting" in repr(seen[0])
    assert server.call(lambda: server.server.refused) == {"408 Request Timeout": 1}
    server.put(messages, "go")
    assert client.response().body == b"done"


# Clients that don't read.


@pytest.mark.parametrize("way", ["yield", "write", "file", "one"])
def test_client_that_does_not_read_is_closed_and_its_application_too(serve, connect, tmp_path, way):
    path = tmp_path / "file"
    path.write_bytes(bytes(20_000_000))
    results = []

    def application(environ, start_response):
        write = start_response("200 OK", PLAIN)
        if way == "file":
            results.append(path.open("rb"))
            return environ["wsgi.file_wrapper"](results[0])
        if way == "one":
            results.append(Closing([b"x" * 20_000_000]))
        else:
            results.append(Closing(iter(lambda: b"x" * 100_000, None)))
        while way == "write":
            write(b"x" * 100_000)
        return results[0]

    server = serve(application, write_timeout=SOON)
    client = connect(server, receive_buffer=4096)
    client.request()
    until(lambda: results)
    server.connections(0)
    if way != "write":
        assert results[0].closed == 1


def test_client_that_reads_slowly_is_served(serve, connect):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        return iter([b"x" * 1_000_000] * 4)

    client = connect(serve(application, write_timeout=2 * SOON), receive_buffer=65536)
    client.request()
    received = 0
    began = time.monotonic()
    while received < 4_000_000:
        data = client.socket.recv(200_000)
        assert data
        received += len(data)
        if time.monotonic() - began < 4 * SOON:
            time.sleep(SOON / 4)
    assert time.monotonic() - began > 3 * SOON


# A request's whole time.


def parked(environ, start_response):
    start_response("200 OK", PLAIN)
    yield environ["cogen.core"].events.Sleep(LONG)


def blocked(environ, start_response):
    gevent.sleep(LONG)
    return hello(environ, start_response)


def never_ending_waits(environ, start_response):
    start_response("200 OK", PLAIN)
    while True:
        yield environ["cogen.core"].events.Sleep(0.001)


@pytest.mark.parametrize("app", [parked, blocked, never_ending_waits])
@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", BODY_HEAD])
def test_request_that_takes_too_long_is_answered_503(serve, connect, app, sent):
    closed = []

    def application(environ, start_response):
        try:
            result = app(environ, start_response)
        finally:
            closed.append("returned")
        result = Closing(result)
        closed.append(result)
        return result

    server = serve(application, request_timeout=SOON, body_timeout=LONG)
    client = connect(server)
    client.send(sent)
    seconds, received = seconds_until_closed(client, b"x" if sent is BODY_HEAD else b"")
    assert SOON / 2 < seconds < 3
    assert status_of(received) == 503
    assert closed[0] == "returned"
    assert all(result.closed == 1 for result in closed[1:])
    assert server.call(lambda: server.server.workers.busy) == 0


@pytest.mark.parametrize("app", [parked, blocked])
def test_response_that_takes_too_long_is_cut(serve, connect, app):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield b"begun"
        yield from app(environ, lambda status, headers: None)

    client = connect(serve(application, request_timeout=SOON))
    client.request()
    seconds, received = seconds_until_closed(client)
    assert SOON / 2 < seconds < 3
    assert received.endswith(b"5\r\nbegun\r\n")


def test_file_to_a_client_that_reads_too_long_is_cut(serve, connect, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(20_000_000))

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        return environ["wsgi.file_wrapper"](path.open("rb"))

    server = serve(application, request_timeout=2 * SOON)
    client = connect(server, receive_buffer=4096)
    client.request()
    began = time.monotonic()
    with contextlib.suppress(ConnectionResetError):
        while client.socket.recv(4096) and time.monotonic() - began < 10:
            time.sleep(0.01)
    assert time.monotonic() - began < 5
    server.connections(0)


def test_time_of_one_request_is_not_that_of_the_next(serve, connect):
    client = connect(serve(hello, request_timeout=SOON))
    for _ in range(3):
        assert client.get().body == b"hello"
        time.sleep(SOON)


# Numbers.


def test_connections_beyond_the_limit_wait_until_one_ends(serve, connect, caplog):
    server = serve(hello, max_connections=2)
    first, second = connect(server), connect(server)
    assert [client.get().body for client in (first, second)] == [b"hello"] * 2
    third = connect(server)
    third.request()
    assert third.has_nothing(0.05)
    first.close()
    assert third.response().body == b"hello"
    server.connections(2)
    for _ in range(3):
        with Client(server.address) as another:
            another.request()
            second.close()
            assert another.response().body == b"hello"
            second = another
    assert caplog.text.count("max_connections = 2") == 1  # said once, though it paused each time


def test_steps_beyond_the_number_of_workers_wait_for_one(serve, connect):
    running = []

    def application(environ, start_response):
        running.append(1)
        most.append(len(running))
        gevent.sleep(0.01)
        running.pop()
        return hello(environ, start_response)

    most = []
    server = serve(application, workers=2)
    clients = [connect(server) for _ in range(7)]
    for client in clients:
        client.request()
    assert [client.response().body for client in clients] == [b"hello"] * 7
    assert max(most) == 2


def test_limit_of_zero_is_none(serve, connect):
    names = ("header", "body", "write", "request", "shutdown")
    server = serve(
        reading,
        keepalive_timeout=SOON,  # so that the server looks often
        **{f"{name}_timeout": 0 for name in names},
    )
    client = connect(server, receive_buffer=4096)
    for piece in (BODY_HEAD[:9], BODY_HEAD[9:].replace(b"1000", b"5000000")):
        client.send(piece)
        assert client.has_nothing(SOON)
    client.send(b"x" * 5_000_000)
    arriving = client.arriving()
    assert next(arriving).status_code == 200
    time.sleep(SOON)
    assert sum(len(event.data) for event in arriving) == 5_000_000

"""A request's body: read by those who block, left unread, and invited by 100 Continue."""

import threading

import gevent
import pytest

from tests.cogen.web.apps import echo, streaming
from tests.cogen.web.rig import PLAIN, chunked, hello, until

# wsgi.input.


@pytest.mark.parametrize(
    "read",
    [
        lambda body: body.read(),
        lambda body: body.read(-1),
        lambda body: body.read(None),
        lambda body: b"".join(iter(lambda: body.read(1000), b"")),
        lambda body: b"".join(iter(lambda: body.readline(), b"")),
        lambda body: b"".join(iter(lambda: body.readline(7), b"")),
        lambda body: b"".join(body.readlines()),
        lambda body: b"".join(iter(lambda: b"".join(body.readlines(10)), b"")),
        lambda body: b"".join(body),
    ],
)
@pytest.mark.parametrize("framing", ["sized", "chunked"])
def test_plain_application_reads_its_input(serve, connect, read, framing):
    body = b"".join(b"line %d\n" % i for i in range(20_000)) + b"the end"

    def application(environ, start_response):
        data = read(environ["wsgi.input"])
        assert environ["wsgi.input"].read() == b""
        assert environ["wsgi.input"].readline() == b""
        assert environ["cogen.wsgi"].read_count == len(data)
        start_response("200 OK", [("Content-Length", str(len(data)))])
        return [data]

    client = connect(serve(application))
    for _ in range(2):
        if framing == "sized":
            client.request(method="POST", body=body)
        else:
            client.request(method="POST", headers=["Transfer-Encoding: chunked"])
            client.send(chunked(body[:1], body[1:99_999], body[99_999:]))
        assert client.response().body == body


def test_read_sizes(serve, connect):
    def application(environ, start_response):
        body = environ["wsgi.input"]
        pieces = [body.read(0), body.read(2), body.readline(1), body.readline(9), body.readline(0)]
        pieces += [body.readline(2), body.readline(), body.readline(5), body.readlines(4)]
        pieces += [body.read(99), body.read(1)]
        start_response("200 OK", PLAIN)
        return [repr(pieces).encode()]

    client = connect(serve(application))
    expected = [
        b"",
        b"ab",
        b"c",
        b"d\n",
        b"",
        b"ef",
        b"g\n",
        b"\n",
        [b"1\n", b"23\n"],
        b"4\n5",
        b"",
    ]
    sent = b"abcd\nefg\n\n1\n23\n4\n5"
    assert client.get(method="POST", body=sent).body == repr(expected).encode()


def test_empty_inputs(serve, connect):
    client = connect(serve(echo))
    assert client.get().body == b"GET / "
    assert client.get(method="POST", headers=["Content-Length: 0"]).body == b"POST / "
    client.request(method="POST", headers=["Transfer-Encoding: chunked"])
    client.send(chunked())
    assert client.response().body == b"POST / "


def test_broken_chunk_is_answered_where_it_is_read(serve, connect):
    for application in (echo, streaming(b"not read")):
        client = connect(serve(application))
        client.request(method="POST", headers=["Transfer-Encoding: chunked", "Connection: close"])
        client.send(b"3\r\nabc\r\nbad\n")
        assert client.response().status == (400 if application is echo else 200)
        assert client.is_closed()


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_input_of_a_client_that_goes_is_an_error_for_the_reader(serve, connect, caplog, leave):
    caplog.set_level("INFO", "cogen.web")
    errors = []

    def application(environ, start_response):
        try:
            environ["wsgi.input"].read()
        except ConnectionError as error:
            errors.append(error)
            raise

    server = serve(application)
    client = connect(server)
    client.request(method="POST", headers=["Content-Length: 10"])
    client.send(b"abc")
    until(lambda: server.call(lambda: server.server.workers.busy))
    getattr(client, leave)()
    until(lambda: errors, "the error")
    server.connections(0)
    assert "failed" not in caplog.text


# A body that is not read.


@pytest.mark.parametrize("framing", ["sized", "chunked"])
@pytest.mark.parametrize("size", [10, 100_000])
def test_body_that_is_not_read_is_not_the_next_request(serve, connect, framing, size):
    client = connect(serve(hello))
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n".ljust(size)
    if framing == "sized":
        client.request(method="POST", body=smuggled)
    else:
        client.request(method="POST", headers=["Transfer-Encoding: chunked"])
        client.send(chunked(smuggled))
    assert client.response().body == b"hello"
    assert client.get().body == b"hello"
    assert client.has_nothing()


def test_answer_before_the_body_has_come_lets_the_client_go_on(serve, connect):
    client = connect(serve(hello))
    client.request(method="POST", headers=["Content-Length: 100000"])
    assert client.response().body == b"hello"
    client.send(b"x" * 100_000)
    assert client.get().body == b"hello"


def test_large_body_that_is_not_read_ends_the_connection(serve, connect):
    client = connect(serve(hello))
    client.request(method="POST", headers=["Content-Length: 1000000"])
    assert client.response().body == b"hello"
    client.send(b"x" * 400_000)
    assert client.is_closed()


def test_broken_chunk_in_a_body_that_is_skipped_ends_the_connection(serve, connect):
    client = connect(serve(hello))
    client.request(method="POST", headers=["Transfer-Encoding: chunked"])
    assert client.response().body == b"hello"
    client.send(b"bad\n")
    assert client.is_closed()


# 100 Continue.


def test_client_that_waits_gets_100_continue_when_the_body_is_wanted(serve, connect):
    wanted = threading.Event()

    def application(environ, start_response):
        while not wanted.is_set():
            gevent.sleep(0.001)
        return echo(environ, start_response)

    client = connect(serve(application))
    for _ in range(2):
        wanted.clear()
        client.request(method="POST", headers=["Content-Length: 3", "Expect: 100-continue"])
        assert client.has_nothing(0.02)
        wanted.set()
        assert client.socket.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"abc")
        assert client.response().body == b"POST / abc"


def test_invitation_is_sent_once(serve, connect):
    def application(environ, start_response):
        pieces = list(iter(lambda: environ["wsgi.input"].read(1), b""))
        start_response("200 OK", PLAIN)
        return [b"-".join(pieces)]

    client = connect(serve(application))
    client.request(method="POST", headers=["Content-Length: 3", "Expect: 100-continue"])
    assert client.socket.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    for octet in (b"a", b"b", b"c"):
        assert client.has_nothing(0.01)
        client.send(octet)
    assert client.response().body == b"a-b-c"


def test_client_that_does_not_wait_gets_no_100_continue(serve, connect):
    client = connect(serve(echo))
    response = client.get(method="POST", headers=["Expect: 100-continue"], body=b"abc")
    assert (response.body, response.interim) == (b"POST / abc", [])


def test_expected_body_that_is_not_wanted_ends_the_connection(serve, connect):
    """Whether the client still sends it can't be told, so what came next would be ambiguous."""
    client = connect(serve(hello))
    client.request(method="POST", headers=["Content-Length: 3", "Expect: 100-continue"])
    response = client.response()
    assert (response.body, response.interim) == (b"hello", [])
    assert client.is_closed()


def test_100_continue_is_not_sent_into_a_response(serve, connect):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield b"first"
        yield environ["wsgi.input"].read()

    client = connect(serve(application))
    client.request(method="POST", headers=["Content-Length: 3", "Expect: 100-continue"])
    answer = client.arriving()
    assert next(answer).status_code == 200
    assert next(answer).data == b"first"
    client.send(b"abc")
    assert next(answer).data == b"abc"

"""HTTP over real sockets: keep-alive, pipelining, bodies, files, and who is cut off when."""

import gzip
import io
import os
import tempfile
import threading

import gevent
import pytest

from cogen.web.head import HTTPError
from cogen.web.wsgi import WSGIFileWrapper
from tests.cogen.web.rig import Closing, hello, until

PLAIN = [("Content-Type", "text/plain")]


def echo(environ, start_response):
    """Answer with the method, the target and the body, read as plain applications do."""
    body = environ["wsgi.input"].read()
    start_response("200 OK", PLAIN)
    return [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} ".encode(), body]


def streaming(*chunks):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield from chunks

    return application


def chunked(*pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))


# One request.


def test_hello_is_one_packet(serve, connect):
    client = connect(serve(hello))
    client.request()
    data = client.socket.recv(65536)
    assert data.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n")
    assert data.endswith(b"\r\n\r\nhello")


def test_environ_is_that_of_pep_3333(serve, connect):
    seen = {}

    def application(environ, start_response):
        seen.update(environ)
        return hello(environ, start_response)

    server = serve(application)
    client = connect(server)
    client.get("/a%20b?c=d", headers=["X-Y: z", "Authorization: Basic YTpi", "User_Agent: x"])
    assert seen["REQUEST_METHOD"] == "GET"
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["QUERY_STRING"]) == ("", "/a b", "c=d")
    assert seen["REQUEST_URI"] == "/a%20b?c=d"
    assert (seen["SERVER_NAME"], seen["SERVER_PORT"]) == ("127.0.0.1", str(server.address[1]))
    assert seen["SERVER_PROTOCOL"] == seen["ACTUAL_SERVER_PROTOCOL"] == "HTTP/1.1"
    assert (seen["REMOTE_ADDR"], int(seen["REMOTE_PORT"])) == client.socket.getsockname()
    assert (seen["HTTP_HOST"], seen["HTTP_X_Y"]) == ("test", "z")
    assert (seen["wsgi.version"], seen["wsgi.url_scheme"]) == ((1, 0), "http")
    flags = ("wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once")
    assert [seen[flag] for flag in flags] == [False, False, False]
    assert seen["wsgi.file_wrapper"] is WSGIFileWrapper
    assert seen["wsgi.input_terminated"] is True
    assert "REMOTE_USER" not in seen
    assert "HTTP_USER_AGENT" not in seen
    assert all(type(value) is str for key, value in seen.items() if key.isupper())


def test_two_servers_in_one_process_do_not_share_environ(serve, connect):
    names = []

    def application(environ, start_response):
        names.append(environ["SERVER_NAME"])
        environ["leak"] = environ.get("leak", 0) + 1
        start_response("200 OK", PLAIN)
        return [str(environ["leak"]).encode()]

    one, two = (serve(application, server_name=name) for name in ("one", "two"))
    assert [connect(server).get().body for server in (one, two, one)] == [b"1"] * 3
    assert names == ["one", "two", "one"]


def test_head_has_no_body(serve, connect):
    client = connect(serve(streaming(b"abc", b"def")))
    assert client.get(method="HEAD").body == b""
    assert client.get().body == b"abcdef"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_status_without_a_body_ignores_what_is_yielded(serve, connect, status):
    def application(environ, start_response):
        start_response(status, [])
        return [b"must not be sent"]

    client = connect(serve(application))
    assert [client.get().body for _ in range(2)] == [b"", b""]


def test_write_sends_before_what_is_returned(serve, connect):
    def application(environ, start_response):
        write = start_response("200 OK", PLAIN)
        write(b"one")
        write(b"")
        write(b"two")
        return [b"three"]

    client = connect(serve(application))
    assert client.get().chunks == [b"one", b"two", b"three"]
    assert client.get().chunks == [b"one", b"two", b"three"]


def test_write_blocks_its_own_request_only(serve, connect):
    def application(environ, start_response):
        write = start_response("200 OK", PLAIN)
        for _ in range(20):
            write(b"x" * 100_000)
        return [b"end"]

    server = serve(application)
    slow = connect(server, receive_buffer=4096)
    slow.request()
    slow.socket.recv(1000)
    assert len(connect(server).get().body) == 2_000_003
    received = 1000
    while not (data := slow.socket.recv(65536)).endswith(b"0\r\n\r\n"):
        received += len(data)
    assert received > 1_900_000


def test_each_chunk_is_sent_when_it_is_yielded(serve, connect):
    go_on = threading.Event()

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield b"first"
        while not go_on.is_set():
            gevent.sleep(0.001)
        yield b"second"

    client = connect(serve(application))
    client.request()
    _, first, *_ = (event for _, event in zip(range(2), client.arriving(), strict=False))
    assert first.data == b"first"
    go_on.set()


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


# Bodies.


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


def test_broken_chunk_is_answered_where_it_is_read(serve, connect):
    for application in (echo, streaming(b"not read")):
        client = connect(serve(application))
        client.request(method="POST", headers=["Transfer-Encoding: chunked", "Connection: close"])
        client.send(b"3\r\nabc\r\nbad\n")
        assert client.response().status == (400 if application is echo else 200)
        assert client.is_closed()


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


# Errors of the application.


def test_error_before_the_first_data_is_a_500_and_logged_once(serve, connect):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        raise KeyError("secret")

    server = serve(application)
    client = connect(server)
    response = client.get("/a?b")
    assert (response.status, response.headers["connection"]) == (500, "close")
    assert b"secret" not in response.body
    assert b"Traceback" not in response.body
    (text,) = server.logged("secret")
    assert "GET /a?b failed" in text
    assert "KeyError" in text
    assert client.is_closed()
    assert connect(server).get().status == 500
    server.logged("secret")


def test_error_in_debug_shows_the_traceback(serve, connect):
    def application(environ, start_response):
        raise KeyError("a detail")

    server = serve(application, debug=True)
    response = connect(server).get()
    assert response.status == 500
    assert b"KeyError: 'a detail'" in response.body
    server.logged("a detail")


def test_error_after_data_cuts_the_response(serve, connect):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield b"first"
        raise KeyError("late")

    server = serve(application)
    client = connect(server)
    client.request()
    data = b""
    while piece := client.socket.recv(65536):
        data += piece
    assert data.endswith(b"5\r\nfirst\r\n")  # no last chunk: the client sees that it was cut
    server.logged("late")


@pytest.mark.parametrize(
    ("application", "message"),
    [
        (lambda environ, start_response: None, "not iterable"),
        (lambda environ, start_response: [], "without calling start_response"),
        (lambda environ, start_response: [b"abc"], "before it called start_response"),
        (lambda environ, start_response: start_response("OK", []), "is not a status"),
        (streaming("text"), "yields bytes, not str"),
        (lambda environ, start_response: start_response("200 OK", [("X", "a\nb")]) and [], "X"),
        (
            lambda environ, start_response: [start_response("200 OK", []) for _ in "ab"],
            "called twice",
        ),
    ],
)
def test_application_that_breaks_pep_3333_is_told_so(serve, connect, application, message):
    server = serve(application)
    assert connect(server).get().status == 500
    server.logged(message)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, gevent.GreenletExit])
@pytest.mark.parametrize("where", ["call", "step", "close"])
def test_nothing_that_an_application_raises_ends_the_server(serve, connect, error, where):
    class Application(Closing):
        def close(self):
            super().close()
            if where == "close":
                raise error

    def application(environ, start_response):
        if environ["PATH_INFO"] != "/":
            return hello(environ, start_response)
        if where == "call":
            raise error
        start_response("200 OK", PLAIN)
        return Application(iter([b"abc"]) if where == "close" else iter(int, 1))

    def failing(environ, start_response):
        start_response("200 OK", PLAIN)
        raise error
        yield

    server = serve(failing if where == "step" else application)
    client = connect(server)
    client.request("/")
    if where == "close":
        assert client.response().body == b"abc"
    else:
        assert client.response().status == 500
    server.logged(error.__name__)
    if where != "step":
        assert connect(server).get("/other").body == b"hello"
    assert server.call(lambda: server.server.workers.busy) == 0


def test_failing_close_after_a_failure_is_logged_too(serve, connect):
    class Application(Closing):
        def close(self):
            raise SystemExit("in close")

    def application(environ, start_response):
        return Application(iter([b"before start_response"]))

    server = serve(application)
    for _ in range(3):
        assert connect(server).get().status == 500
        server.logged("in close")
        server.logged("before it called start_response")
    assert server.call(lambda: server.server.workers.busy) == 0


@pytest.mark.parametrize("length", [3, 9])
def test_wrong_content_length_is_logged_and_never_misread(serve, connect, length):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", str(length))])
        if environ["PATH_INFO"] == "/one":
            return [b"123456"]
        return iter([b"1234", b"56"])

    server = serve(application)
    for path in ("/one", "/two"):
        client = connect(server)
        client.request(path)
        if length == 3:
            assert client.response().body == b"123"
            client.request(path)
            assert client.response().body == b"123"
            server.logged("beyond its Content-Length", number=2)
        else:
            with pytest.raises(Exception, match="peer closed connection"):
                client.response()
            server.logged("3 bytes short of its Content-Length")


def test_endless_body_beyond_its_content_length_is_not_iterated(serve, connect):
    result = Closing(iter(lambda: b"abc", None))

    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "7")])
        return result

    server = serve(application)
    assert connect(server).get().body == b"abcabca"
    server.logged("beyond its Content-Length")
    assert result.closed == 1


# Files.


@pytest.fixture
def big_file(tmp_path):
    path = tmp_path / "big"
    path.write_bytes(os.urandom(3_000_000))
    return path


def sending(path, headers=(), seek=0, closed=None):
    def application(environ, start_response):
        start_response("200 OK", list(headers))
        file = path.open("rb")
        file.seek(seek)
        if closed is not None:
            closed.append(file)
        return environ["wsgi.file_wrapper"](file)

    return application


def test_file_is_sent_with_its_length(serve, connect, big_file):
    closed = []
    client = connect(serve(sending(big_file, closed=closed)))
    for _ in range(2):
        response = client.get()
        assert response.headers["content-length"] == "3000000"
        assert response.body == big_file.read_bytes()
    assert client.get(method="HEAD").headers["content-length"] == "3000000"
    assert len(client.get().body) == 3_000_000
    until(lambda: all(file.closed for file in closed), "closing the files")


def test_empty_file(serve, connect, tmp_path):
    path = tmp_path / "empty"
    path.touch()
    client = connect(serve(sending(path)))
    for _ in range(2):
        response = client.get()
        assert (response.headers["content-length"], response.body) == ("0", b"")


def test_file_that_gets_shorter_while_it_is_sent_ends_the_connection(serve, connect, big_file):
    server = serve(sending(big_file))
    client = connect(server, receive_buffer=4096)
    client.request()
    arriving = client.arriving()
    assert next(arriving).status_code == 200
    os.truncate(big_file, 1_000_000)
    with pytest.raises(Exception, match="peer closed connection"):
        list(arriving)
    server.connections(0)


def test_part_of_a_file_is_what_content_length_says(serve, connect, big_file):
    server = serve(sending(big_file, [("Content-Length", "1000")], seek=2_000_000))
    client = connect(server)
    for _ in range(2):
        assert client.get().body == big_file.read_bytes()[2_000_000:2_001_000]


def test_file_is_sent_to_a_slow_reader_and_to_who_asked_ahead(serve, connect, big_file):
    client = connect(serve(sending(big_file)), receive_buffer=4096)
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
    assert [client.response().body for _ in range(3)] == [big_file.read_bytes()] * 3


def test_file_shorter_than_announced_ends_the_connection(serve, connect, big_file):
    server = serve(sending(big_file, [("Content-Length", "4000000")]))
    client = connect(server)
    client.request()
    with pytest.raises(Exception, match="peer closed connection"):
        client.response()
    server.logged("short of its Content-Length")


def test_what_reads_as_something_else_than_its_descriptor_is_read(serve, connect, tmp_path):
    """An unpacking file has the descriptor of the packed one; one of /proc has no size."""
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(b"unpacked" * 1000))

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        if environ["PATH_INFO"] == "/gzip":
            return environ["wsgi.file_wrapper"](gzip.open(path))
        return environ["wsgi.file_wrapper"](open("/proc/self/status", "rb"))

    client = connect(serve(application))
    assert client.get("/gzip").body == b"unpacked" * 1000
    assert f"Pid:\t{os.getpid()}\n".encode() in client.get("/proc").body


def test_temporary_file_is_sent_by_sendfile(serve, connect, monkeypatch):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        file = tempfile.NamedTemporaryFile()
        file.write(b"abc" * 1000)
        file.seek(3)
        return environ["wsgi.file_wrapper"](file)

    def reading(wrapper):
        raise AssertionError("it was read")
        yield

    monkeypatch.setattr(WSGIFileWrapper, "__iter__", reading)
    response = connect(serve(application)).get()
    assert (response.headers["content-length"], response.body) == ("2997", b"abc" * 999)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_what_is_no_file_is_sent_in_blocks(serve, connect, version):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        return environ["wsgi.file_wrapper"](io.BytesIO(b"abcdef"), 4)

    client = connect(serve(application))
    client.send(b"GET / HTTP/%s\r\nHost: a\r\n\r\n" % version.encode())
    response = client.response()
    assert response.body == b"abcdef"
    if version == "1.1":
        assert response.chunks == [b"abcd", b"ef"]


def test_wrapped_file_wrapper_passes_through_middleware(serve, connect, big_file):
    def application(environ, start_response):
        result = sending(big_file)(environ, start_response)
        yield from result
        result.close()

    assert connect(serve(application)).get().body == big_file.read_bytes()


def test_file_whose_client_goes_is_closed(serve, connect, big_file):
    closed = []
    server = serve(sending(big_file, closed=closed))
    client = connect(server, receive_buffer=4096)
    client.request()
    client.socket.recv(1000)
    client.reset()
    until(lambda: closed and closed[0].closed, "closing the file")
    server.connections(0)


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


# Several applications.


def test_applications_by_prefix(serve, connect):
    def where(environ, start_response):
        start_response("200 OK", PLAIN)
        return [f"{environ['SCRIPT_NAME']} {environ['PATH_INFO']}".encode()]

    client = connect(serve([("/a", where), ("/a/b", where), ("/c/", where)]))
    answers = {path: client.get(path).body for path in ("/a", "/a/x", "/a/b/c", "/ab", "/c/d", "/")}
    assert answers == {
        "/a": b"/a ",
        "/a/x": b"/a /x",
        "/a/b/c": b"/a/b /c",
        "/ab": b"",
        "/c/d": b"/c /d",
        "/": b"",
    }


def test_http_error_of_the_input_is_the_answer_if_nobody_catches_it(serve, connect):
    def application(environ, start_response):
        yield environ["cogen.core"].events.Sleep(0)
        raise HTTPError("418 I'm a teapot", "Short and stout.")

    assert connect(serve(application)).get().status == 418

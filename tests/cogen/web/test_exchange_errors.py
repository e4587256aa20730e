"""Errors of the application: what the client gets, what the log gets; the server goes on."""

import gevent
import pytest

from cogen.web.head import HTTPError
from cogen.web.response import PIECE
from tests.cogen.web.apps import streaming
from tests.cogen.web.rig import PLAIN, Closing, hello


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


def test_http_error_of_the_input_is_the_answer_if_nobody_catches_it(serve, connect):
    def application(environ, start_response):
        yield environ["cogen.core"].events.Sleep(0)
        raise HTTPError("418 I'm a teapot", "Short and stout.")

    assert connect(serve(application)).get().status == 418


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


@pytest.mark.parametrize("way", ["one", "yield", "write"])
@pytest.mark.parametrize("chunk", ["x" * PIECE * 2, 5], ids=["str", "int"])
def test_chunk_that_is_no_bytes_is_an_error(serve, connect, way, chunk):
    def application(environ, start_response):
        write = start_response("200 OK", PLAIN)
        if way == "write":
            write(chunk)
        return [chunk] * (1 if way == "one" else 2)

    server = serve(application)
    assert connect(server).get().status == 500
    server.logged(f"yields bytes, not {type(chunk).__name__}")


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

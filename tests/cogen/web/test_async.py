"""The filters of 2008: the input read by operations, start_response delayed."""

import io
import sys

import pytest

from cogen.core import queue
from cogen.web.async_ import (
    InlineHost,
    LazyStartResponseMiddleware,
    SynchronousInputMiddleware,
    lazy_sr,
    sync_input,
)
from tests.cogen.web.rig import PLAIN, Closing, hello


def test_filters_are_what_an_ini_file_calls():
    assert sync_input(hello, {}, buffer_length="100").buffer_length == 100
    assert isinstance(sync_input(hello, {}), SynchronousInputMiddleware)
    assert isinstance(lazy_sr(hello, {}), LazyStartResponseMiddleware)


# Synchronous input.


def reading(environ, start_response):
    data = environ["wsgi.input"].read()
    start_response("200 OK", PLAIN)
    return [data, environ["CONTENT_LENGTH"].encode(), str(environ["wsgi.input"].read()).encode()]


def test_operations_read_what_the_filter_has_read(serve, connect):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        gate = environ["cogen.wsgi"]
        for size in (2, -1, -1):
            yield environ["cogen.input"].read(size)
            yield repr((gate.result, gate.read_count)).encode()

    response = connect(serve(sync_input(application))).get(method="POST", body=b"abcd")
    assert response.chunks == [b"(b'ab', 2)", b"(b'cd', 4)", b"(b'', 4)"]


@pytest.mark.parametrize("framing", ["sized", "chunked"])
@pytest.mark.parametrize("size", [1, 10, 200, 1000])
def test_input_is_there_whole_and_no_greenlet_was_blocked(serve, connect, framing, size):
    blocked = []

    def application(environ, start_response):
        assert "HTTP_TRANSFER_ENCODING" not in environ
        blocked.append(environ["cogen.sched"])
        return reading(environ, start_response)

    server = serve(sync_input(application, buffer_length=10))
    client = connect(server)
    body = b"x" * size
    if framing == "sized":
        client.request(method="POST", headers=[f"Content-Length: {size}"])
    else:
        client.request(method="POST", headers=["Transfer-Encoding: chunked"])
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (size, body)
    client.send(body[:-1])
    server.parked()
    assert server.call(lambda: server.server.workers.busy) == 0
    assert not blocked
    client.send(body[-1:])
    assert client.response().chunks == [b"x" * size, str(size).encode(), b"b''"]


def test_request_without_a_body_is_passed_on_as_it_is(serve, connect):
    result = [b"the list itself"]

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        return result

    assert connect(serve(sync_input(application))).get().headers["content-length"] == "15"


def test_operations_on_input_that_was_read_still_work(serve, connect):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield environ["cogen.input"].readline()
        yield environ["cogen.wsgi"].result
        yield environ["cogen.input"].read()
        yield environ["cogen.wsgi"].result

    client = connect(serve(sync_input(application)))
    assert client.get(method="POST", body=b"line\nrest").chunks == [b"line\n", b"rest"]


@pytest.mark.parametrize(
    ("sent", "status"), [(b"5\r\nhello\r\n", 408), (b"broken", 400), (b"b\r\n" + b"x" * 11, 413)]
)
def test_input_that_fails_is_answered_with_the_servers_reason(serve, connect, sent, status):
    server = serve(sync_input(reading), body_timeout=0.1, max_body_bytes=10)
    client = connect(server)
    client.request(method="POST", headers=["Transfer-Encoding: chunked"])
    client.send(sent)
    assert client.response().status == status
    assert client.is_closed()


def test_result_is_closed(serve, connect):
    result = Closing([b"abc"])

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        return result

    assert connect(serve(sync_input(application))).get(method="POST", body=b"x").body == b"abc"
    assert result.closed == 1


# Lazy start_response.


def run(app):
    """Iterate over an application inside lazysr; return what happened, in order."""
    events = []

    def start_response(status, headers, exc_info=None):
        events.append(status if exc_info is None else f"{status} again")
        return lambda data: events.append(("written", data))

    result = lazy_sr(app)({}, start_response)
    try:
        events.extend(result)
    finally:
        result.close()
    return events


def test_start_response_comes_right_before_the_first_data():
    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        yield b""
        yield b""
        yield b"data"
        yield b""

    assert run(app) == [b"", b"", "200 OK", b"data", b""]


def test_start_response_comes_at_the_end_of_a_response_without_data():
    def app(environ, start_response):
        yield b""
        start_response("404 Not Found", PLAIN)

    assert run(app) == [b"", "404 Not Found"]


def test_written_data_keeps_its_place():
    def app(environ, start_response):
        write = start_response("200 OK", PLAIN)
        write(b"1")
        write(b"2")
        yield b""
        write(b"3")
        yield b"4"
        write(b"5")

    written = [("written", data) for data in (b"1", b"2", b"3", b"5")]
    assert run(app) == ["200 OK", *written[:2], b"", written[2], b"4", written[3]]


def test_written_data_alone_is_a_response():
    def app(environ, start_response):
        start_response("200 OK", PLAIN)(b"1")
        return []

    assert run(app) == ["200 OK", ("written", b"1")]


def test_status_can_be_replaced_until_then():
    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        with pytest.raises(RuntimeError, match="called twice"):
            start_response("201 Created", PLAIN)
        try:
            raise KeyError("x")
        except KeyError:
            start_response("500 Oops", PLAIN, sys.exc_info())
        yield b"data"
        start_response("500 Late", PLAIN, (KeyError, KeyError(), None))

    assert run(app) == ["500 Oops", b"data", "500 Late again"]


def test_delayed_result_is_closed_on_each_way_out():
    results = []

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        results.append(Closing([b"one", b"two"]))
        return results[-1]

    run(app)
    half = lazy_sr(app)({}, lambda status, headers: None)
    assert next(half) == b"one"
    half.close()
    assert [result.closed for result in results] == [1, 1]


def test_application_that_never_starts_is_left_to_the_server():
    assert run(lambda environ, start_response: [b"data"]) == [b"data"]


def test_nothing_is_kept_on_the_middleware_while_requests_interleave(serve, connect):
    messages = queue.Queue()

    def application(environ, start_response):
        start_response(f"200 {environ['PATH_INFO'][1:]}", PLAIN)
        if environ["PATH_INFO"] == "/waits":
            yield environ["cogen.call"](messages.get)()
        yield environ["PATH_INFO"].encode()

    middleware = lazy_sr(application)
    before = dict(vars(middleware))
    server = serve(middleware)
    waiting = connect(server)
    waiting.request("/waits")
    server.parked()
    other = connect(server).get("/other")
    server.put(messages, "go")
    response = waiting.response()
    assert (response.reason, response.body) == ("waits", b"/waits")
    assert (other.reason, other.body) == ("other", b"/other")
    assert vars(middleware) == before


def test_session_set_after_a_wait_can_still_set_its_cookie(serve, connect):
    """What lazysr is for: a layer outside it that looks at the session in start_response."""

    def with_session(app):
        def middleware(environ, start_response):
            session = environ["session"] = {}

            def start(status, headers, exc_info=None):
                cookies = [("Set-Cookie", f"{name}={value}") for name, value in session.items()]
                return start_response(status, headers + cookies)

            return app(environ, start)

        return middleware

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield environ["cogen.core"].events.Sleep(0)
        environ["session"]["late"] = "yes"
        yield b"data"

    assert "set-cookie" not in connect(serve(with_session(application))).get().headers
    response = connect(serve(with_session(lazy_sr(application)))).get()
    assert response.headers["set-cookie"] == "late=yes"


def test_filters_work_inside_the_inline_host_too():
    started = []
    app = InlineHost(sync_input(lazy_sr(reading)))
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_LENGTH": "3",
        "wsgi.input": io.BytesIO(b"abcdef"),
    }
    assert list(app(environ, lambda *head: started.append(head))) == [b"abc", b"3", b"b''"]
    assert started == [("200 OK", PLAIN)]

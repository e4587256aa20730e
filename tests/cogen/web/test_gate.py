"""The gate: how operations are left in it, what comes back, and the guard that none is lost."""

import re
import threading

import gevent
import pytest

from cogen.core import events, queue, threads
from cogen.core.coroutines import coro
from tests.cogen.web.apps import waiting
from tests.cogen.web.rig import PLAIN

# Operations and their results.


def test_empty_chunk_with_an_operation_waits_for_its_result(serve, connect):
    messages = queue.Queue()
    server = serve(waiting(messages))
    client = connect(server)
    client.request()
    (exchange,) = server.parked()
    assert "waiting for <QGet" in repr(exchange)
    server.put(messages, "hello")
    assert client.response().body == b"hello"


def test_each_way_to_leave_an_operation(serve, connect):
    messages = queue.Queue()

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        gate = environ["cogen.wsgi"]
        yield environ["cogen.call"](messages.put)("called")
        assert gate.result.item == "called"
        yield environ["cogen.yield"](messages.get())
        yield gate.result.encode()
        yield environ["cogen.core"].events.Sleep(0.001)
        assert gate.result is None
        gate.operation = messages.get_nowait()
        yield b""
        yield type(gate.result).__name__.encode()

    server = serve(application)
    assert connect(server).get().chunks == [b"called", b"Empty"]


def test_time_out_is_a_result_and_an_exception(serve, connect):
    seen = []

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield environ["cogen.call"](queue.Queue().get)(timeout=0.01)
        gate = environ["cogen.wsgi"]
        seen.append((gate.result, gate.exception))
        assert isinstance(gate.result, environ["cogen.core"].events.OperationTimeout)
        yield environ["cogen.core"].events.Sleep(0)
        seen.append((gate.result, gate.exception))
        yield b"done"

    assert connect(serve(application)).get().body == b"done"
    (result, exception), after = seen
    assert isinstance(result, events.OperationTimeout)
    assert exception[:2] == (events.OperationTimeout, result)
    assert after == (None, None)


@pytest.mark.parametrize("what", [42, "text", None, object()])
def test_what_is_no_operation_is_a_type_error_of_that_request(serve, connect, what):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield environ["cogen.yield"](what)
        yield repr(environ["cogen.wsgi"].result).encode()

    body = connect(serve(application)).get().body
    assert body.startswith(b"None" if what is None else b"TypeError")


def test_operation_that_is_done_at_once_does_not_park(serve, connect):
    messages = queue.Queue()

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        for number in range(1000):
            yield environ["cogen.call"](messages.put)(number)
            yield environ["cogen.call"](messages.get)()
            assert environ["cogen.wsgi"].result == number
        yield b"done"

    assert connect(serve(application)).get().body == b"done"


def test_operation_can_be_taken_back(serve, connect):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        environ["cogen.core"].events.Sleep(100)
        environ["cogen.wsgi"].operation = None
        yield b"done"

    assert connect(serve(application)).get().body == b"done"


def test_gate_tells_the_length_of_the_body(serve, connect):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        return [repr(environ["cogen.wsgi"].content_length).encode()]

    client = connect(serve(application))
    assert client.get().body == b"None"
    assert client.get(method="POST", body=b"abc").body == b"3"
    client.request(method="POST", headers=["Transfer-Encoding: chunked"])
    client.send(b"0\r\n\r\n")
    assert client.response().body == b"None"


# Other kinds of waiting.


def test_coroutine_is_an_operation(serve, connect):
    @coro
    def add(a, b):
        yield events.Sleep(0.001)
        if b is None:
            raise ValueError("no b")
        return a + b

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        gate = environ["cogen.wsgi"]
        yield environ["cogen.call"](add)(1, 2)
        yield str(gate.result).encode()
        yield environ["cogen.yield"](add(1, None))
        assert gate.exception[0] is ValueError
        assert any(step.co_name == "add" for step in codes(gate.exception[2]))
        yield str(gate.result).encode()
        yield environ["cogen.core"].events.AddCoro(add, args=(3, 4))
        yield environ["cogen.core"].events.Join(gate.result)
        yield str(gate.result).encode()

    assert connect(serve(application)).get().chunks == [b"3", b"no b", b"7"]


def codes(traceback):
    while traceback is not None:
        yield traceback.tb_frame.f_code
        traceback = traceback.tb_next


def test_thread_greenlet_and_future_are_operations(serve, connect):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        gate = environ["cogen.wsgi"]
        yield environ["cogen.call"](threads.call)(threading.get_ident)
        assert gate.result != threading.get_ident()
        yield environ["cogen.call"](threads.wait)(gevent.spawn(lambda: "from a greenlet"))
        yield gate.result.encode()

    assert connect(serve(application)).get().body == b"from a greenlet"


# The guard.


def swallowing(app):
    def middleware(environ, start_response):
        for chunk in app(environ, start_response):
            if chunk:
                yield chunk

    return middleware


def joining(app):
    def middleware(environ, start_response):
        return [b"".join(app(environ, start_response))]

    return middleware


def reading_ahead(app):
    def middleware(environ, start_response):
        chunks = iter(app(environ, start_response))
        first = next(chunks)
        for second in chunks:
            yield first
            first = second
        yield first

    return middleware


def two_waits(environ, start_response):
    start_response("200 OK", PLAIN)
    yield environ["cogen.core"].events.Sleep(0)
    yield environ["cogen.core"].events.Sleep(0)
    yield b"data"


def one_wait(environ, start_response):
    start_response("200 OK", PLAIN)
    yield b"data"
    yield environ["cogen.core"].events.Sleep(0)


@pytest.mark.parametrize(
    ("middleware", "app"),
    [
        (swallowing, one_wait),
        (swallowing, two_waits),
        (joining, one_wait),
        (joining, two_waits),
        (reading_ahead, two_waits),
    ],
)
def test_guard_names_request_and_culprit(serve, connect, middleware, app):
    server = serve(middleware(app))
    client = connect(server)
    client.request("/guarded?x")
    (text,) = server.logged("OperationLost")
    assert "GET /guarded?x: " in text
    assert "<Sleep" in text
    if app is two_waits:
        assert f": {middleware.__name__}.<locals>.middleware (" in text
        assert "test_gate.py, line" in text
    else:
        assert "take one middleware after the other out" in text or "joined the chunks" in text


def test_guard_for_an_operation_that_replaces_another(serve, connect):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        environ["cogen.core"].events.Sleep(0)
        yield environ["cogen.core"].events.Sleep(0)

    server = serve(application)
    assert connect(server).get().status == 500
    (text,) = server.logged("was set while .* has not been run")
    assert "Either the application yielded no empty chunk" in text
    assert "take one middleware after the other out" in text


def test_guard_names_everybody_who_may_be_it(serve, connect):
    def innocent(app):
        def layer(environ, start_response):
            yield from app(environ, start_response)

        return layer

    server = serve(innocent(swallowing(innocent(two_waits))))
    connect(server).request("/")
    (text,) = server.logged("OperationLost")
    inner, culprit, outer = re.findall(r"([\w.<>]+) \([^()]*test_gate.py, line \d+\)", text)
    assert inner == outer
    assert inner.endswith("innocent.<locals>.layer")
    assert culprit == "swallowing.<locals>.middleware"

"""The inline host: the same contract where another server, or WebTest, iterates."""

import contextvars
import io
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import gevent
import pytest
from webtest import TestApp, lint

from cogen.core import events, queue
from cogen.core.coroutines import coro
from cogen.web import inline
from cogen.web.async_ import InlineHost, OperationLost, inline_host
from tests.cogen.web.rig import PLAIN, Closing, until


def get(app, target="/", **options):
    """Ask through WebTest, with its lint between it and the inline host."""
    return TestApp(lint.middleware(InlineHost(app)), lint=False).get(target, **options)


def call(app, **environ):
    """Call an application inside the host with a bare environ; return its result, unread."""
    return InlineHost(app)(environ, lambda status, headers, exc_info=None: None)


def test_operations_run_and_empty_chunks_are_swallowed():
    messages = queue.Queue()

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        gate = environ["cogen.wsgi"]
        yield environ["cogen.call"](messages.put)("one")
        yield b"data "
        yield environ["cogen.call"](messages.get)(timeout=5)
        yield gate.result.encode()
        yield environ["cogen.core"].events.Sleep(0.001)
        assert (gate.result, gate.exception) == (None, None)
        yield b""

    assert get(application).body == b"data one"
    assert list(call(application)) == [b"data ", b"one"]


@pytest.mark.parametrize("when", ["before it returns", "first step", "after an operation"])
def test_start_response_may_be_late(when):
    def application(environ, start_response):
        if when == "before it returns":
            start_response("200 OK", PLAIN)
        return chunks(environ, start_response)

    def chunks(environ, start_response):
        if when == "first step":
            start_response("200 OK", PLAIN)
        yield environ["cogen.core"].events.Sleep(0.001)
        if when == "after an operation":
            start_response("200 OK", [*PLAIN, ("X-Late", "yes")])
        yield b"data"

    response = get(application)
    assert response.body == b"data"
    assert response.headers.get("X-Late") == ("yes" if when == "after an operation" else None)


def test_response_without_data():
    def application(environ, start_response):
        yield environ["cogen.core"].events.Sleep(0)
        start_response("204 No Content", [])

    assert get(application).status_int == 204


def test_time_out_error_and_coroutine():
    @coro
    def failing():
        yield events.Sleep(0)
        raise LookupError("on purpose")

    @coro
    def adding(a, b):
        yield events.Sleep(0)
        return a + b

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        gate = environ["cogen.wsgi"]
        yield environ["cogen.call"](queue.Queue().get)(timeout=0.001)
        assert isinstance(gate.result, environ["cogen.core"].events.OperationTimeout)
        assert gate.exception[:2] == (events.OperationTimeout, gate.result)
        yield environ["cogen.call"](failing)()
        assert isinstance(gate.exception[1], LookupError)
        yield environ["cogen.yield"]("no operation")
        assert isinstance(gate.result, TypeError)
        yield environ["cogen.call"](adding)(1, 2)
        assert gate.exception is None
        yield str(gate.result).encode()

    assert get(application).body == b"3"


@pytest.mark.parametrize("in_greenlet", [False, True])
def test_one_request_answers_another(in_greenlet):
    messages = queue.Queue()

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        if environ["PATH_INFO"] == "/push":
            yield environ["cogen.call"](messages.put)("pushed")
        else:
            yield environ["cogen.call"](messages.get)(timeout=5)
        yield str(environ["cogen.wsgi"].result).encode()

    def request(path):
        return b"".join(call(application, PATH_INFO=path))

    if in_greenlet:
        pull = gevent.spawn(request, "/pull")
        gevent.sleep(0.01)
        assert len(messages.waiting_gets) == 1
        gevent.spawn(request, "/push").join()
        assert pull.get() == b"pushed"
    else:
        with ThreadPoolExecutor() as pool:
            pull = pool.submit(request, "/pull")
            until(lambda: messages.waiting_gets)
            pool.submit(request, "/push")
            assert pull.result(5) == b"pushed"


def test_greenlets_and_threads_have_schedulers_of_their_own():
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield environ["cogen.core"].events.Sleep(0)
        seen.append(environ["cogen.sched"])
        yield b"x"

    seen = []
    list(call(application))
    threads = [threading.Thread(target=lambda: list(call(application))) for _ in "ab"]
    for thread in threads:
        thread.start()
        thread.join()
    for _ in "ab":
        gevent.spawn(lambda: list(call(application))).get()
    in_thread, *others = seen
    assert others == [in_thread, in_thread, others[2], others[2]]
    assert others[2] is not in_thread


def test_child_of_a_fork_has_a_scheduler_of_its_own(monkeypatch):
    first = inline._homes.in_thread()
    assert inline._homes.in_thread() is first
    monkeypatch.setattr(os, "getpid", lambda: -1)
    second = inline._homes.in_thread()
    assert second is not first
    second.call_threadsafe(second.stop)


def test_greenlet_that_is_killed_undoes_what_it_waits_for():
    messages = queue.Queue()
    result = Closing([])

    def application(environ, start_response):
        def chunks():
            yield environ["cogen.call"](messages.get)()

        nonlocal result
        result = Closing(chunks())
        return result

    waiting = gevent.spawn(call, application)
    gevent.sleep(0.01)
    assert len(messages.waiting_gets) == 1
    waiting.kill()
    assert not messages.waiting_gets
    assert result.closed == 1


def test_each_request_has_its_own_context():
    who = contextvars.ContextVar("who", default="nobody")

    class Result(Closing):
        def close(self):
            seen.append(who.get())
            super().close()

    def application(environ, start_response):
        seen.append(who.get())
        who.set(environ["PATH_INFO"])
        start_response("200 OK", PLAIN)
        return Result(chunks(environ))

    def chunks(environ):
        yield environ["cogen.core"].events.Sleep(0)
        seen.append(who.get())
        yield b"x"

    for path in ("/a", "/b"):
        seen = []
        result = call(application, PATH_INFO=path)
        assert list(result) == [b"x"]
        result.close()
        assert seen == ["nobody", path, path]
    assert who.get() == "nobody"


def test_close_is_called_once_on_each_way_out():
    results = []

    def application(environ, start_response):
        def chunks():
            if environ["PATH_INFO"] == "/fails":
                raise LookupError
            yield environ["cogen.core"].events.Sleep(0)
            yield b"one"
            yield b"two"

        start_response("200 OK", PLAIN)
        results.append(Closing(chunks()))
        return results[-1]

    with pytest.raises(LookupError):
        call(application, PATH_INFO="/fails")
    call(lambda environ, start_response: [b"a list"]).close()
    half = call(application, PATH_INFO="/")
    assert next(half) == b"one"
    half.close()
    whole = call(application, PATH_INFO="/")
    assert list(whole) == [b"one", b"two"]
    whole.close()
    assert [result.closed for result in results] == [1, 1, 1]


@pytest.mark.parametrize("chunks", ["list", "generator"])
def test_guard_holds_here_too(chunks):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        environ["cogen.core"].events.Sleep(0)
        return [b"joined"] if chunks == "list" else iter([b"kept"])

    with pytest.raises(OperationLost, match="was never run"):
        list(call(application, REQUEST_METHOD="GET", PATH_INFO="/x"))

    def twice(environ, start_response):
        yield environ["cogen.core"].events.Sleep(0)
        environ["cogen.core"].events.Sleep(0)
        yield environ["cogen.core"].events.Sleep(0)

    with pytest.raises(OperationLost, match="GET /x: <Sleep .* was set while <Sleep"):
        call(twice, REQUEST_METHOD="GET", PATH_INFO="/x")


# The input.


class Endless(io.BytesIO):
    """The input of a server that blocks a read beyond the body's end, as PEP 3333 allows."""

    def read(self, size=-1):
        assert 0 <= size <= len(self.getvalue()) - self.tell(), "would block"
        return super().read(size)

    def readline(self, size=-1):
        assert 0 <= size <= len(self.getvalue()) - self.tell(), "would block"
        return super().readline(size)


def reader(environ, start_response):
    start_response("200 OK", PLAIN)
    gate = environ["cogen.wsgi"]
    for method, size in (("read", 2), ("readline", -1), ("readline", 1), ("read", -1), ("read", 9)):
        yield getattr(environ["cogen.input"], method)(size)
        assert gate.exception is None
        yield repr((gate.result, gate.read_count)).encode()


EXPECTED = [b"(b'ab', 2)", b"(b'c\\n', 4)", b"(b'd', 5)", b"(b'ef', 7)", b"(b'', 7)"]


def test_input_ends_where_content_length_says():
    def application(environ, start_response):
        assert environ["cogen.wsgi"].content_length == 7
        return reader(environ, start_response)

    environ = {"CONTENT_LENGTH": "7", "wsgi.input": Endless(b"abc\ndef")}
    assert list(call(application, **environ)) == EXPECTED


def test_input_that_ends_by_itself():
    environ = {"wsgi.input_terminated": True, "wsgi.input": io.BytesIO(b"abc\ndef")}
    assert list(call(reader, **environ)) == EXPECTED


@pytest.mark.parametrize("length", ["", "0", "-5", "x"])
def test_request_without_a_body(length):
    environ = {"CONTENT_LENGTH": length, "wsgi.input": Endless(b"")}
    assert list(call(reader, **environ)) == [b"(b'', 0)"] * 5


def test_error_of_the_input_is_the_outcome_of_reading():
    class Broken:
        def read(self, size):
            raise OSError("the client has gone")

    def application(environ, start_response):
        yield environ["cogen.input"].read()
        yield str(environ["cogen.wsgi"].result).encode()

    environ = {"CONTENT_LENGTH": "7", "wsgi.input": Broken()}
    assert list(call(application, **environ)) == [b"the client has gone"]


def test_post_through_webtest():
    app = TestApp(InlineHost(reader))
    assert app.post("/", b"abc\ndef").body == b"".join(EXPECTED)


# Where it is.


def test_it_is_a_filter_and_does_nothing_on_our_own_server(serve, connect):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield environ["cogen.core"].events.Sleep(100)

    server = serve(inline_host(application, {}))
    client = connect(server)
    client.request()
    server.parked()
    assert server.call(lambda: server.server.workers.busy) == 0


def test_waiting_costs_no_time():
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield environ["cogen.core"].events.Sleep(0.2)
        yield b"x"

    began = time.process_time()
    assert get(application).body == b"x"
    assert time.process_time() - began < 0.1

"""The contract of the environ extension, over real sockets: what an application may rely on."""

import contextvars
import gc
import re
import socket
import threading

import gevent
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cogen.core import events, queue, threads
from cogen.core.coroutines import coro
from tests.cogen.web.rig import Client, Closing, Serving, hello, until

PLAIN = [("Content-Type", "text/plain")]


def waiting(a_queue, timeout=-1):
    """Answer with the next item of `a_queue`, as 2008's pull did."""

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield environ["cogen.call"](a_queue.get)(timeout=timeout)
        yield str(environ["cogen.wsgi"].result).encode()

    return application


# The gate.


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


def test_empty_chunk_without_an_operation_goes_on(serve, connect):
    def application(environ, start_response):
        yield b""
        start_response("200 OK", PLAIN)
        yield b""
        yield b"abc"
        yield b""

    assert connect(serve(application)).get().body == b"abc"


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("waits", [False, True])
def test_nothing_is_sent_at_an_empty_chunk(serve, connect, early, waits):
    """So that what fails behind it can still be a 500; unless 2008's way was asked for."""

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield environ["cogen.core"].events.Sleep(0) if waits else b""
        raise LookupError("behind the empty chunk")

    server = serve(application, early_headers=early)
    client = connect(server)
    client.request()
    head = next(client.arriving())
    assert head.status_code == (200 if early else 500)
    server.logged("behind the empty chunk")


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


def test_data_is_on_the_wire_before_the_next_operation_starts(serve, connect):
    started = []

    def start(name):
        started.append(name)
        return events.WaitForSignal(name)

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        for name in ("one", "two", "three"):
            yield environ["cogen.call"](start)(name)
            yield name.encode()

    server = serve(application)
    client = connect(server)
    client.request()
    answer = client.arriving()
    for number, name in enumerate(("one", "two", "three"), 1):
        server.parked()
        assert len(started) == number
        server.begin(events.Signal(name))
        if number == 1:
            assert next(answer).status_code == 200
        assert next(answer).data == name.encode()


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


def test_environ_names_connection_and_scheduler(serve, connect):
    seen = {}

    def application(environ, start_response):
        seen.update(environ)
        start_response("200 OK", PLAIN)
        yield environ["cogen.core"].events.Sleep(0)
        seen["parked"] = environ["cogen.http_connection"].exchange
        yield b""

    server = serve(application)
    connect(server).get()
    assert seen["cogen.sched"] is server.sched
    assert seen["cogen.http_connection"].remote_addr == "127.0.0.1"
    assert seen["parked"] is not None


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


# Headers.


def before_it_returns(environ, start_response):
    start_response("200 OK", [*PLAIN, ("X-Late", environ["cogen.wsgi"].operation or "no")])
    return steps(environ, lambda: None)


def in_its_first_step(environ, start_response):
    start_response("200 OK", [*PLAIN, ("X-Late", "no")])
    yield from steps(environ, lambda: None)


def after_an_operation(environ, start_response):
    def start():
        start_response("200 OK", [*PLAIN, ("X-Late", environ["cogen.wsgi"].result)])

    return steps(environ, start)


def steps(environ, start):
    yield environ["cogen.yield"](environ["signal"]())
    start()
    yield b"first"
    yield environ["cogen.core"].events.Sleep(0)
    yield b"second"


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("way", [before_it_returns, in_its_first_step, after_an_operation])
def test_start_response_in_three_ways(serve, connect, way, early):
    def application(environ, start_response):
        environ["signal"] = lambda: events.WaitForSignal("go")
        return way(environ, start_response)

    server = serve(application, early_headers=early)
    client = connect(server)
    client.request()
    server.parked()
    if early and way is not after_an_operation:
        assert client.socket.recv(65536, socket.MSG_PEEK).endswith(b"\r\n\r\n")
    else:
        assert client.has_nothing(0.02)
    server.begin(events.Signal("go", "yes"))
    response = client.response()
    assert response.chunks == [b"first", b"second"]
    assert response.headers["x-late"] == ("yes" if way is after_an_operation else "no")


def test_headers_of_a_response_without_data_are_those_at_its_end(serve, connect):
    def application(environ, start_response):
        yield environ["cogen.core"].events.Sleep(0)
        start_response("404 Not Found", PLAIN)
        yield environ["cogen.core"].events.Sleep(0)

    response = connect(serve(application)).get()
    assert (response.status, response.headers["content-length"]) == (404, "0")


# Context.


def test_every_step_runs_in_the_context_of_its_request(serve, connect):
    who = contextvars.ContextVar("who", default="nobody")
    seen = []

    class Result(Closing):
        def close(self):
            seen.append(("close", self.name, who.get()))
            super().close()

    def application(environ, start_response):
        name = environ["PATH_INFO"][1:]
        seen.append(("begin", name, who.get()))
        who.set(name)
        start_response("200 OK", PLAIN)
        result = Result(chunks(environ, name))
        result.name = name
        return result

    def chunks(environ, name):
        for number in range(3):
            yield environ["cogen.yield"](events.WaitForSignal(name))
            seen.append((number, name, who.get()))
            gevent.sleep(0)
            seen.append((number, name, who.get()))
        yield who.get().encode()

    server = serve(application)
    clients = {name: connect(server) for name in "abc"}
    for name, client in clients.items():
        client.request(f"/{name}")
    for name in "cabcabc":
        server.parked(3)
        server.begin(events.Signal(name))
    assert clients["c"].response().body == b"c"
    clients["b"].close()
    clients["a"].reset()
    server.connections(1)
    assert sorted((name, inside) for step, name, inside in seen if step == "begin") == [
        ("a", "nobody"),
        ("b", "nobody"),
        ("c", "nobody"),
    ]
    assert all(name == inside for step, name, inside in seen if step != "begin")
    assert sorted(name for step, name, _ in seen if step == "close") == ["a", "b", "c"]


# Disconnects.


def leave_by_fin(client):
    client.close()


def leave_by_rst(client):
    client.reset()


def leave_by_half_close(client):
    client.half_close()


LEAVING = [leave_by_fin, leave_by_rst, leave_by_half_close]


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


CLIENT_STEPS = st.sampled_from(["data", "wait", "sleep", "block", "long", "fail", "read"])


class Counted(Closing):
    made = []

    def __init__(self, chunks):
        super().__init__(chunks)
        self.made.append(self)


def scripted(environ, start_response):
    """Do the steps that the path names."""
    if environ["PATH_INFO"] == "/":
        return hello(environ, start_response)
    names = environ["PATH_INFO"][1:].split("-")

    def chunks():
        start_response("200 OK", PLAIN)
        for name in names:
            if name == "data":
                yield b"data"
            elif name == "wait":
                yield environ["cogen.call"](queue.Queue().get)(timeout=0.01)
            elif name == "sleep":
                yield environ["cogen.core"].events.Sleep(0)
            elif name == "block":
                gevent.sleep(0.002)
            elif name == "long":
                yield b"x" * 300_000
            elif name == "read":
                yield environ["cogen.input"].read(2)
            elif name == "fail":
                raise RuntimeError("as the script says")

    return Counted(chunks())


@pytest.fixture(scope="module")
def scripted_server():
    serving = Serving(scripted)
    yield serving
    serving.stop()


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    script=st.lists(CLIENT_STEPS, min_size=1, max_size=5),
    body=st.sampled_from([b"", b"Content-Length: 4\r\n\r\nabcd", b"Content-Length: 4\r\n\r\na"]),
    reads=st.integers(0, 3),
    leave=st.sampled_from([*LEAVING, None]),
)
def test_close_is_called_once_wherever_the_client_leaves(
    scripted_server, script, body, reads, leave
):
    server = scripted_server
    Counted.made.clear()
    with Client(server.address) as client:
        head = f"POST /{'-'.join(script)} HTTP/1.1\r\nHost: a\r\n".encode()
        client.send(head + (body or b"\r\n"))
        try:
            for _ in range(reads):
                client.socket.settimeout(0.02)
                if not client.socket.recv(1000):
                    break
        except OSError:
            pass  # nothing came, or the server was faster
        if leave is not None:
            leave(client)
    with Client(server.address) as later:  # connections are accepted in order
        assert later.get("/").body == b"hello"
    server.connections(0)
    assert [result.closed for result in Counted.made] in ([1], [])
    assert server.call(lambda: server.server.workers.busy) == 0
    server.forget("as the script says")


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
        assert "test_contract.py, line" in text
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
    inner, culprit, outer = re.findall(r"([\w.<>]+) \([^()]*test_contract.py, line \d+\)", text)
    assert inner == outer
    assert inner.endswith("innocent.<locals>.layer")
    assert culprit == "swallowing.<locals>.middleware"


def test_operation_can_be_taken_back(serve, connect):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        environ["cogen.core"].events.Sleep(100)
        environ["cogen.wsgi"].operation = None
        yield b"done"

    assert connect(serve(application)).get().body == b"done"


# cogen.input.


def reader(environ, start_response):
    """Answer with what operations on the input give, with waits between them."""
    start_response("200 OK", PLAIN)
    gate = environ["cogen.wsgi"]
    for call in environ["PATH_INFO"][1:].split("-"):
        method, _, size = call.partition(" ")
        yield getattr(environ["cogen.input"], method)(*[int(size)] if size else [])
        if gate.exception:
            yield repr(gate.result).encode()
            return
        yield repr((gate.result, gate.read_count)).encode()
        yield environ["cogen.core"].events.Sleep(0.001)


def body_of(data, framing):
    if framing == "sized":
        return [f"Content-Length: {len(data)}"], data
    pieces = [data[i : i + 3] for i in range(0, len(data), 3)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return ["Transfer-Encoding: chunked"], body


@pytest.mark.parametrize("framing", ["sized", "chunked"])
@pytest.mark.parametrize("trickle", [False, True])
def test_input_by_operations(serve, connect, framing, trickle):
    client = connect(serve(reader))
    headers, body = body_of(b"abcd\nefgh\nijkl", framing)
    target = "/read%202-readline-readline%202-read%200-readline%2099-read%2099-read-readline"
    for _ in range(2):
        client.request(target, "POST", headers)
        for piece in [body[i : i + 1] for i in range(len(body))] if trickle else [body]:
            client.send(piece)
        assert client.response().chunks == [
            b"(b'ab', 2)",
            b"(b'cd\\n', 5)",
            b"(b'ef', 7)",
            b"(b'', 7)",
            b"(b'gh\\n', 10)",
            b"(b'ijkl', 14)",
            b"(b'', 14)",
            b"(b'', 14)",
        ]


def test_input_of_a_request_without_a_body_is_empty(serve, connect):
    assert connect(serve(reader)).get("/read-readline-read%205").chunks == [b"(b'', 0)"] * 3


@pytest.mark.parametrize("framing", ["sized", "chunked"])
@pytest.mark.parametrize("size", [100_000, -1])
def test_large_input_by_operations(serve, connect, framing, size):
    received = []

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        gate = environ["cogen.wsgi"]
        while True:
            yield environ["cogen.input"].read(size)
            received.append(len(gate.result))
            if not gate.result:
                break
            yield environ["cogen.core"].events.Sleep(0)
        yield str(gate.read_count).encode()

    client = connect(serve(application))
    headers, body = body_of(b"x" * 1_000_000, framing)
    client.request("/", "POST", headers)
    client.send(body)
    assert client.response().body == b"1000000"
    assert received == ([100_000] * 10 if size > 0 else [1_000_000]) + [0]


def test_reading_of_the_input_can_time_out(serve, connect):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield environ["cogen.input"].read(10, timeout=0.01)
        yield type(environ["cogen.wsgi"].result).__name__.encode()
        yield environ["cogen.input"].read(3)
        yield environ["cogen.wsgi"].result

    client = connect(serve(application))
    client.request(method="POST", headers=["Content-Length: 10"])
    answer = client.arriving()
    assert next(answer).status_code == 200
    assert next(answer).data == b"OperationTimeout"
    client.send(b"0123456789")
    assert next(answer).data == b"012"


def test_broken_or_too_large_input_is_the_result_of_its_operation(serve, connect):
    server = serve(reader, max_body_bytes=5)
    client = connect(server)
    client.request("/read%205-read", "POST", ["Transfer-Encoding: chunked"])
    client.send(b"5\r\nabcde\r\n1\r\nf\r\n")
    first, second = client.response().chunks
    assert first == b"(b'abcde', 5)"
    assert b"413 Content Too Large" in second
    assert client.is_closed()
    client = connect(server)
    client.request("/read", "POST", ["Transfer-Encoding: chunked"])
    client.send(b"broken\r\n")
    assert b"400 Bad Request" in client.response().body


def test_two_readers_at_a_time_are_refused(serve, connect):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        gevent.spawn(environ["wsgi.input"].read, 5)
        gevent.sleep(0)
        yield environ["cogen.input"].read(5)
        yield repr(environ["cogen.wsgi"].result).encode()

    client = connect(serve(application))
    client.request(method="POST", headers=["Content-Length: 10"])
    answer = client.arriving()
    next(answer)
    assert b"two readers" in next(answer).data
    client.send(b"0123456789")


# What a parked request costs.


def test_parked_requests_hold_no_greenlet_and_no_parser(serve):
    messages = queue.Queue()
    server = serve(waiting(messages))
    clients = [Client(server.address) for _ in range(200)]
    for client in clients:
        client.request()
    server.parked(200)
    assert server.call(lambda: len(server.server.workers)) < 5
    assert server.call(lambda: len(server.server.parsers)) < 5
    for number in range(200):
        server.put(messages, number)
    assert sorted(int(client.response().body) for client in clients) == list(range(200))
    for client in clients:
        client.close()


def failing(environ, start_response):
    raise RuntimeError("on purpose")


def operation_that_fails(environ, start_response):
    @coro
    def work():
        yield events.Sleep(0)
        raise LookupError(environ["PATH_INFO"])

    start_response("200 OK", PLAIN)
    yield environ["cogen.call"](work)()
    yield str(environ["cogen.wsgi"].result).encode()


def by_path(**apps):
    return lambda environ, start_response: apps[environ["PATH_INFO"][1:]](environ, start_response)


def read_until(client, end):
    """Read without h11, which would leave garbage of its own."""
    data = b""
    while end not in data:
        piece = client.socket.recv(65536)
        assert piece, f"closed after {data}"
        data += piece


def visit(server, client, messages):
    """Make a request of each kind that a connection survives."""
    client.request("/hello")
    read_until(client, b"hello")
    client.request("/hello", "POST", body=b"abc")
    read_until(client, b"hello")
    server.put(messages, "item")
    for path in ("/wait", "/time_out", "/operation_fails"):
        client.request(path)
        read_until(client, b"0\r\n\r\n")


def visit_and_leave(server):
    """Make a request of each kind after which its connection is closed, by whom it may be."""
    others = len(server.server.connections)
    with Client(server.address) as client:
        client.request("/wait")
        server.parked()
    server.connections(others)
    for request in (
        b"GARBAGE\r\n\r\n",
        b"GET /hello HTTP/1.0\r\n\r\n",
        b"GET /fail HTTP/1.1\r\nHost: a\r\n\r\n",
    ):
        with Client(server.address) as client:
            client.send(request)
            read_until(client, b"\r\n\r\n")
        server.connections(others)


def garbage_of(work):
    """Return how many objects are in cycles that only the collector could free after `work`."""
    gc.collect()
    gc.disable()
    try:
        work()
        return gc.collect()
    finally:
        gc.enable()


def test_requests_make_no_reference_cycles(serve, connect):
    messages = queue.Queue()
    app = by_path(
        hello=hello,
        wait=waiting(messages),
        time_out=waiting(messages, 0.0001),
        operation_fails=operation_that_fails,
        fail=failing,
    )
    server = serve(app)
    client = connect(server)

    def visits(number):
        for _ in range(number):
            visit(server, client, messages)
        for _ in range(number // 10):
            visit_and_leave(server)
        server.forget("on purpose")

    visits(20)  # what is made once, and kept, is there now
    garbage = garbage_of(lambda: visits(250))
    assert garbage < 25, f"{garbage} objects in cycles after 1,350 requests"

"""One request's life: its steps and what is sent at each, its headers, context and end."""

import contextvars
import socket
import threading

import gevent
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cogen.core import events, queue
from tests.cogen.web.apps import streaming
from tests.cogen.web.rig import LEAVING, PLAIN, Client, Closing, Serving, hello

# Steps.


def test_hello_is_one_packet(serve, connect):
    client = connect(serve(hello))
    client.request()
    data = client.socket.recv(65536)
    assert data.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n")
    assert data.endswith(b"\r\n\r\nhello")


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


# The end.


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

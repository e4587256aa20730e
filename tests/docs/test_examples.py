"""The programs that the documentation shows, as they are shown."""

import importlib.util
import pathlib
import re
from concurrent.futures import ThreadPoolExecutor

import h11
import pytest
from webtest import TestApp

from chatapp.config.middleware import make_app
from chatapp.controllers import chat as controller
from cogen.core import events
from cogen.core.coroutines import coro
from cogen.web.async_ import InlineHost, OperationLost
from cogen.web.wsgi import Runner
from tests.cogen.web.rig import Client, Serving

ROOT = pathlib.Path(__file__).parents[2]
Sleep = events.Sleep


@pytest.fixture
def example(monkeypatch):
    """Import a file of docs/examples; for it a second is a hundredth of one."""
    monkeypatch.setattr(events, "Sleep", lambda seconds: Sleep(seconds / 100))

    def load(name):
        path = ROOT / "docs" / "examples" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def serve():
    serving = []

    def start(application):
        serving.append(Serving(application))
        return serving[-1]

    yield start
    for server in serving:
        server.stop()


@coro
def go_on():
    yield events.Signal("go on")


def waits_twice(environ, start_response):
    yield environ["cogen.yield"](Sleep(0.001))
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield environ["cogen.yield"](Sleep(0.001))
    yield b"one, "
    yield b"two"


def test_the_countdown_sends_each_number_by_itself(example, serve):
    server = serve(example("countdown").application)
    with Client(server.address) as client:
        assert client.get("/?from=3").chunks == [b"3\n", b"2\n", b"1\n", b"lift-off\n"]


def test_the_countdown_says_that_it_is_over_when_its_client_goes(example, serve, caplog):
    server = serve(example("countdown").application)
    with Client(server.address) as client:
        client.request("/?from=100000")
        server.parked()
    server.connections(0)
    assert "this countdown is over" in caplog.text


def test_good_middleware_keeps_empty_chunks(example, serve):
    upper = example("middleware").Upper
    assert TestApp(InlineHost(upper(waits_twice))).get("/").body == b"ONE, TWO"
    with Client(serve(upper(waits_twice)).address) as client:
        assert client.get().chunks == [b"ONE, ", b"TWO"]


def test_middleware_may_collect_a_body_if_it_keeps_empty_chunks(example):
    collected = example("middleware").collected

    def reverse(environ, start_response):
        return collected(waits_twice(environ, start_response), lambda body: body[::-1])

    assert TestApp(InlineHost(reverse)).get("/").body == b"owt ,eno"


def test_middleware_that_joins_is_named(example, serve):
    joined = example("middleware").Joined
    with pytest.raises(OperationLost, match=r"Joined\.__call__"):
        TestApp(InlineHost(joined(waits_twice))).get("/")
    server = serve(joined(waits_twice))
    with Client(server.address) as client:
        assert client.get().status == 500
    server.logged(r"Joined\.__call__")


def test_the_ticker_starts_with_its_server(example, monkeypatch):
    ticker = example("ticker")
    started = []
    monkeypatch.setattr(Runner, "run", lambda self: started.append(self))
    ticker.server_factory({}, port=0)(ticker.application)
    (runner,) = started
    assert [coroutine.name for coroutine in runner.sched.coros] == ["tick"]


def test_the_ticker_signals_those_who_wait(example, serve):
    ticker = example("ticker")
    server = serve(ticker.application)
    ticking = server.call(server.sched.add, ticker.tick)
    with Client(server.address) as client:
        numbers = [int(chunk) for chunk in client.get().chunks]
    server.call(ticking.cancel)
    assert numbers == list(range(numbers[0], numbers[0] + 3))


@pytest.fixture
def feed(example, serve):
    """Serve the feed; return it, its server, and a function that listens until `count` events."""
    module = example("feed")
    server = serve(module.application)

    def listen(count, **headers):
        with Client(server.address) as client:
            client.request(headers=[f"{name}: {value}" for name, value in headers.items()])
            data = (bytes(e.data) for e in client.arriving() if type(e) is h11.Data)
            assert next(data) == b"retry: 500\n\n"
            return [next(data).decode() for _ in range(count)]

    with Client(server.address) as client:
        for text in (b"one", b"two\nlines"):
            assert client.get(method="POST", body=text).status == 204
    return module, server, listen


def test_the_feed_sends_what_was_posted(feed):
    _, _, listen = feed
    one, two = listen(2)
    assert one.partition("\n")[2] == "data: one\n\n"
    assert two.partition("\n")[2] == "data: two\ndata: lines\n\n"


def test_the_feed_goes_on_after_the_last_id(feed):
    _, _, listen = feed
    one, two = listen(2)
    assert listen(1, **{"Last-Event-ID": one.split()[1]}) == [two]


def test_the_feed_forgets_who_went_and_ends_when_silent(feed, monkeypatch):
    module, server, listen = feed
    listen(1)
    server.connections(0)
    assert module.feed.subscribers == {}
    monkeypatch.setattr(module, "SILENCE", 0.01)
    with Client(server.address) as client:
        assert len(client.get().chunks) == 3
    assert module.feed.subscribers == {}


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/thread", b"42\n"),
        ("/greenlet", b"42\n"),
        ("/future", b"332833500\n"),
        ("/block", b"no operation was needed\n"),
    ],
)
def test_others_are_waited_for(example, serve, monkeypatch, path, answer):
    others = example("others")
    others.processes.shutdown()
    monkeypatch.setattr(others, "processes", ThreadPoolExecutor(1))  # a fork warns in a test
    with others.processes, Client(serve(others.application).address) as client:
        assert client.get(path).body == answer


def test_each_request_has_a_database_session_until_it_ends(example, serve, monkeypatch, tmp_path):
    pytest.importorskip("sqlalchemy")
    monkeypatch.chdir(tmp_path)
    database = example("database")
    monkeypatch.setattr(events, "Sleep", lambda seconds: events.WaitForSignal("go on"))
    database.make_tables()
    held = database.Session.registry.registry
    server = serve(database.SessionRemover(database.application))
    with Client(server.address) as ann, Client(server.address) as bob:
        for client in (ann, bob):
            client.request("/", "POST", body=b"a note")
        server.parked(2)
        assert len({id(session) for session in held.values()}) == 2
        server.call(server.sched.add, go_on)
        assert [client.response().body for client in (ann, bob)] == [b"2 notes\n"] * 2
    server.connections(0)
    assert held == {}
    database.engine.dispose()


def test_the_controller_of_the_readme_is_a_chat(monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    names = {"__name__": controller.__name__}
    exec(code.replace("timeout=10", "timeout=0.05"), names)
    monkeypatch.setattr(controller, "ChatController", names["ChatController"])
    application = InlineHost(make_app({"debug": "false"}))

    ann, bob = TestApp(application), TestApp(application)
    for person in (ann, bob):
        assert person.get("/chat/pull/A").body == b""
    assert ann.post("/chat/push", b"hello", content_type="text/plain").text == "sent"
    for person in (ann, bob):
        assert person.get("/chat/pull").text == "A: hello\r\n"
        assert person.get("/chat/pull").body == b""

"""The chat over real sockets, served by ``paster serve``: waiting, going away, coming back."""

import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest


class Wire:
    """One client with its cookie; a request may be sent now and answered later."""

    def __init__(self, url: str, connections: list[HTTPConnection]) -> None:
        self.address = urlsplit(url).netloc
        self.connections = connections
        self.cookie = ""

    def send(self, method: str, path: str, body=None, **options) -> HTTPConnection:
        connection = HTTPConnection(self.address, timeout=15)
        self.connections.append(connection)
        headers = {"Cookie": self.cookie} if self.cookie else {}
        connection.request(method, path, body, headers, **options)
        return connection

    def ask(self, method: str, path: str, body=None, **options) -> HTTPResponse:
        return self.send(method, path, body, **options).getresponse()

    def join(self, nick: str) -> "Wire":
        answer = self.ask("GET", f"/chat/pull/{nick}")
        assert (answer.status, answer.read()) == (200, b"")
        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
        return self

    def push(self, text: str) -> None:
        answer = self.ask("POST", "/chat/push", text.encode())
        assert (answer.status, answer.read().decode().endswith(f"{text}\r\n")) == (200, True)

    def pull(self) -> str:
        return self.ask("GET", "/chat/pull").read().decode()


@pytest.fixture
def connect() -> Iterator[Callable[[str], Wire]]:
    """Make clients of the server at a URL."""
    connections: list[HTTPConnection] = []
    yield lambda url: Wire(url, connections)
    for connection in connections:
        connection.close()


@pytest.fixture
def join(chat_server, connect) -> Callable[..., list[Wire]]:
    """Have some join, and pull until they have heard all that was said so far."""

    def join(*nicks: str) -> list[Wire]:
        people = [connect(chat_server).join(nick) for nick in nicks]
        mark = f"all are here, {time.monotonic_ns()}"
        people[0].push(mark)
        for person in people:
            while not person.pull().endswith(f"{mark}\r\n"):
                pass
        return people

    return join


def test_a_waiting_pull_answers_when_something_is_said(join):
    bob, ann = join("bob", "ann")
    waiting = bob.send("GET", "/chat/pull")
    begun = time.monotonic()
    ann.push("hello")
    assert waiting.getresponse().read() == b"ann: hello\r\n"
    assert time.monotonic() - begun < 1


def test_all_who_wait_hear_it(join):
    people = join(*(f"n{number}" for number in range(20)))
    waiting = [person.send("GET", "/chat/pull") for person in people]
    people[7].push("hello, all")
    heard = {connection.getresponse().read() for connection in waiting}
    assert heard == {b"n7: hello, all\r\n"}


def test_what_comes_while_a_pull_is_cut_off_is_kept_for_the_next(join):
    bob, ann = join("bob", "ann")
    for number in range(5):
        bob.send("GET", "/chat/pull").close()
        # The server sees the request in one turn of its loop and the end in the next; what is
        # written in between is lost, as to any client that goes while it is being answered.
        for _turn in range(2):
            ann.ask("GET", "/icon.svg").read()
        ann.push(f"{number}")
        assert bob.pull() == f"ann: {number}\r\n"


def test_what_others_ask_meanwhile_does_not_change_a_waiting_answer(join, connect, chat_server):
    bob, ann = join("bob", "ann")
    waiting = bob.send("GET", "/chat/pull")
    assert ann.ask("GET", "/nowhere").status == 404
    assert ann.ask("GET", "/chat.css").status == 200
    assert connect(chat_server).ask("GET", "/chat/pull").status == 403
    connect(chat_server).join("zoe")
    ann.push("hello")
    answer = waiting.getresponse()
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Set-Cookie"] is None
    assert answer.read() == b"ann: hello\r\n"


def test_who_does_not_pull_is_dropped_and_comes_back(join):
    bob, ann = join("bob", "ann")
    for number in range(12):
        ann.push(f"{number}")
    back = bob.ask("GET", "/chat/pull")
    assert (back.status, back.read()) == (200, b"")
    assert int(back.headers["Chat-History"]) > 12
    assert bob.pull().endswith("ann: 11\r\n")


def test_a_chunked_message(join):
    [ann] = join("ann")
    assert (
        ann.ask("POST", "/chat/push", iter([b"in ", b"parts"]), encode_chunked=True).status == 200
    )
    assert ann.pull() == "ann: in parts\r\n"


def test_a_chunked_message_over_the_limit(join):
    [ann] = join("ann")
    parts = (b"x" * 1000 for _ in range(5))
    answer = ann.ask("POST", "/chat/push", parts, encode_chunked=True)
    assert answer.status == 413
    assert b"at most 4096 bytes" in answer.read()


def test_the_page_is_found_by_head_as_the_script_does_to_come_back(connect, chat_server):
    answer = connect(chat_server).ask("HEAD", "/")
    assert (answer.status, answer.read()) == (200, b"")


def test_an_option_of_the_chat_on_the_command_line(paster_serve, connect):
    bob = connect(paster_serve("test.ini", "http_port=0", "chat.pull_timeout=0.1").url).join("bob")
    begun = time.monotonic()
    assert bob.pull() == ""
    assert 0.1 <= time.monotonic() - begun < 5


@pytest.mark.slow
def test_a_pull_with_nothing_new_waits_ten_seconds(join):
    [bob] = join("bob")
    begun = time.monotonic()
    assert bob.pull() == ""
    assert 10 <= time.monotonic() - begun < 10.5

"""A chat of its own for each test, and visitors to it, each with a cookie jar.

The whole stack is in the path, under the inline host, which does for WebTest what the server does
on the network: it runs the operations that the actions leave, blocking the caller meanwhile.
"""

import re
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest
from webtest import TestApp, TestResponse

from chatapp.config.middleware import make_app
from cogen.web.async_ import InlineHost
from pylons import config


class Visitor(TestApp):
    """A browser, or a program with a cookie jar, that speaks the chat's wire."""

    def pull(self, nick: str = "", **options) -> TestResponse:
        return self.get(f"/chat/pull/{quote(nick)}" if nick else "/chat/pull", **options)

    def push(self, text: str | bytes, **options) -> TestResponse:
        body = text.encode() if isinstance(text, str) else text
        return self.post("/chat/push", body, content_type="text/plain", **options)


class Chat:
    """The application, made from the options of an ini file, and what lives in it."""

    def __init__(self, **options: str) -> None:
        self.application = InlineHost(make_app({"debug": "false"}, **options))
        self.globals = config["pylons.app_globals"]

    def visitor(self, nick: str = "") -> Visitor:
        """Return a new visitor, who joins if a nick is given."""
        visitor = Visitor(self.application)
        if nick:
            visitor.pull(nick)
        return visitor


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait for what another thread is about to do; the test fails if that takes 5 seconds."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 5
        while not condition():
            assert time.monotonic() < deadline, "did not happen"
            time.sleep(0.002)

    return wait


@pytest.fixture
def make_chat() -> Callable[..., Chat]:
    """Make a chat; ``chat_history="3"`` is the ini file's ``chat.history = 3``."""

    def make(**options: str) -> Chat:
        quick = {"chat_pull_timeout": "0.05", **options}
        return Chat(**{re.sub("^chat_", "chat.", name): value for name, value in quick.items()})

    return make


@pytest.fixture
def chat(make_chat: Callable[..., Chat]) -> Chat:
    return make_chat()

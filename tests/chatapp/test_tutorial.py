"""The code of the tutorial, taken from its text."""

import pathlib
import re
import textwrap

import pytest

from chatapp.config import environment
from chatapp.config.routing import make_map
from chatapp.controllers import chat as controller

TUTORIAL = pathlib.Path(__file__).parents[2] / "docs" / "tutorial.rst"


@pytest.fixture
def action_and_route():
    blocks = re.split(r"^\.\. code-block:: python\n", TUTORIAL.read_text(), flags=re.M)[1:]
    return [textwrap.dedent(re.match(r"(?:\n| .*\n)+", block)[0]) for block in blocks]


def test_its_reminder_is_said_when_the_time_has_come(action_and_route, monkeypatch, make_chat):
    action, route = action_and_route

    def with_route(config):
        map = make_map(config)
        exec(route, {"map": map})
        return map

    namespace = dict(vars(controller))
    exec(action, namespace)
    remind = namespace["remind"]
    monkeypatch.setattr(controller.ChatController, "remind", remind, raising=False)
    monkeypatch.setattr(environment, "make_map", with_route)

    curl = make_chat().visitor("Curl")
    answer = curl.post("/chat/remind?seconds=0.01", "tea is ready", content_type="text/plain")
    assert answer.text == "done\r\n"
    assert curl.pull().text == "Curl was to be reminded: tea is ready\r\n"

"""The controller of 2008 runs on this framework and this runtime."""

import importlib.util
import pathlib
import sys
import types

import pytest
from beaker.middleware import SessionMiddleware
from routes import Mapper
from webtest import TestApp

from cogen.web.async_ import InlineHost
from pylons.configuration import PylonsConfig
from pylons.routing import RoutesMiddleware
from pylons.wsgiapp import PylonsApp


class LiveObjects:
    """A serializer that keeps the objects, so that a session holds a live client as in 2008."""

    def __init__(self):
        self.stored = []

    def dumps(self, session):
        self.stored.append(dict(session))
        return str(len(self.stored) - 1).encode()

    def loads(self, text):
        return dict(self.stored[int(text)])


@pytest.fixture
def application(monkeypatch):
    name = "post.controllers.chat"
    path = pathlib.Path(__file__).parent / "post.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for package in ("post", "post.controllers"):
        monkeypatch.setitem(sys.modules, package, types.ModuleType(package))
    monkeypatch.setitem(sys.modules, name, module)
    config = PylonsConfig()
    config.init_app({}, {}, package="post", paths={})
    routes = Mapper()
    routes.connect("/chat/{action}", controller="chat")
    app = RoutesMiddleware(PylonsApp(config), routes)
    return InlineHost(SessionMiddleware(app, type="memory", data_serializer=LiveObjects()))


def test_two_people_talk_as_in_2008(application):
    ann, bob = TestApp(application), TestApp(application)
    for person in (ann, bob):
        assert person.get("/chat/pull").body == b""
    pushed = ann.post("/chat/push", b"hello", content_type="text/plain")
    assert "PSPut" in pushed.text
    heard = bob.get("/chat/pull").text
    assert heard.endswith(": b'hello'\r\n")
    assert ann.get("/chat/pull").text == heard

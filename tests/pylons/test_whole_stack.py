"""All layers around an application that waits, under WebTest, which lets nothing but WSGI pass."""

from __future__ import annotations

import pytest
import webtest

from cogen.core import events
from cogen.web.async_ import InlineHost
from pylons import request, response, session
from pylons.controllers.util import abort
from pylons.middleware import Cascade, ErrorHandler, StaticFiles, StatusCodeRedirect
from pylons.registry import RegistryManager


@pytest.fixture
def app(site, tmp_path):
    (tmp_path / "page.html").write_text("<p>page")

    def wait(self):
        gate = request.environ["cogen.wsgi"]
        yield request.environ["cogen.core"].events.Sleep(0.001)
        assert gate.exception is None
        session["waited"] = session.get("waited", 0) + 1
        session.save()
        response.content_type = "text/plain"
        yield f"waited {session['waited']} "
        yield request.environ["cogen.call"](events.Sleep)(0.001)
        yield request.path

    def missing(self):
        yield request.environ["cogen.call"](events.Sleep)(0.001)
        abort(404)

    def broken(self):
        yield request.environ["cogen.call"](events.Sleep)(0.001)
        raise LookupError("broken")

    def document(self):
        yield request.environ["cogen.call"](events.Sleep)(0.001)
        yield f"page for {request.environ['pylons.original_response'].status_int}"

    site.controller(wait=wait, missing=missing, broken=broken, document=document)
    site.mapper.connect("/error/document", controller="home", action="document")
    app = StatusCodeRedirect(ErrorHandler(site.bare()), [404, 500])
    return webtest.TestApp(InlineHost(Cascade([StaticFiles(str(tmp_path)), RegistryManager(app)])))


def test_an_action_waits_twice_and_keeps_its_session(app):
    assert app.get("/wait").text == "waited 1 /wait"
    again = app.get("/wait")
    assert again.text == "waited 2 /wait"
    assert again.content_type == "text/plain"


@pytest.mark.parametrize(
    ("path", "status"), [("/missing", 404), ("/broken", 500), ("/no/way", 404)]
)
def test_an_error_gets_its_page_that_waits_too(app, path, status):
    assert app.get(path, status=status).text == f"page for {status}"


def test_files_and_head(app):
    assert app.get("/page.html").text == "<p>page"
    head = app.head("/wait")
    assert (head.body, head.content_type) == (b"", "text/plain")

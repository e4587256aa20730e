"""A finished request leaves nothing that only the cyclic collector can free."""

from __future__ import annotations

import gc
import weakref

import pytest

from pylons import request, response, session, tmpl_context, url
from pylons.controllers.util import abort
from pylons.middleware import ErrorHandler, StatusCodeRedirect
from pylons.registry import RegistryManager
from tests.pylons.driver import Exchange, make_environ


def everything():
    """Touch all there is in a request."""
    request.params.mixed()
    response.headers["X-One"] = "1"
    session["n"] = session.get("n", 0) + 1
    session.save()
    tmpl_context.name = "ada"
    return url("home", qualified=True)


def plain(self, environ, start_response, pylons):
    return everything()


def generator(self, environ, start_response, pylons):
    yield b""
    yield everything()
    yield b"more"


def aborting(self):
    everything()
    abort(404)


def aborting_late(self):
    yield b""
    everything()
    abort(404)


def error_document(self):
    return str(request.environ["pylons.original_response"].status_int)


class Trace:
    """A weakly referable object that goes where environ goes."""


def serve(app, cookie, **more):
    trace = Trace()
    environ = make_environ("/?a=1", HTTP_COOKIE=cookie, trace=trace, **more)
    exchange = Exchange(app, environ).finish()
    return weakref.ref(trace), exchange.starts[-1]


@pytest.fixture
def _no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("pages", [StatusCodeRedirect, lambda app: app])
@pytest.mark.parametrize("server", ["any", "ours"])
@pytest.mark.parametrize("index", [plain, generator, aborting, aborting_late])
@pytest.mark.usefixtures("_no_collector")
def test_a_request_is_freed_without_the_collector(site, index, server, pages):
    site.controller(index=index, document=error_document)
    site.mapper.connect("/error/document", controller="home", action="document")
    app = RegistryManager(pages(ErrorHandler(site.bare())))
    more = {"cogen.wsgi": object()} if server == "ours" else {}
    if server == "ours":  # which gives each request a Context
        inner, app = app, RegistryManager(app)
        app = _in_contexts(inner)
    _, (_, headers) = serve(app, "", **more)
    cookie = next(v for k, v in headers if k == "Set-Cookie").split(";")[0]
    serve(app, cookie, **more)
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(50):
        trace, (status, _) = serve(app, cookie, **more)
        assert trace() is None, "environ is still referred to"
    assert status == ("404 Not Found" if "abort" in index.__name__ else "200 OK")
    # Less than one for each request; other tests' threads make some objects meanwhile.
    assert len(gc.get_objects()) - before < 50
    assert gc.collect() < 20


def _in_contexts(app):
    from contextvars import copy_context

    class Body:
        def __init__(self, context, body):
            self.context, self.body, self.iterator = context, body, iter(body)

        def __iter__(self):
            return self

        def __next__(self):
            return self.context.run(next, self.iterator)

        def close(self):
            if hasattr(self.body, "close"):
                self.context.run(self.body.close)

    def served(environ, start_response):
        context = copy_context()
        return Body(context, context.run(app, environ, start_response))

    return served

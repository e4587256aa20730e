"""Template contexts, names, and calling another WSGI application."""

from __future__ import annotations

import copy

import pytest

from pylons.util import (
    AttribSafeContextObj,
    ContextObj,
    StatusWatch,
    call_wsgi_application,
    class_name_from_module_name,
    resolve_dotted,
)
from tests.pylons.driver import make_environ


def test_context_objects():
    strict, safe = ContextObj(), AttribSafeContextObj()
    strict.name = "ada"
    assert repr(strict) == "<ContextObj name='ada'>"
    with pytest.raises(AttributeError):
        strict.missing
    assert safe.missing == ""
    assert copy.copy(safe).missing == ""


@pytest.mark.parametrize(
    ("module", "name"), [("home", "Home"), ("user-home", "UserHome"), ("a_bC", "ABC")]
)
def test_class_names(module, name):
    assert class_name_from_module_name(module) == name


def test_dotted_names():
    assert resolve_dotted("pylons.util:ContextObj") is ContextObj
    assert resolve_dotted("pylons.util.ContextObj") is ContextObj
    assert resolve_dotted("pylons").__name__ == "pylons"
    with pytest.raises(ModuleNotFoundError):
        resolve_dotted("pylons.nothing.at_all")


class Body:
    def __init__(self, *chunks):
        self.iterator = iter(chunks)
        self.closes = 0

    def __iter__(self):
        return self.iterator

    def close(self):
        self.closes += 1


def test_a_call_gives_status_headers_and_body():
    body = Body(b"a", b"b")

    def app(environ, start_response):
        start_response("200 OK", [("X-One", "1")])
        return body

    assert call_wsgi_application(app, make_environ()) == ("200 OK", [("X-One", "1")], body)
    assert call_wsgi_application(app, make_environ(), catch_exc_info=True)[3] is None


def test_a_call_steps_a_generator_to_its_first_data_and_no_further():
    reached = []

    def app(environ, start_response):
        start_response("200 OK", [])
        yield b"a"
        reached.append("b")
        yield b"b"

    status, _, body = call_wsgi_application(app, make_environ())
    assert (status, reached) == ("200 OK", [])
    assert b"".join(body) == b"ab"


def test_what_was_written_comes_first():
    def app(environ, start_response):
        start_response("200 OK", [])(b"written ")
        return [b"returned"]

    _, _, body = call_wsgi_application(app, make_environ())
    assert b"".join(body) == b"written returned"


def test_an_application_that_waits_is_refused_and_closed():
    body = Body(b"", b"data")
    with pytest.raises(RuntimeError, match="it waits"):
        call_wsgi_application(lambda environ, start_response: body, make_environ())
    assert body.closes == 1


def test_exc_info_is_raised_or_returned():
    error = LookupError("broken")

    def app(environ, start_response):
        start_response("500 Oh", [], (LookupError, error, None))
        return []

    with pytest.raises(LookupError, match="broken"):
        call_wsgi_application(app, make_environ())
    assert call_wsgi_application(app, make_environ(), True)[3][1] is error


def test_a_watch_passes_a_second_start_on_once_one_has_passed():
    passed = []
    watch = StatusWatch(("5",), lambda *args: passed.append(args))
    watch("200 OK", [])
    watch("500 Oh", [], "exc_info")
    assert passed == [("200 OK", [], None), ("500 Oh", [], "exc_info")]
    assert not watch.caught


def test_a_watch_takes_back_what_it_holds():
    passed = []
    watch = StatusWatch(("4", "5"), lambda *args: passed.append(args))
    watch("404 No", [])
    watch("500 Oh", [("X-One", "1")], "exc_info")
    assert (watch.status, watch.caught, passed) == ("500 Oh", True, [])
    assert watch.release() == []
    assert passed == [("500 Oh", [("X-One", "1")], "exc_info")]

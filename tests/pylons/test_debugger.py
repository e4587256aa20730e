"""The debugger's pages, and who does not get them."""

from __future__ import annotations

import re
import sys

import pytest

from pylons.middleware import ErrorHandler, StatusCodeRedirect
from tests.pylons.driver import get

HERE = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1:5000"}


def broken(environ, start_response):
    treasure = "in the frame"
    raise LookupError(f"broken {treasure}")


@pytest.fixture
def app():
    return ErrorHandler(broken, {"debug": "true"})


def test_a_local_client_gets_the_traceback_and_a_console(app):
    exchange = get(app, **HERE)
    assert exchange.status == "500 Internal Server Error"
    page = exchange.body.decode()
    assert "LookupError" in page
    secret = re.search(r'SECRET = "(\w+)"', page)[1]
    frame = re.findall(r'id="frame-(\d+)"', page)[-1]
    query = f"/?__debugger__=yes&cmd=treasure&frm={frame}&s={secret}"
    assert b"in the frame" in get(app, query, **HERE).body
    wrong = get(app, f"/?__debugger__=yes&cmd=treasure&frm={frame}&s=guess", **HERE)
    assert wrong.status == "404 Not Found"
    assert get(app, "/?__debugger__=yes&cmd=resource&f=style.css", **HERE).status == "200 OK"


@pytest.mark.parametrize(
    "client",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"REMOTE_ADDR": ""},
        {"HTTP_X_FORWARDED_FOR": "192.0.2.7"},
        {"HTTP_FORWARDED": "for=192.0.2.7"},
        {"HTTP_HOST": "attacker.example:5000"},
    ],
)
def test_others_get_a_plain_error_and_no_console(app, client):
    get(app, **HERE)
    exchange = get(app, **HERE | client)
    assert exchange.body == b"Internal Server Error\n"
    assert get(app, "/?__debugger__=yes&cmd=1&frm=0&s=x", **HERE | client).status[:3] == "500"


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "[::1]:5000", "127.0.0.1"])
def test_hosts_of_this_machine(app, host):
    assert b"LookupError" in get(app, **HERE | {"HTTP_HOST": host}).body


def test_an_error_page_does_not_replace_the_traceback(app):
    def page(environ, start_response):
        start_response("200 OK", [])
        return [b"page"]

    def application(environ, start_response):
        answer = page if environ["PATH_INFO"] == "/error/document" else app
        return answer(environ, start_response)

    layer = StatusCodeRedirect(application, [500])
    assert b"LookupError" in get(layer, **HERE).body
    assert get(layer, **HERE | {"REMOTE_ADDR": "192.0.2.7"}).body == b"page"


def test_old_errors_are_forgotten(app):
    for _ in range(25):
        get(app, **HERE)
    assert len(app._debugger._core.tracebacks) <= 10


def test_without_debug_there_is_none():
    assert get(ErrorHandler(broken, {"debug": "false"}), **HERE).body == b"Internal Server Error\n"
    errorware = {"debug": False}
    app = ErrorHandler(broken, {"debug": "true"}, **errorware)
    assert get(app, **HERE).body == b"Internal Server Error\n"


def test_without_backlash_the_error_is_plain(app, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "backlash.debugger", None)
    exchange = get(app, **HERE)
    assert exchange.status == "500 Internal Server Error"
    assert b"LookupError" not in exchange.body
    assert "pip install backlash" in caplog.text

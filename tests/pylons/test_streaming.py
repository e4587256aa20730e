"""A generator action is a first-class response."""

from __future__ import annotations

from pylons import response, session

from .conftest import get


def test_empty_chunks_pass_one_to_one_and_do_not_start_the_response(site):
    def index(self):
        yield b""
        yield ""
        response.status = 201
        response.headers["X-Late"] = "yes"
        yield "zo\u00eb"
        yield b""
        yield b"!"

    site.controller(index=index)
    exchange = get(site.app())
    assert exchange.chunks == [b"", b"", "zo\u00eb".encode(), b"", b"!"]
    assert exchange.started_at == [2]
    assert exchange.status == "201 Created"
    assert exchange.headers["x-late"] == "yes"
    assert exchange.headers["cache-control"] == "no-cache"
    assert "content-length" not in exchange.headers


def test_session_and_cookie_set_after_waiting_are_kept(site):
    def index(self):
        yield b""
        session["nick"] = "ada"
        session.save()
        response.set_cookie("seen", "1")
        yield b"ok"

    def item(self, id):
        return session.get("nick", "nobody")

    site.controller(index=index, item=item)
    app = site.app()
    exchange = get(app)
    cookies = [value for name, value in exchange.starts[0][1] if name.lower() == "set-cookie"]
    assert any(c.startswith("seen=1") for c in cookies)
    sid = next(c for c in cookies if c.startswith("sid="))
    assert "httponly" in sid.lower()
    assert get(app, "/item/1", HTTP_COOKIE=sid.split(";")[0]).body == b"ada"
    assert get(app, "/item/1").body == b"nobody"

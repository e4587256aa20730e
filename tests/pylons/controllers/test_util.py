"""abort, redirect, URLs and etags."""

from __future__ import annotations

import pytest
import webtest

from pylons import url
from pylons.controllers.util import abort, etag_cache, forward, redirect, redirect_to, url_for
from tests.pylons.driver import get


def answer(site, function, path="/", **more):
    site.controller(index=function, item=lambda self, id: function(self))
    return get(site.app(), path, **more)


@pytest.mark.parametrize(
    ("code", "status"),
    [(400, "400 Bad Request"), (418, "418 I'm a teapot"), (429, "429 Too Many Requests")],
)
def test_abort(site, code, status):
    exchange = answer(
        site, lambda self: abort(code, "be <careful>", {"X-Why": "1"}, "<note>"), HTTP_ACCEPT="*/*"
    )
    assert exchange.status == status
    assert exchange.headers["x-why"] == "1"
    assert b"be &lt;careful&gt;" in exchange.body
    assert b"<!-- &lt;note&gt; -->" in exchange.body


@pytest.mark.parametrize("code", [0, 200, 999, "404"])
def test_abort_refuses_what_is_no_error(site, code):
    with pytest.raises(ValueError, match="300 to 599"):
        answer(site, lambda self: abort(code))


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirect(site, code):
    exchange = answer(site, lambda self: redirect("/zo\u00eb?q=a b", code))
    assert exchange.status.startswith(str(code))
    assert exchange.headers["location"] == "http://test.example/zo%C3%AB?q=a%20b"


def test_redirect_refuses_what_is_none(site):
    with pytest.raises(ValueError, match="use 301"):
        answer(site, lambda self: redirect("/", 200))
    with pytest.raises(ValueError, match="use 301"):
        answer(site, lambda self: redirect("/", 304))
    with pytest.raises(ValueError, match="control characters"):
        answer(site, lambda self: redirect("/a\r\nSet-Cookie: a=1"))


def test_urls(site):
    def index(self):
        return " ".join(
            [
                url("item", id=3),
                url(controller="home", action="item", id="zo\u00eb"),
                url_for("home"),
                url("home", qualified=True),
                url.current(),
                url("/static/a.css", v=1),
            ]
        )

    body = answer(site, index, SCRIPT_NAME="/app", HTTP_HOST="chat.example:5000").body.decode()
    assert body == (
        "/app/item/3 /app/item/zo%C3%AB /app/ http://chat.example:5000/app/ /app/ "
        "/app/static/a.css?v=1"
    )


def test_url_for_remembers_the_current_match_where_the_mapper_is_not_explicit(site):
    site.mapper.explicit = False
    site.mapper.connect("by_id", "/{controller}/{action}/{id}")
    site.mapper.create_regs(["home", "error"])

    def item(self, id):
        return url_for(id=4)

    site.controller(item=item)
    assert get(site.app(), "/item/3").body == b"/item/4"


def test_redirect_to(site):
    exchange = answer(site, lambda self: redirect_to("item", id=3, _code=301))
    assert exchange.status == "301 Moved Permanently"
    assert exchange.headers["location"] == "http://test.example/item/3"


def test_etag_cache(site):
    def index(self):
        etag_cache("v1")
        return "work"

    site.controller(index=index)
    app = webtest.TestApp(site.app())
    first = app.get("/")
    assert (first.text, first.headers["ETag"]) == ("work", '"v1"')
    again = app.get("/", headers={"If-None-Match": '"v1"'})
    assert again.status_int == 304
    assert again.headers["ETag"] == '"v1"'
    assert "Content-Type" not in again.headers
    assert app.get("/", headers={"If-None-Match": '"v0"'}).text == "work"


def test_forward_needs_a_controller(site):
    def application(environ, start_response):
        return forward(application)

    from pylons.test import request_context
    from pylons.wsgiapp import PylonsApp

    with request_context(PylonsApp(site.config)), pytest.raises(RuntimeError, match="WSGIControl"):
        forward(application)

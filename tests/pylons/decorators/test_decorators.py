"""jsonify, restrict, dispatch_on, forms, https and the cache."""

from __future__ import annotations

import json

import pytest
import webtest
from beaker.cache import CacheManager, cache_managers
from beaker.container import MemoryNamespaceManager

from pylons import request, response, session
from pylons.controllers.util import abort
from pylons.decorators import jsonify
from pylons.decorators.cache import beaker_cache, create_cache_key
from pylons.decorators.rest import dispatch_on, restrict
from pylons.decorators.secure import (
    authenticate_form,
    authentication_token,
    https,
    token_key,
)
from tests.pylons.driver import get


def test_decorated_actions_still_get_the_arguments_they_name(site):
    @jsonify
    @restrict("GET")
    def item(self, id, environ):
        return {"id": id, "path": environ["PATH_INFO"]}

    site.controller(item=item)
    assert json.loads(get(site.app(), "/item/7").body) == {"id": "7", "path": "/item/7"}


class TestJsonify:
    def test_data_becomes_json(self, site):
        class Point:
            def __json__(self):
                return [1, 2]

        site.controller(index=jsonify(lambda self: {"at": Point(), "name": "zo\u00eb"}))
        exchange = get(site.app())
        assert exchange.headers["content-type"] == "application/json; charset=utf-8"
        assert json.loads(exchange.body) == {"at": [1, 2], "name": "zo\u00eb"}

    def test_a_generator_action_may_wait_and_return_data(self, site):
        @jsonify
        def index(self):
            yield b""
            return {"waited": True}

        site.controller(index=index)
        exchange = get(site.app())
        assert exchange.chunks == [b"", b'{"waited": true}']
        assert exchange.headers["content-type"] == "application/json; charset=utf-8"

    def test_a_list_is_a_warning(self, site):
        site.controller(index=jsonify(lambda self: [1]))
        with pytest.warns(UserWarning, match="wrap it in an object"):
            assert get(site.app()).body == b"[1]"

    def test_what_json_cannot_carry_is_an_error(self, site):
        site.controller(index=jsonify(lambda self: {"a": object()}))
        with pytest.raises(TypeError, match="not JSON serializable"):
            get(site.app())

    def test_an_abort_stays_an_abort(self, site):
        site.controller(index=jsonify(lambda self: abort(403)))
        assert get(site.app()).status == "403 Forbidden"


class TestRest:
    def test_restrict(self, site):
        site.controller(index=restrict("post", "PUT")(lambda self: "done"))
        exchange = get(site.app())
        assert exchange.status == "405 Method Not Allowed"
        assert exchange.headers["allow"] == "POST, PUT"
        assert get(site.app(), body=b"x").body == b"done"

    def test_dispatch_on(self, site):
        site.controller(
            item=dispatch_on(POST="_save", delete="_drop")(lambda self, id: f"show {id}"),
            _save=lambda self, id: f"save {id}",
            _drop=lambda self, environ: environ["REQUEST_METHOD"],
        )
        app = site.app()
        assert get(app, "/item/1").body == b"show 1"
        assert get(app, "/item/1", body=b"x").body == b"save 1"
        assert get(app, "/item/1", REQUEST_METHOD="DELETE").body == b"DELETE"


class TestSecure:
    def test_a_form_needs_the_sessions_token(self, site):
        def index(self):
            return authentication_token()

        @authenticate_form
        def send(self):
            return " ".join(sorted(request.POST))

        site.controller(index=index, send=send)
        app = webtest.TestApp(site.app())
        assert app.post("/send", {"text": "hi"}, status=403)
        token = app.get("/").text
        assert app.get("/").text == token
        assert app.post("/send", {"text": "hi", token_key: token}).text == "text"
        app.post("/send", {"text": "hi", token_key: token[:-1]}, status=403)
        app.post("/send", {"text": "hi", token_key: "zo\u00eb"}, status=403)
        webtest.TestApp(site.app()).post("/send", {token_key: token}, status=403)

    def test_https(self, site):
        site.controller(
            index=https()(lambda self: "safe"),
            path=https("/item/1")(lambda self: "safe"),
            full=https(lambda: "https://other.example/")(lambda self: "safe"),
        )
        app = site.app()
        host = {"HTTP_HOST": "test.example"}
        assert get(app, "/?a=1", **host).headers["location"] == "https://test.example/?a=1"
        assert get(app, "/path", **host).headers["location"] == "https://test.example/item/1"
        assert get(app, "/full").headers["location"] == "https://other.example/"
        assert get(app, body=b"x").status[:3] == "405"
        assert get(app, **{"wsgi.url_scheme": "https"}).body == b"safe"


class TestCache:
    @pytest.fixture
    def cached(self, site):
        """Return a function: bodies of an action with beaker_cache at some paths."""
        manager = CacheManager(type="memory")
        site.config["pylons.app_globals"] = type("Globals", (), {"cache": manager})()
        site.manager = manager

        def make(*paths, **options):
            count = []

            @beaker_cache(**options)
            def item(self, id):
                count.append(id)
                response.content_type = "text/plain"
                response.headers["X-Not-Kept"] = "1"
                return f"{id}:{len(count)}"

            site.controller(item=item)
            self.calls = count
            return [get(site.app(), path) for path in paths]

        cache_managers.clear()  # Beaker keeps memory caches for the whole process
        MemoryNamespaceManager.namespaces.clear()
        return make

    def test_by_all_arguments(self, cached):
        bodies = [e.body for e in cached("/item/1", "/item/1", "/item/2")]
        assert bodies == [b"1:1", b"1:1", b"2:2"]

    def test_headers_that_are_kept_come_back(self, cached):
        first, second = cached("/item/1", "/item/1")
        assert first.headers["content-type"] == second.headers["content-type"]
        assert second.headers["content-type"].startswith("text/plain")
        assert "x-not-kept" in first.headers
        assert "x-not-kept" not in second.headers

    def test_by_chosen_arguments(self, cached):
        assert [e.body for e in cached("/item/3", "/item/4", key=None)] == [b"3:1", b"3:1"]
        assert [e.body for e in cached("/item/5", "/item/6", key="id")] == [b"5:1", b"6:2"]
        assert [e.body for e in cached("/item/7", "/item/8", key=["id"])] == [b"7:1", b"8:2"]

    def test_by_the_query_too(self, cached):
        paths = "/item/1?a=1", "/item/1?a=2", "/item/1?a=1"
        assert [e.body for e in cached(*paths, query_args=True)] == [b"1:1", b"1:2", b"1:1"]
        assert [e.body for e in cached("/item/9?a=1", "/item/9?a=2")] == [b"9:1", b"9:1"]

    def test_it_can_be_turned_off(self, cached, site):
        site.config["beaker.cache.enabled"] = "false"
        assert [e.body for e in cached("/item/1", "/item/1")] == [b"1:1", b"1:2"]

    def test_expire(self, cached, monkeypatch):
        now = [1000.0]
        monkeypatch.setattr("beaker.container.time.time", lambda: now[0])
        cached("/item/1", expire=60)
        assert len(self.calls) == 1
        now[0] += 61
        first, second = cached("/item/1", "/item/1", expire=60)
        assert (first.body, second.body) == (b"1:1", b"1:1")
        assert len(self.calls) == 1

    def test_a_function_without_a_response(self, site, cached):
        @beaker_cache(cache_response=False)
        def double(n):
            calls.append(n)
            return n * 2

        calls = []
        site.controller(index=lambda self: f"{double(2)} {double(2)} {double(3)}")
        assert get(site.app()).body == b"4 4 6"
        assert calls == [2, 3]
        namespace, key = create_cache_key(double, {"n": 2})
        site.manager.get_cache(namespace).remove_value(key)
        get(site.app())
        assert calls == [2, 3, 2]

    def test_a_generator_is_refused(self, cached, site):
        @beaker_cache()
        def index(self):
            yield b""

        site.controller(index=index)
        with pytest.raises(TypeError, match="it is a generator"):
            get(site.app())

    def test_without_a_cache_the_error_says_where_to_make_one(self, site):
        site.controller(index=beaker_cache()(lambda self: "x"))
        with pytest.raises(TypeError, match=r"self\.cache"):
            get(site.app())


def test_session_is_untouched_by_decorators(site):
    site.controller(index=jsonify(lambda self: {}))
    assert "set-cookie" not in get(site.app()).headers
    assert not session

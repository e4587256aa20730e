"""WSGIController: from a route's match to a result, and from a result to a response."""

from __future__ import annotations

from inspect import signature

import pytest
import webob
from webob.exc import HTTPForbidden, HTTPNotFound

from pylons import Response, request, response, session, tmpl_context
from pylons.controllers import WSGIController, core
from pylons.controllers.util import abort, forward, redirect
from tests.pylons.driver import Exchange, get, make_environ


def item_of(site, function):
    site.controller(item=function)
    return get(site.app(), "/item/7").body.decode()


def test_an_action_gets_the_arguments_it_names(site):
    assert item_of(site, lambda self, id: id) == "7"
    assert item_of(site, lambda controller, id: id) == "7"
    assert item_of(site, lambda *args, id: id) == "7"
    assert item_of(site, lambda self, id, missing="default": id + missing) == "7default"
    assert item_of(site, lambda self, *, environ: environ["PATH_INFO"]) == "/item/7"
    assert item_of(site, lambda self, pylons: pylons.request.path) == "/item/7"
    everything = item_of(site, lambda self, **kwargs: " ".join(sorted(kwargs)))
    assert everything == "action controller environ id pylons start_response"


def test_attached_arguments_reach_the_template_context(site):
    site.config["pylons.tmpl_context_attach_args"] = True
    assert item_of(site, lambda self, id: tmpl_context.id) == "7"


@pytest.mark.parametrize(
    ("result", "body", "content_type"),
    [
        ("zo\u00eb", "zo\u00eb".encode(), "text/html; charset=utf-8"),
        (b"bytes", b"bytes", "text/html; charset=utf-8"),
        (None, b"", "text/html; charset=utf-8"),
        (["a", b"b"], b"ab", "text/html; charset=utf-8"),
        (("a", b"b"), b"ab", "text/html; charset=utf-8"),
        (webob.Response("whole", content_type="text/plain"), b"whole", "text/plain; charset=UTF-8"),
    ],
)
def test_results(site, result, body, content_type):
    site.controller(index=lambda self: result)
    exchange = get(site.app())
    assert exchange.body == body
    assert exchange.headers["content-type"] == content_type
    assert exchange.headers["content-length"] == str(len(body))
    assert exchange.headers["cache-control"] == exchange.headers["pragma"] == "no-cache"


def test_the_response_proxy_is_a_result(site):
    def index(self):
        response.text = "own"
        return response

    site.controller(index=index)
    assert get(site.app()).body == b"own"


def test_text_is_appended_to_what_was_written(site):
    def index(self):
        response.write("one ")
        return "two"

    site.controller(index=index)
    exchange = get(site.app())
    assert exchange.body == b"one two"
    assert exchange.headers["content-length"] == "7"


@pytest.mark.parametrize("body", [b"one ", b""])
def test_text_after_a_body_keeps_the_length_right(site, body):
    def index(self):
        response.body = body
        return "two"

    site.controller(index=index)
    assert get(site.app()).headers["content-length"] == str(len(body) + 3)


@pytest.mark.parametrize("result", [7, {"a": 1}, object()])
def test_a_result_that_means_nothing_says_what_to_return(site, result):
    site.controller(index=lambda self: result)
    with pytest.raises(TypeError, match="jsonify"):
        get(site.app())


def test_a_returned_application_says_forward(site):
    site.controller(index=lambda self: make_environ)
    with pytest.raises(TypeError, match="forward"):
        get(site.app())


def test_cookies_set_before_an_error_are_kept(site):
    def index(self):
        response.set_cookie("a", "1")
        response.headers["X-Mine"] = "1"
        raise HTTPForbidden("no")

    site.controller(index=index)
    exchange = get(site.app())
    assert exchange.status == "403 Forbidden"
    assert exchange.headers["set-cookie"] == "a=1; Path=/"
    assert exchange.headers["x-mine"] == "1"
    assert exchange.headers["content-type"].startswith("text/")
    assert isinstance(exchange.environ["pylons.controller.exception"], HTTPForbidden)


@pytest.mark.parametrize("response_class", [Response, webob.Response])
def test_a_response_that_all_requests_share_keeps_nobodys_cookies(site, response_class):
    shared = response_class("shared", content_type="text/plain")

    def item(self, id):
        response.set_cookie("id", id)
        session["id"] = id
        session.save()
        return shared

    site.controller(item=item)
    for number in "12":
        exchange = get(site.app(), f"/item/{number}")
        cookies = [v for k, v in exchange.starts[0][1] if k == "Set-Cookie"]
        assert [c.split("=")[0] for c in cookies] == ["id", "sid"]
        assert cookies[0].startswith(f"id={number}")
    assert "Set-Cookie" not in shared.headers


def test_layers_outside_may_add_to_the_headers(site):
    kept = []

    def item(self, id):
        kept.append(response._current_obj())
        return id

    def adding(environ, start_response):
        def start(status, headers, exc_info=None):
            headers.append(("X-Outside", "1"))
            return start_response(status, headers, exc_info)

        return inner(environ, start)

    site.controller(item=item)
    inner = site.app()
    assert get(adding, "/item/1").headers["x-outside"] == "1"
    assert "X-Outside" not in kept[0].headers


def test_before_and_after_surround_the_action(site):
    seen = []
    site.controller(
        __before__=lambda self, id: seen.append(f"before {id}"),
        item=lambda self, id: seen.append("action"),
        __after__=lambda self: seen.append("after"),
    )
    get(site.app(), "/item/7")
    assert seen == ["before 7", "action", "after"]


def test_a_response_from_before_is_the_response(site):
    def __before__(self):
        redirect("/elsewhere")

    site.controller(__before__=__before__, index=lambda self: "never")
    assert get(site.app()).status == "302 Found"


def test_after_runs_after_an_abort_and_may_raise_its_own(site):
    def index(self):
        abort(404)

    def __after__(self):
        abort(410)

    site.controller(index=index, __after__=__after__)
    assert get(site.app()).status == "410 Gone"


@pytest.mark.parametrize("name", ["__before__", "__after__"])
def test_a_generator_before_or_after_is_refused(site, name):
    def waiting(self):
        yield b""

    site.controller(index=lambda self: "x", **{name: waiting})
    with pytest.raises(TypeError, match=f"{name} is a generator"):
        get(site.app())


@pytest.mark.parametrize(
    "path", ["_private", "-private", "__before__", "start_response", "attribute", "nothing"]
)
def test_what_is_no_action_is_a_404(site, path):
    site.controller(
        index=lambda self: "x",
        _private=lambda self: "secret",
        __before__=lambda self: None,
        attribute="text",
    )
    assert get(site.app(), f"/{path}").status == "404 Not Found"


def test_in_debug_an_unknown_action_says_what_to_write(site):
    site.config["debug"] = True
    site.controller(index=lambda self: "x")
    with pytest.raises(NotImplementedError, match="write the method new_thing"):
        get(site.app(), "/new-thing")
    assert get(site.app(), "/_private").status == "404 Not Found"


def test_a_dash_means_an_underscore(site):
    site.controller(new_thing=lambda self: "new")
    assert get(site.app(), "/new-thing").body == b"new"


def test_a_route_without_an_action_says_so(site):
    site.mapper.connect("/none/at/all", controller="home")
    site.controller(index=lambda self: "x")
    with pytest.raises(RuntimeError, match="names no action"):
        get(site.app(), "/none/at/all")


def test_the_hooks_can_be_overridden(site):
    class HomeController(WSGIController):
        def _get_method_args(self):
            return {**super()._get_method_args(), "user": "ada"}

        def _perform_call(self, func, args):
            return f"[{super()._perform_call(func, args)}]"

        def index(self, user):
            return user

    site.add("home", HomeController)
    assert get(site.app()).body == b"[ada]"


def test_arguments_are_looked_at_once(site, monkeypatch):
    seen = []
    monkeypatch.setattr(core, "signature", lambda f: (seen.append(f), signature(f))[1])
    site.controller(item=lambda self, id: id)
    app = site.app()
    assert [get(app, f"/item/{n}").body for n in (1, 2, 3)] == [b"1", b"2", b"3"]
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("result", "body"),
    [([b"by ", "hand"], b"by hand"), ("by hand", b"by hand"), (b"", b""), (None, b"")],
)
def test_an_action_may_be_a_wsgi_application(site, result, body):
    def index(self, environ, start_response):
        response.headers["X-Mine"] = "1"
        start_response("202 Accepted", [("Content-Type", "text/plain")])
        return result

    site.controller(index=index)
    exchange = get(site.app())
    assert (exchange.status, exchange.body) == ("202 Accepted", body)
    assert exchange.headers == {"content-type": "text/plain", "x-mine": "1"}


def test_an_action_that_has_started_its_response_cannot_return_another(site):
    def index(self, start_response):
        start_response("200 OK", [])
        abort(404)

    def item(self, id, start_response):
        start_response("200 OK", [])
        return response

    site.controller(index=index, item=item)
    with pytest.raises(HTTPNotFound):
        get(site.app())
    with pytest.raises(TypeError, match="had been started"):
        get(site.app(), "/item/1")


class TestForward:
    """Another application answers."""

    @staticmethod
    def other(environ, start_response):
        environ["pylons.left"] = True
        yield b""
        start_response("203 Other", [("Content-Type", "text/plain")])
        yield environ["PATH_INFO"].encode()

    def test_its_response_is_passed_on_step_by_step(self, site):
        def index(self):
            response.set_cookie("a", "1")
            return forward(TestForward.other)

        site.controller(index=index)
        exchange = get(site.app())
        assert exchange.chunks == [b"", b"/"]
        assert exchange.status == "203 Other"
        assert exchange.headers["set-cookie"] == "a=1; Path=/"
        assert "pylons.left" not in exchange.environ

    def test_a_generator_action_can_pass_it_on(self, site):
        def index(self):
            yield b""
            yield from forward(TestForward.other)

        site.controller(index=index)
        exchange = get(site.app())
        assert (exchange.status, exchange.chunks) == ("203 Other", [b"", b"", b"/"])

    def test_a_generator_action_can_return_it(self, site):
        def index(self):
            yield b""
            return forward(TestForward.other)

        site.controller(index=index)
        exchange = get(site.app())
        assert (exchange.status, exchange.chunks) == ("203 Other", [b"", b"", b"/"])

    def test_another_pylons_application_has_its_own_request(self, site):
        def index(self):
            answer = forward(site.inner)
            assert request.path == "/"
            request.environ["pylons.pylons"]  # still there
            return answer

        def item(self, id):
            yield b""
            yield request.path

        site.controller(index=index, item=item)
        app = site.bare()

        def moved(environ, start_response):
            return app({**environ, "PATH_INFO": "/item/1"}, start_response)

        site.inner = moved
        assert get(site.app()).body == b"/item/1"


@pytest.mark.parametrize(("status", "body"), [(204, b""), (304, b""), (200, b"body")])
def test_a_status_without_a_body_has_none(site, status, body):
    def index(self):
        response.status = status
        return "body"

    site.controller(index=index)
    exchange = get(site.app())
    assert exchange.body == body
    assert ("content-type" in exchange.headers) == (status == 200)
    assert ("content-length" in exchange.headers) == (status == 200)


def test_head_has_the_headers_and_no_body(site):
    site.controller(index=lambda self: "body")
    exchange = get(site.app(), REQUEST_METHOD="HEAD")
    assert exchange.body == b""
    assert exchange.headers["content-length"] == "4"


def test_a_servers_file_reaches_it_unwrapped(site):
    class FileWrapper:
        def __init__(self, file):
            self.file = file

        def __iter__(self):
            return iter([b"file"])

    def index(self, environ):
        response.content_length = 4
        return environ["wsgi.file_wrapper"](None)

    site.controller(index=index)
    exchange = Exchange(site.app(), make_environ(**{"wsgi.file_wrapper": FileWrapper}))
    assert isinstance(exchange.app_iter, FileWrapper)
    assert exchange.finish().body == b"file"

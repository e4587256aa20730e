"""The proxies: which object they stand for, and what they say where there is none."""

from __future__ import annotations

import pytest
from routes.util import GenerationException

import pylons
from pylons import config, request, response, session, tmpl_context, url
from pylons.context import OutsideRequest
from tests.pylons.driver import get


def test_outside_a_request_a_proxy_says_what_to_do():
    with pytest.raises(OutsideRequest, match=r"pylons.request was used where no request") as info:
        request.path
    assert isinstance(info.value, TypeError)
    assert "no request" in repr(request)
    assert not request
    assert "_current_obj" in dir(request)


def test_without_the_session_layer_the_error_names_it(site):
    from pylons.registry import RegistryManager
    from pylons.routing import RoutesMiddleware
    from pylons.wsgiapp import PylonsApp

    site.controller(index=lambda self: session["a"])
    app = RegistryManager(RoutesMiddleware(PylonsApp(site.config), site.mapper))
    with pytest.raises(OutsideRequest, match="pylons.sessions.SessionMiddleware"):
        get(app)


def test_proxies_pass_everything_on(site):
    seen = {}

    def index(self):
        tmpl_context.name = "ada"
        seen["c"] = tmpl_context._current_obj().name
        del tmpl_context.name
        seen["gone"] = hasattr(tmpl_context, "name")
        session["a"] = 1
        seen["session"] = ("a" in session, session["a"], len(list(session)) > 0)
        del session["a"]
        seen["deleted"] = "a" in session
        seen["same"] = request == request._current_obj()
        seen["url"] = url("item", id=3)
        seen["request"] = request is self._py_object.request
        seen["dir"] = "path_info" in dir(request)
        return str(response)[:6]

    site.controller(index=index)
    assert get(site.app()).body == b"200 OK"
    assert seen == {
        "c": "ada",
        "gone": False,
        "session": (True, 1, True),
        "deleted": False,
        "same": True,
        "url": "/item/3",
        "request": False,
        "dir": True,
    }


def test_a_template_context_is_strict_unless_the_configuration_says_otherwise(site):
    site.controller(index=lambda self: f"[{tmpl_context.missing}]")
    with pytest.raises(AttributeError, match="missing"):
        get(site.app())
    site.config["pylons.strict_tmpl_context"] = False
    assert get(site.app()).body == b"[]"


def test_a_pushed_object_stands_in_front_until_it_is_popped(site):
    url._push_object("pushed")
    try:
        assert url._current_obj() == "pushed"
        with pytest.raises(OutsideRequest):
            request.path
        # A request served meanwhile has its own.
        site.controller(index=lambda self: url("home"))
        assert get(site.app()).body == b"/"
    finally:
        url._pop_object()
    with pytest.raises(OutsideRequest):
        url("home")
    with pytest.raises(AssertionError, match="nothing has been pushed"):
        url._pop_object()


def test_an_object_pushed_in_a_request_leaves_the_others(site):
    def index(self):
        tmpl_context._push_object({"pushed": True})
        response.headers["X-One"] = "1"
        inside = tmpl_context["pushed"]
        tmpl_context._pop_object()
        return f"{inside} {type(tmpl_context._current_obj()).__name__}"

    site.controller(index=index)
    exchange = get(site.app())
    assert exchange.body == b"True ContextObj"
    assert exchange.headers["x-one"] == "1"


def test_config_is_the_requests_inside_and_the_processes_outside(site):
    from pylons.configuration import PylonsConfig

    site.config["who"] = "site"
    site.controller(index=lambda self: config["who"])
    PylonsConfig().init_app({"who": "another"}, {}, package="other")
    assert config["who"] == "another"
    assert get(site.app()).body == b"site"


def test_the_context_knows_its_parts_only(site):
    site.controller(index=lambda self, pylons: pylons.nonsense)
    with pytest.raises(AttributeError, match="no 'nonsense'"):
        get(site.app())


def test_the_names_of_2008_are_there():
    assert pylons.c is pylons.tmpl_context
    assert pylons.g is pylons.app_globals


def test_a_url_that_cannot_be_made_is_told_without_the_visitors_secrets(site):
    def index(self):
        with pytest.raises(GenerationException) as caught:
            url("item", number=3)
        assert caught.value.__context__ is None
        return str(caught.value)

    site.controller(index=index)
    body = get(site.app(), HTTP_COOKIE="secret=1").body
    assert body.startswith(b"url('item', number=3) makes no URL: no route has that name, or takes ")

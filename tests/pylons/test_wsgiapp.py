"""From a matched route to a controller."""

from __future__ import annotations

import sys
import types

import pytest
import webob
import webtest

from pylons import request
from pylons.configuration import PylonsConfig
from pylons.controllers import WSGIController
from pylons.registry import RegistryManager
from pylons.routing import RoutesMiddleware
from pylons.wsgiapp import PylonsApp
from tests.pylons.driver import Exchange, get, make_environ


def test_no_route_is_a_404(site):
    assert get(site.app(), "/no/such/path").status == "404 Not Found"


def test_a_controller_module_that_does_not_exist_is_a_404(site):
    site.mapper.connect("/other", controller="missing", action="index")
    site.mapper.connect("/deep", controller="sub/missing", action="index")
    site.mapper.connect("/odd", controller="../etc", action="index")
    app = site.app()
    for path in ("/other", "/deep", "/odd"):
        assert get(app, path).status == "404 Not Found"


def test_an_import_error_inside_a_controller_module_is_not_a_404(site, tmp_path):
    (tmp_path / "broken.py").write_text("import surely_not_installed\n")
    sys.modules["pylonstest.controllers"].__path__ = [str(tmp_path)]
    site.mapper.connect("/broken", controller="broken", action="index")
    with pytest.raises(ModuleNotFoundError, match="surely_not_installed"):
        get(site.app(), "/broken")


def test_a_module_without_its_class_says_which(site):
    sys.modules["pylonstest.controllers.user_home"] = types.ModuleType("user_home")
    site.mapper.connect("/x", controller="user-home", action="index")
    with pytest.raises(AttributeError, match="has no class UserHomeController"):
        get(site.app(), "/x")


def test_a_module_may_name_its_controller(site):
    class Odd(WSGIController):
        def index(self):
            return "odd"

    site.add("home", Odd)
    sys.modules["pylonstest.controllers.home"].__controller__ = "Odd"
    assert get(site.app()).body == b"odd"


def test_any_wsgi_application_can_be_a_controller(site):
    def hello(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"hello {request.path}".encode()]

    site.add("home", hello)
    sys.modules["pylonstest.controllers.home"].__controller__ = "hello"
    assert get(site.app()).body == b"hello /"


def test_the_steps_can_be_overridden(site):
    class App(PylonsApp):
        def setup_app_env(self, environ, start_response):
            super().setup_app_env(environ, start_response)
            environ["pylons.pylons"].tmpl_context.who = "override"

        def find_controller(self, controller):
            class HomeController(WSGIController):
                def index(self, pylons):
                    return pylons.tmpl_context.who

            return HomeController

        def register_globals(self, environ):
            environ["pylons.pylons"].response.headers["X-Registered"] = "yes"

    app = RegistryManager(RoutesMiddleware(App(site.config), site.mapper))
    exchange = get(app)
    assert exchange.body == b"override"
    assert exchange.headers["x-registered"] == "yes"


def test_a_controller_is_looked_for_once(site, monkeypatch):
    site.controller(index=lambda self: "x")
    app = site.app()
    get(app)
    monkeypatch.setattr("pylons.wsgiapp.importlib", None)
    assert get(app).body == b"x"


def test_how_text_is_encoded_is_configured(site):
    site.config["pylons.response_options"].update(charset="latin-1", errors="replace")
    site.controller(index=lambda self: "zo\u00eb \u20ac")
    assert get(site.app()).body == b"zo\xeb ?"


def test_a_controller_that_returns_nothing_is_told_how_to(site):
    class HomeController(WSGIController):
        def __call__(self, environ, start_response):
            super().__call__(environ, start_response)

        def index(self):
            return "x"

    site.add("home", HomeController)
    with pytest.raises(TypeError, match=r"must return WSGIController.__call__"):
        get(site.app())


def test_without_routes_the_error_names_the_layer(site):
    with pytest.raises(RuntimeError, match="wrap PylonsApp in pylons.routing"):
        get(PylonsApp(site.config))


def test_a_configuration_without_a_package_is_refused():
    with pytest.raises(ValueError, match="names no package"):
        PylonsApp(PylonsConfig())


def test_the_form_of_0_9_7_takes_the_processes_configuration(site):
    assert PylonsApp().config is site.config


def test_the_applications_language_is_configured(site):
    site.config["pylons.request_options"]["language"] = "de"
    site.controller(index=lambda self: " ".join(request.languages))
    assert get(site.app(), HTTP_ACCEPT_LANGUAGE="fr").body == b"fr de"


def test_an_application_called_inside_another_has_its_own_objects(site):
    def index(self, environ):
        inner = Exchange(site.inner, make_environ("/item/7"))
        inner.finish()
        return f"{inner.body.decode()} {request.path}"

    site.controller(index=index, item=lambda self, id: request.path)
    site.inner = site.app()
    assert get(site.app()).body == b"/item/7 /"


def test_webtest_finds_the_requests_objects(site):
    def index(self):
        self._py_object.tmpl_context.name = "ada"
        return "hello"

    site.controller(index=index)
    response = webtest.TestApp(site.app()).get("/")
    assert response.text == "hello"
    assert response.tmpl_context.name == "ada"
    assert response.config is site.config
    assert response.req.path == "/"
    assert response.session.is_new
    assert response.h is response.g is None
    assert response.response.status_int == 200


def test_webtest_finds_a_whole_response_too(site):
    whole = webob.Response("whole", content_type="text/plain")
    site.controller(index=lambda self: whole)
    assert webtest.TestApp(site.app()).get("/").response.text == "whole"

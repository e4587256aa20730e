"""Routing: matched as text, remembered where that is safe, and nothing per thread."""

from __future__ import annotations

import pytest
from routes import Mapper, request_config

from pylons.routing import RoutesMiddleware
from tests.pylons.driver import get, make_environ


def tell(environ, start_response):
    start_response("200 OK", [])
    match = environ["wsgiorg.routing_args"][1]
    match["written"] = "by the application"
    return [repr(sorted(item for item in match.items() if item[0] != "written")).encode()]


class Routes:
    """A middleware around an application that tells its match; counts the mapper's matches."""

    def __init__(self, *routes, **options):
        self.mapper = Mapper(controller_scan=lambda: ["c"], register=False)
        self.mapper.redirect("/old/{id}", "/new/{id}", _redirect_code="301 Moved Permanently")
        for args, kwargs in routes:
            self.mapper.connect(*args, **kwargs)
        self.app = RoutesMiddleware(tell, self.mapper, **options)
        self.matched = 0
        match = self.mapper.routematch

        def counting(*args):
            self.matched += 1
            return match(*args)

        self.mapper.routematch = counting

    def get(self, path, **more):
        return get(self.app, path, **more).body.decode()


def route(*args, **kwargs):
    return args, kwargs


ID = route("/x/{id}", controller="c")


def test_match_and_no_match():
    routes = Routes(ID)
    assert routes.get("/x/1") == "[('controller', 'c'), ('id', '1')]"
    assert routes.get("/nothing") == "[]"


def test_a_match_is_remembered_and_not_shared():
    routes = Routes(ID)
    assert routes.get("/x/1") == routes.get("/x/1")
    assert routes.matched == 1
    routes.get("/x/1", REQUEST_METHOD="POST")
    assert routes.matched == 2
    long = "/x/" + "1" * 300
    routes.get(long)
    routes.get(long)
    assert routes.matched == 4


def test_the_memory_is_bounded():
    routes = Routes(ID)
    for n in range(3000):
        routes.get(f"/x/{n}")
    assert routes.app._remembered.cache_info().currsize <= 256


def test_a_route_added_later_is_found():
    routes = Routes(ID)
    assert routes.get("/y/1") == "[]"
    routes.mapper.connect("/y/{id}", controller="c")
    routes.mapper.create_regs(["c"])
    assert routes.get("/y/1") == "[('controller', 'c'), ('id', '1')]"


def test_conditions_that_look_at_the_request_are_asked_each_time():
    seen = []

    def condition(environ, match):
        seen.append(environ["HTTP_HOST"])
        return environ["HTTP_HOST"] == "a.example"

    routes = Routes(route("/x", controller="c", conditions={"function": condition}))
    assert routes.get("/x", HTTP_HOST="a.example") == "[('controller', 'c')]"
    assert routes.get("/x", HTTP_HOST="b.example") == "[]"
    assert list(dict.fromkeys(seen)) == ["a.example", "b.example"]


def test_methods_decide():
    get_only = {"conditions": {"method": ["GET"]}}
    routes = Routes(
        route("/x", controller="c", action="show", **get_only),
        route("/x", controller="c", action="save"),
    )
    for _ in range(2):
        assert "show" in routes.get("/x")
        assert "save" in routes.get("/x", body=b"a")


@pytest.mark.parametrize("where", ["query", "form"])
def test_a_method_can_be_overridden_for_the_match_only(where):
    delete = {"conditions": {"method": ["DELETE"]}}
    routes = Routes(route("/x", controller="c", action="drop", **delete))
    if where == "query":
        path, more = "/x?_method=delete", {}
    else:
        path, more = (
            "/x",
            {
                "body": b"_method=DELETE",
                "CONTENT_TYPE": "application/x-www-form-urlencoded",
            },
        )
    assert "drop" in routes.get(path, **more)
    assert routes.get("/x", body=b"_method=DELETE", CONTENT_TYPE="text/plain") == "[]"
    environ = make_environ(path, **more)
    method = environ["REQUEST_METHOD"]
    routes.app(environ, lambda *args: None)
    assert environ["REQUEST_METHOD"] == method
    off = Routes(route("/x", controller="c", **delete), use_method_override=False)
    assert off.get(path, **more) == "[]"


def test_a_path_is_text():
    routes = Routes(ID)
    assert routes.get("/x/zo\u00eb".encode().decode("latin-1")) == (
        "[('controller', 'c'), ('id', 'zo\u00eb')]"
    )
    assert routes.get("/x/\xff") == "[]"


def test_the_route_is_told_and_script_name_may_be_missing():
    routes = Routes(ID)
    environ = make_environ("/x/1")
    del environ["SCRIPT_NAME"]
    routes.app(environ, lambda *args: None)
    assert environ["routes.route"].routepath == "/x/{id}"
    assert environ["SCRIPT_NAME"] == ""


def test_a_redirect_route():
    exchange = get(Routes(ID).app, "/old/7", SCRIPT_NAME="/app")
    assert exchange.status == "301 Moved Permanently"
    assert exchange.headers["location"] == "/app/new/7"


@pytest.mark.parametrize(
    ("path", "script_name", "path_info"),
    [("/sub/a/b", "/app/sub", "/a/b"), ("/sub/", "/app/sub", "/"), ("/sub", "/app", "/sub")],
)
def test_path_info_moves_what_the_application_sees(path, script_name, path_info):
    routes = Routes(route("/sub/{path_info:.*}", controller="c"))
    environ = make_environ(path, SCRIPT_NAME="/app")
    routes.app(environ, lambda *args: None)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (script_name, path_info)


def test_singletons_are_refused():
    with pytest.raises(ValueError, match="thread-local"):
        RoutesMiddleware(tell, None, singleton=True)


def test_nothing_is_left_in_routes_thread_local():
    request_config().__dict__.clear()
    Routes(ID).get("/x/1")
    with pytest.raises(AttributeError):
        request_config().environ

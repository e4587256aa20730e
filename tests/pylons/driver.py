"""A server of 40 lines to drive an application with, and an application made of a test's functions.

The driver does what PEP 3333 asks of a server and nothing else: it records the calls of
``start_response`` and every chunk, empty ones too, which WebTest's lint doesn't let through.
"""

from __future__ import annotations

import io
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from routes import Mapper

from pylons.configuration import PylonsConfig
from pylons.controllers import WSGIController
from pylons.registry import RegistryManager
from pylons.routing import RoutesMiddleware
from pylons.sessions import SessionMiddleware
from pylons.wsgiapp import PylonsApp


class Exchange:
    """One request and what the application said to it."""

    def __init__(self, app: Any, environ: dict[str, Any]) -> None:
        self.environ = environ
        self.starts: list[tuple[str, list[tuple[str, str]]]] = []
        self.chunks: list[bytes] = []
        self.started_at: list[int] = []
        self.app_iter = app(environ, self.start_response)
        self.iterator: Iterator[bytes] | None = None

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        if exc_info is not None and any(self.chunks):
            raise exc_info[1].with_traceback(exc_info[2])
        assert exc_info is not None or not self.starts, "start_response called twice"
        self.starts.append((status, headers))
        self.started_at.append(len(self.chunks))
        return self.chunks.append

    def step(self) -> bytes:
        if self.iterator is None:
            self.iterator = iter(self.app_iter)
        chunk = next(self.iterator)
        assert type(chunk) is bytes
        assert not chunk or self.starts, "data before start_response"
        self.chunks.append(chunk)
        return chunk

    def close(self) -> None:
        if hasattr(self.app_iter, "close"):
            self.app_iter.close()

    def finish(self) -> Exchange:
        try:
            while True:
                self.step()
        except StopIteration:
            assert self.starts, "no start_response by the end"
        finally:
            self.close()
        return self

    @property
    def status(self) -> str:
        return self.starts[-1][0]

    @property
    def headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.starts[-1][1]}

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def cookie(self) -> str:
        return self.headers["set-cookie"].split(";")[0]


def make_environ(path: str = "/", **more: Any) -> dict[str, Any]:
    """Return the environ of a request, as a server makes it."""
    path, _, query = path.partition("?")
    body = more.pop("body", b"")
    return {
        "REQUEST_METHOD": "POST" if body else "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "test.example",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **more,
    }


def get(app: Any, path: str = "/", **more: Any) -> Exchange:
    """Send one request, and iterate and close its response."""
    return Exchange(app, make_environ(path, **more)).finish()


class Site:
    """A Pylons application made of the controllers that a test hands it."""

    def __init__(self, package: str, **options: Any) -> None:
        self.package = package
        self.config = PylonsConfig()
        self.config.init_app({}, options, package=package)
        self.mapper = Mapper(controller_scan=lambda: ["home", "error"], register=False)
        self.mapper.connect("home", "/", controller="home", action="index")
        self.mapper.connect("item", "/item/{id}", controller="home", action="item")
        self.mapper.connect("action", "/{action}", controller="home")
        self.config["routes.map"] = self.mapper

    def controller(self, **actions: Any) -> type[WSGIController]:
        """Make these functions the actions of the controller ``home``."""
        return self.add("home", type("HomeController", (WSGIController,), actions))

    def add(self, name: str, controller: Any) -> Any:
        full_name = f"{self.package}.controllers.{name}"
        module = types.ModuleType(full_name)
        setattr(module, controller.__name__, controller)
        sys.modules[full_name] = module
        return controller

    def bare(self) -> Any:
        """Return the application with routing and sessions, and no registry."""
        app = RoutesMiddleware(PylonsApp(self.config), self.mapper, singleton=False)
        return SessionMiddleware(
            app,
            {
                "beaker.session.type": "memory",
                "beaker.session.key": "sid",
                "beaker.session.secret": "only the test knows",
                "beaker.session.data_serializer": "json",
                "beaker.session.httponly": "true",
            },
        )

    def app(self) -> Any:
        return RegistryManager(self.bare())

"""Routing: Routes' mapper behind a thin layer that keeps nothing per thread.

What differs from ``routes.middleware.RoutesMiddleware``, and why:

* ``singleton`` is off: Routes' ``request_config()`` is a thread-local, which leaks between
  greenlets and between requests that wait.
* The path is matched as text, percent-encoded UTF-8 decoded; Routes on Python 3 matches the
  Latin-1 text that WSGI passes it in, and each accented letter arrived as two others. A path
  that is no UTF-8 matches nothing.
* ``environ['routes.url']`` is one object for all requests, which finds the current request
  itself. Routes' URLGenerator holds environ and is held by it, so each request was garbage for
  the cyclic collector.
* Match results are remembered where they depend on path and method alone.

The URL generator can be used while the application runs; outside of it, make a
``routes.util.URLGenerator(mapper, environ)``.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

from routes.middleware import is_form_post
from routes.util import GenerationException, URLGenerator
from webob.request import BaseRequest

from pylons.context import Proxy
from pylons.http import Environ, StartResponse, WSGIApp

#: Longer paths are matched each time: what is remembered is bounded in bytes, not only in number.
_LONGEST_REMEMBERED = 256

_context_environ = Proxy("environ")


class CurrentURLGenerator(URLGenerator):
    """Routes' URL generator for whichever request is being served."""

    def __init__(self, mapper: Any) -> None:
        self.mapper = mapper

    @property
    def environ(self) -> Environ:
        environ: Environ = _context_environ._current_obj()
        return environ

    def __call__(self, *args: Any, **kargs: Any) -> str:
        """Return the URL that these arguments make.

        :raises GenerationException: if no route does. (Routes' own message holds all of environ,
            cookies included, and would bring them into the log.)
        """
        try:
            return str(super().__call__(*args, **kargs))
        except GenerationException:
            pass
        given = ", ".join([*map(repr, args), *(f"{key}={kargs[key]!r}" for key in kargs)])
        raise GenerationException(
            f"url({given}) makes no URL: no route has that name, or takes those variables"
        )


class RoutesMiddleware:
    """Match each request's path, and put the result where WSGI's conventions say.

    Sets ``environ['wsgiorg.routing_args']`` to ``(url, match)``, ``environ['routes.route']`` and
    ``environ['routes.url']``. Without a match the dictionary is empty, and the application
    answers.

    :param mapper: a ``routes.Mapper``.
    :param use_method_override: let ``_method`` in the query or in a posted form replace the
        method for the matching.
    :param path_info: let a route's ``path_info`` variable move SCRIPT_NAME and PATH_INFO.
    :param singleton: accepted as False only.
    :raises ValueError: for a true `singleton`.
    """

    def __init__(
        self,
        wsgi_app: WSGIApp,
        mapper: Any,
        use_method_override: bool = True,
        path_info: bool = True,
        singleton: bool = False,
    ) -> None:
        if singleton:
            raise ValueError("singleton=True: Routes' thread-local configuration is not supported")
        self.app = wsgi_app
        self.mapper = mapper
        self.use_method_override = use_method_override
        self.path_info = path_info
        self.url = CurrentURLGenerator(mapper)
        # For the paths that many ask for. One that each client asks for once, with a nick or a date
        # in it, is of no use here and takes 400 bytes.
        self._remembered = lru_cache(maxsize=256)(self._routematch)
        self._known_routes = -1
        self._can_remember = False

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (WSGI)."""
        environ.setdefault("SCRIPT_NAME", "")
        match, route = self._match(environ)
        environ["wsgiorg.routing_args"] = (self.url, match)
        environ["routes.route"] = route
        environ["routes.url"] = self.url
        if route is not None and route.redirect:
            return self._redirect(environ, match, route, start_response)
        if self.path_info and "path_info" in match:
            _move_path(environ, match["path_info"] or "")
        return self.app(environ, start_response)

    def _match(self, environ: Environ) -> tuple[dict[str, Any], Any]:
        """Return the variables of the route that matches and the route, or ({}, None)."""
        try:
            path = environ["PATH_INFO"]
            if not path.isascii():
                path = path.encode("latin-1").decode("utf-8")
        except UnicodeError:
            return {}, None
        method = environ["REQUEST_METHOD"]
        if self.use_method_override:
            method = _overridden_method(environ) or method
        if len(self.mapper.matchlist) != self._known_routes:
            self._learn_routes()
        if self._can_remember and len(path) <= _LONGEST_REMEMBERED:
            found = self._remembered(path, method)
        else:
            found = self.mapper.routematch(path, {**environ, "REQUEST_METHOD": method})
        if not found:
            return {}, None
        # A copy, because applications write into their match. Remembered a match takes 0.5 µs,
        # found by the mapper 3.6 µs with five routes, and more with each further one.
        return dict(found[0]), found[1]

    def _routematch(self, path: str, method: str) -> Any:
        return self.mapper.routematch(path, {"REQUEST_METHOD": method})

    def _learn_routes(self) -> None:
        """Find out whether path and method alone decide which route matches.

        Done at first, and when a route has been added.
        """
        routes = self.mapper.matchlist
        self._known_routes = len(routes)
        self._remembered.cache_clear()
        self._can_remember = not (
            self.mapper.always_scan
            or self.mapper.sub_domains
            or any(set(route.conditions or ()) - {"method"} for route in routes)
        )

    def _redirect(
        self, environ: Environ, match: dict[str, Any], route: Any, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer for a route made with ``mapper.redirect``."""
        location = URLGenerator(self.mapper, environ)(f"_redirect_{id(route)}", **match)
        start_response(
            route.redirect_status,
            [
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Content-Length", "0"),
                ("Location", location),
            ],
        )
        return []


def _overridden_method(environ: Environ) -> str | None:
    """Return the method that ``_method`` asks for, upper case, or None."""
    query = environ.get("QUERY_STRING", "")
    if "_method" in query:
        method = parse_qs(query).get("_method", [""])[0]
    elif environ["REQUEST_METHOD"] == "POST" and is_form_post(environ):
        method = BaseRequest(environ).POST.get("_method", "")
    else:
        return None
    return method.upper() if isinstance(method, str) and method else None


def _move_path(environ: Environ, rest: str) -> None:
    """Let `rest` be the PATH_INFO, and add what was before it to SCRIPT_NAME."""
    rest = rest.encode("utf-8").decode("latin-1")
    path = environ["PATH_INFO"]
    if path.endswith("/" + rest.lstrip("/")):
        environ["SCRIPT_NAME"] += path[: len(path) - len(rest.lstrip("/")) - 1]
    environ["PATH_INFO"] = "/" + rest.lstrip("/")

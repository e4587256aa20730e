"""PylonsApp: the innermost WSGI application, from a matched route to a controller.

Each request goes through four steps, each a method that an application may override:

1. ``setup_app_env`` makes the request's objects and lets the proxies stand for them;
2. ``resolve`` finds the controller that the route names;
3. ``dispatch`` makes an instance of it and calls it;
4. ``load_test_env`` (only under WebTest) hands the objects to the test.

Nothing of a request is kept on the application. Routing, sessions and error pages are layers
around it, put there by the application's ``make_app``; read ``pylons.controllers.core`` next.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any

from pylons.configuration import PylonsConfig
from pylons.configuration import config as _config
from pylons.context import RequestContext, current
from pylons.controllers.streaming import ActionIterator
from pylons.http import Environ, Response, StartResponse
from pylons.registry import CONTEXT_KEY, in_own_context
from pylons.util import class_name_from_module_name


class PylonsApp:
    """The application of one configuration.

    :param config: what ``PylonsConfig.init_app`` has filled; the process's (``pylons.config``)
        if None, as in 0.9.7.
    :raises ValueError: if the configuration names no package.
    """

    def __init__(self, config: PylonsConfig | None = None) -> None:
        self.config = config if config is not None else _config._current_obj()
        self.package_name = self.config["pylons.package"]
        if not self.package_name:
            raise ValueError(
                "The configuration names no package: call config.init_app(global_conf, app_conf, "
                "package='yourapp', paths=...) before PylonsApp()"
            )
        self.helpers = self.config["pylons.h"]
        self.globals = self.config["pylons.app_globals"]
        keys = self.config["pylons.environ_config"]
        self.session_key: str = keys.get("session", "beaker.session")
        self.cache_key: str = keys.get("cache", "beaker.cache")
        self.language: str = self.config["pylons.request_options"]["language"]
        self.empty_response = _empty_response(self.config["pylons.response_options"])
        self.controller_classes: dict[str, Any] = {}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (WSGI)."""
        in_context = "cogen.wsgi" in environ or CONTEXT_KEY in environ
        if in_context and current.get(None) is None:
            return self._serve(environ, start_response)
        # Either nothing outside gives each request a Context, or this one already serves another
        # request (an error document, a forward): the two must not see each other's objects.
        return in_own_context(self._serve, environ, start_response)

    def _serve(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        self.setup_app_env(environ, start_response)
        context: RequestContext = environ["pylons.pylons"]
        app_iter: Iterable[bytes] = ()
        try:
            if "paste.testing_variables" in environ:
                self.load_test_env(environ)
            controller = self.resolve(environ, start_response)
            app_iter = self.dispatch(controller, environ, start_response)
        finally:
            if not isinstance(app_iter, ActionIterator):  # which ends the context in its close()
                context.end()
        if app_iter is None:
            raise TypeError(
                f"{controller!r} returned None for a response. If it overrides __call__, that "
                f"must return WSGIController.__call__(self, environ, start_response)"
            )
        return app_iter

    def setup_app_env(self, environ: Environ, start_response: StartResponse) -> None:
        """Make the request's objects; the proxies stand for them from here on.

        An override calls this first, and then finds them in ``environ['pylons.pylons']``.
        """
        environ["pylons.pylons"] = context = RequestContext(self, environ)
        current.set(context)
        self.register_globals(environ)

    def register_globals(self, environ: Environ) -> None:
        """Do nothing: an override may replace parts of ``environ['pylons.pylons']`` here."""

    def resolve(self, environ: Environ, start_response: StartResponse) -> Any:
        """Return the controller for this request, or None if no route leads to one.

        :raises RuntimeError: if no routing layer is around the application.
        """
        try:
            match = environ["wsgiorg.routing_args"][1]
        except KeyError:
            raise RuntimeError(
                "environ has no 'wsgiorg.routing_args': wrap PylonsApp in "
                "pylons.routing.RoutesMiddleware(app, config['routes.map'])"
            ) from None
        environ["pylons.routes_dict"] = match
        name = match.get("controller")
        return self.find_controller(name) if name else None

    def find_controller(self, controller: str) -> Any:
        """Return the controller of this name, or None if there is no such module.

        It is ``<package>.controllers.<name>``'s ``<Name>Controller``, or what that module's
        ``__controller__`` names. A slash in the name leads into a sub-package.

        :raises AttributeError: if the module doesn't have the class.
        """
        found = self.controller_classes.get(controller)
        if found is None:
            found = self._import_controller(controller)
            if found is not None:
                self.controller_classes[controller] = found
        return found

    def _import_controller(self, name: str) -> Any:
        parts = name.replace("-", "_").split("/")
        if not all(part.isidentifier() for part in parts):
            return None
        full_name = ".".join([self.package_name, "controllers", *parts])
        try:
            module = importlib.import_module(full_name)
        except ModuleNotFoundError as exc:
            # Missing itself, or a sub-package on the way to it; anything else that is missing
            # is an error inside the controller's module.
            if exc.name and f"{full_name}.".startswith(f"{exc.name}."):
                return None
            raise
        own_name = getattr(module, "__controller__", None)
        if own_name is not None:
            return getattr(module, own_name) if isinstance(own_name, str) else own_name
        class_name = f"{class_name_from_module_name(parts[-1])}Controller"
        try:
            return getattr(module, class_name)
        except AttributeError:
            raise AttributeError(
                f"{full_name} has no class {class_name}: name the controller's class so, or set "
                f"__controller__ in that module to its name"
            ) from None

    def dispatch(
        self, controller: Any, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Call the controller that :meth:`resolve` found; without one, answer 404."""
        if controller is None:
            response = Response("Not found", status=404, content_type="text/plain")
            return response(environ, start_response)
        if isinstance(controller, type):
            controller = controller()
        environ["pylons.controller"] = controller
        app_iter: Iterable[bytes] = controller(environ, start_response)
        return app_iter

    def load_test_env(self, environ: Environ) -> None:
        """Put the request's objects where WebTest offers them as attributes of its response."""
        variables, context = environ["paste.testing_variables"], environ["pylons.pylons"]
        variables["req"] = context.request
        variables["response"] = context.response
        variables["tmpl_context"] = variables["c"] = context.tmpl_context
        variables["app_globals"] = variables["g"] = self.globals
        variables["h"] = self.helpers
        variables["config"] = self.config
        for name, key in (("session", self.session_key), ("cache", self.cache_key)):
            if key in environ:
                variables[name] = environ[key]


def _empty_response(options: dict[str, Any]) -> Response:
    """Return the prototype of every response, after ``pylons.response_options``."""
    response = Response(
        content_type=options.get("content_type", "text/html"),
        charset=options.get("charset", "utf-8"),
    )
    response.unicode_errors = options.get("errors", "strict")
    response.headers.update(options.get("headers", {}))
    # Each response works out its own length when it is sent, or has none when it streams.
    del response.content_length
    return response

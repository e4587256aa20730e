"""One ``contextvars.Context`` per request, whatever the server does.

A generator response is stepped long after the application returned it, perhaps in turn with
others on the same thread, perhaps on another thread. PEP 567 gives what is needed: the
application's call, each ``next()`` and ``close()`` are run in one Context that belongs to the
request. A server that does so itself says it with ``environ['cogen.wsgi']``, and then this
layer is a plain pass-through.

:class:`RegistryManager` keeps the name that paste.registry gave to this layer of the onion; its
stacked proxies and its ``environ['paste.registry']`` are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import Context, copy_context
from typing import Any

from pylons.http import Environ, StartResponse, WSGIApp
from pylons.util import close

#: Set in environ by a RegistryManager, so that inner layers know a Context when they are in one.
CONTEXT_KEY = "pylons.context"


class RegistryManager:
    """Run each request of `application`, its response's iteration included, in its own Context.

    `streaming` is accepted for the sake of old configurations, and always on.
    """

    def __init__(self, application: WSGIApp, streaming: bool = True) -> None:
        self.application = application

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (WSGI)."""
        if "cogen.wsgi" in environ:
            return self.application(environ, start_response)
        return in_own_context(self.application, environ, start_response)


def in_own_context(
    application: Callable[..., Iterable[bytes]], environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Call `application` in a new Context, and have its response iterated there."""
    context = copy_context()
    environ[CONTEXT_KEY] = True
    app_iter = context.run(application, environ, start_response)
    if runs_no_code(app_iter, environ):
        return app_iter
    return _InContext(context, app_iter)


def runs_no_code(app_iter: Iterable[bytes], environ: Environ) -> bool:
    """Tell whether sending `app_iter` runs none of the application's code.

    Neither a list nor a file does, and a server's file wrapper has to reach the server as it is,
    to be sent with sendfile.
    """
    kind = type(app_iter)
    return kind is list or kind is tuple or kind is environ.get("wsgi.file_wrapper")


def file_wrapper(environ: Environ) -> Any:
    """Return the server's ``wsgi.file_wrapper`` as a type for isinstance (list if none)."""
    wrapper = environ.get("wsgi.file_wrapper")
    return wrapper if isinstance(wrapper, type) else list


class _InContext:
    """An iterable whose ``iter()``, every ``next()`` and ``close()`` run in one Context."""

    __slots__ = ("_app_iter", "_context", "_iterator")

    def __init__(self, context: Context, app_iter: Iterable[bytes]) -> None:
        self._context = context
        self._app_iter = app_iter
        self._iterator: Iterator[bytes] | None = None

    def __iter__(self) -> _InContext:
        return self

    def __next__(self) -> bytes:
        if self._iterator is None:
            self._iterator = self._context.run(iter, self._app_iter)
        return self._context.run(next, self._iterator)

    def close(self) -> None:
        self._context.run(close, self._app_iter)

"""The layers around an application: error documents, errors, static files.

:class:`StatusCodeRedirect` replaces an error response by the application's own page and
:class:`ErrorHandler` turns an exception into a 500; :class:`Cascade` and :class:`StaticFiles` are
in ``pylons.static``. Both stream: a response that hasn't been started when the application
returns is watched until it is, its empty chunks pass through one to one, a good response is
neither buffered nor read ahead, and nothing of a request is kept on the layer.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from pylons.configuration import asbool
from pylons.debugger import Debugger
from pylons.http import Environ, Request, Response, StartResponse, WSGIApp
from pylons.registry import runs_no_code
from pylons.static import Cascade, StaticFiles
from pylons.util import StatusWatch, close

__all__ = ["Cascade", "ErrorHandler", "StaticFiles", "StatusCodeRedirect"]

log = logging.getLogger(__name__)

Headers = list[tuple[str, str]]

#: An error response longer than this (in bytes) is no page to replace, but somebody's data.
_LONGEST_REPLACED = 1024 * 1024


class StatusCodeRedirect:
    """Answer with the application's error document where the status is one of `errors`.

    The application is called again for `path`, by GET, with the response to replace in
    ``environ['pylons.original_response']`` and its request in
    ``environ['pylons.original_request']``. The status stays, and so do the headers that don't
    describe the body. The original is sent as it is if the error document is itself no success,
    if it is longer than a megabyte, or if the application has set
    ``environ['pylons.status_code_redirect']``.

    :param errors: the statuses to replace; add 500 where no debugger shows it.
    """

    def __init__(
        self,
        app: WSGIApp,
        errors: Sequence[int] = (400, 401, 403, 404),
        path: str = "/error/document",
    ) -> None:
        self.app = app
        self.errors = tuple(str(code) for code in errors)
        self.error_path = path

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (WSGI)."""
        script_name = environ.get("SCRIPT_NAME", "")  # layers inside may move it
        watch = _Watched(self.errors, start_response)
        app_iter = self.app(environ, watch)
        if watch.status and not watch.caught:
            return app_iter
        return watch.over(app_iter, self, environ, script_name)

    def _replacement(
        self, environ: Environ, script_name: str, watch: StatusWatch
    ) -> Iterator[bytes]:
        """Yield what is sent instead of the error that `watch` has caught, or that itself."""
        if "pylons.status_code_redirect" in environ:
            yield from watch.release()
            return
        held = watch.written
        original = Response(status=watch.status, headerlist=list(watch.headers), app_iter=held)
        document_environ = _document_environ(environ, script_name, self.error_path, original)
        yield from self._document(document_environ, watch)

    def _document(self, environ: Environ, watch: StatusWatch) -> Iterator[bytes]:
        """Yield the error document under the original's status, or the original."""
        document = StatusWatch(("",), watch.passed_to)
        app_iter: Iterable[bytes] = ()
        try:
            app_iter = self.app(environ, document)
            for chunk in app_iter:
                if chunk and document.caught:
                    if not document.status.startswith("2"):
                        break
                    document.status = watch.status
                    document.headers = _merged(watch.headers, document.headers)
                    yield from document.release()
                yield chunk
        except Exception:
            log.exception("The error document %s failed", self.error_path)
            if document.status and not document.caught:
                raise
        finally:
            close(app_iter)
        if document.caught or not document.status:
            yield from watch.release()


class _Watched(StatusWatch):
    """The ``start_response`` and the iterable of a response that was not started at once.

    An object, because it is what waits: this takes 136 bytes, a generator beside a watch 500.
    """

    __slots__ = ("_app_iter", "_chunks", "_environ", "_layer", "_script_name", "_size")

    def over(
        self,
        app_iter: Iterable[bytes],
        layer: StatusCodeRedirect,
        environ: Environ,
        script_name: str,
    ) -> _Watched:
        """Return itself, to iterate over `app_iter` or over what replaces it."""
        try:
            self._chunks = iter(app_iter)
        except BaseException:
            close(app_iter)
            raise
        self._app_iter = app_iter
        self._layer = layer
        self._environ: Any = environ
        self._script_name = script_name
        self._size = 0
        return self

    def __iter__(self) -> _Watched:
        return self

    def __next__(self) -> bytes:
        try:
            chunk = next(self._chunks)
            while self.caught and chunk:
                self._hold(chunk)
                chunk = next(self._chunks)
            return chunk
        except StopIteration:
            if not self.caught:
                raise
        self._replace()
        return next(self._chunks)

    def close(self) -> None:
        """Close the response, and let go of the request, which may lead back to here."""
        close(self._app_iter)
        self._app_iter = ()
        self._chunks = self._environ = self.passed_to = None  # type: ignore[assignment]

    def _hold(self, chunk: bytes) -> None:
        """Keep data that may have to be replaced, and release what is too much for that."""
        self.written.append(chunk)
        self._size += len(chunk)
        if self._size > _LONGEST_REPLACED:
            self._chunks = chain(self.release(), self._chunks)

    def _replace(self) -> None:
        self.caught = False
        app_iter = self._app_iter
        self._app_iter = self._chunks = self._layer._replacement(
            self._environ, self._script_name, self
        )
        close(app_iter)


class ErrorHandler:
    """Turn an exception of the application into a logged error and a plain 500.

    An exception after the first data can't become a response: it goes on to the server, which
    logs it and cuts the connection.

    With ``debug`` on, the client gets the debugger's page (``pylons.debugger``), if it is on a
    loopback address.

    :param global_conf: the configuration, for its ``debug``.
    :param errorware: ``config['pylons.errorware']``, whose ``debug`` wins.
    """

    def __init__(
        self, app: WSGIApp, global_conf: Mapping[str, Any] | None = None, **errorware: Any
    ) -> None:
        self.app = app
        debug = asbool(errorware.get("debug", (global_conf or {}).get("debug", False)))
        self._debugger = Debugger() if debug else None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (WSGI)."""
        if self._debugger is not None and self._debugger.is_asked(environ):
            return self._debugger(environ, start_response)
        app_iter: Iterable[bytes] = ()
        try:
            app_iter = self.app(environ, start_response)
            if runs_no_code(app_iter, environ):
                return app_iter
            return _Guarded(self, environ, start_response, app_iter)
        except Exception as exc:  # noqa: BLE001  (_failed logs it or raises it)
            close(app_iter)
            return self._failed(environ, start_response, exc)

    def _failed(
        self, environ: Environ, start_response: StartResponse, exc: Exception
    ) -> list[bytes]:
        """Answer 500 for `exc`, or raise it again if the response is already on its way."""
        body, content_type = b"Internal Server Error\n", "text/plain"
        if self._debugger is not None and self._debugger.is_allowed(environ):
            body, content_type = self._debugger.page(environ), "text/html; charset=utf-8"
            environ["pylons.status_code_redirect"] = True  # the page is not to be replaced
        headers = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
        # The server raises the exception here if it has sent the headers (PEP 3333), and then
        # it logs it too.
        exc_info = (type(exc), exc, exc.__traceback__)
        try:
            start_response("500 Internal Server Error", headers, exc_info)
        finally:
            del exc_info  # a frame that holds its own traceback is a cycle
        path = f"{environ.get('SCRIPT_NAME', '')}{environ['PATH_INFO']}"
        log.error("Error while serving %s %s", environ["REQUEST_METHOD"], path, exc_info=exc)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


class _Guarded:
    """A response's iterable whose exceptions are an :class:`ErrorHandler`'s.

    An object, because it is what waits: this takes 88 bytes, a generator 272.
    """

    __slots__ = ("_app_iter", "_chunks", "_environ", "_layer", "_start_response")

    def __init__(
        self,
        layer: ErrorHandler,
        environ: Environ,
        start_response: StartResponse,
        app_iter: Iterable[bytes],
    ) -> None:
        self._layer = layer
        self._environ: Any = environ
        self._start_response: Any = start_response
        self._app_iter = app_iter
        self._chunks = iter(app_iter)

    def __iter__(self) -> _Guarded:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._chunks)
        except StopIteration:
            raise
        except Exception as exc:  # noqa: BLE001  (_failed logs it or raises it)
            body = self._layer._failed(self._environ, self._start_response, exc)
        self._chunks = iter(body)
        return next(self._chunks)

    def close(self) -> None:
        """Close the response, and let go of the request, which may lead back to here."""
        close(self._app_iter)
        self._app_iter = ()
        self._chunks = self._environ = self._start_response = None  # type: ignore[assignment]


def _document_environ(environ: Environ, script_name: str, path: str, original: Response) -> Environ:
    """Return an environ that asks for the error document, clean of what the first run left."""
    left = ("pylons.", "routes.", "webob.", "wsgiorg.")
    new = {key: value for key, value in environ.items() if not key.startswith(left)}
    new.update(
        {
            "REQUEST_METHOD": "HEAD" if environ["REQUEST_METHOD"] == "HEAD" else "GET",
            "SCRIPT_NAME": script_name,
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "CONTENT_LENGTH": "0",
            "CONTENT_TYPE": "",
            "wsgi.input": io.BytesIO(),
            "pylons.original_request": Request(environ),
            "pylons.original_response": original,
        }
    )
    return new


def _merged(original: Headers, document: Headers) -> Headers:
    """Return the document's headers, and the original's that don't describe its body."""
    own = {name.lower() for name, _ in document} - {"set-cookie"}
    kept = [
        (name, value)
        for name, value in original
        if name.lower() not in own
        and not name.lower().startswith("content-")
        and name.lower() not in ("etag", "last-modified", "accept-ranges")
    ]
    return document + kept

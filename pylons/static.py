"""Files of a directory, and a cascade of applications that try one after the other.

:class:`StaticFiles` is WebOb's ``DirectoryApp`` with an ETag, and with a quick answer for paths
that can't be files, because in an application every request passes it first.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from typing import Any

from webob.static import DirectoryApp, FileApp

from pylons.http import Environ, StartResponse, WSGIApp
from pylons.util import StatusWatch, close


class StaticFiles(DirectoryApp):
    """Serve the files below `path`, with ETag, Last-Modified, ranges and 304.

    A file or directory added directly below `path` is seen within :attr:`refresh` seconds.

    :raises OSError: if `path` is no directory.
    """

    #: Seconds for which the list of names in the directory is believed.
    refresh = 1.0

    def __init__(self, path: str, index_page: str | None = "index.html", **kwargs: Any) -> None:
        super().__init__(path, index_page, **kwargs)
        self._names: frozenset[str] = frozenset()
        self._listed = -self.refresh

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (WSGI)."""
        path = environ["PATH_INFO"]
        # Looking for the first segment in a set takes 0.3 µs; asking the file system, by way of
        # WebOb's request and response, 90 µs, and it was asked for every poll.
        first = path.lstrip("/").partition("/")[0]
        if (first and first not in self._top_names()) or "\0" in path:
            return _not_found(start_response)
        app_iter: Iterable[bytes] = super().__call__(environ, start_response)
        return app_iter

    def make_fileapp(self, path: str) -> FileApp:
        """Return the application that serves one file."""
        stat = os.stat(path)
        return FileApp(path, etag=f"{stat.st_mtime_ns:x}-{stat.st_size:x}", **self.fileapp_kw)

    def _top_names(self) -> frozenset[str]:
        now = time.monotonic()
        if now - self._listed >= self.refresh:
            # As WSGI passes paths: the bytes of the name as Latin-1 text (PEP 3333).
            names = os.listdir(os.fsencode(self.path))
            self._names = frozenset(name.decode("latin-1") for name in names) | {".", ".."}
            self._listed = now
        return self._names


class Cascade:
    """Try applications in order, and answer with the first whose status isn't in `catch`.

    All but the last must call ``start_response`` before they return, as files do; an application
    that answers late, such as one with generator actions, goes last and is called plainly.
    """

    def __init__(self, applications: Sequence[WSGIApp], catch: Sequence[int] = (404,)) -> None:
        *self.first, self.last = applications
        self.catch = tuple(str(code) for code in catch)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (WSGI)."""
        path, script_name = environ["PATH_INFO"], environ.get("SCRIPT_NAME", "")
        for application in self.first:
            attempt = StatusWatch(self.catch, start_response)
            app_iter = application(environ, attempt.start_response)
            if attempt.status is None:
                close(app_iter)
                raise RuntimeError(
                    f"{application!r} has returned without calling start_response, so a Cascade "
                    f"can't tell whether it has an answer: make it the last of the cascade"
                )
            if not attempt.caught:
                return app_iter
            close(app_iter)
            environ["PATH_INFO"], environ["SCRIPT_NAME"] = path, script_name
        return self.last(environ, start_response)


def _not_found(start_response: StartResponse) -> list[bytes]:
    body = b"Not found"
    start_response(
        "404 Not Found",
        [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))],
    )
    return [body]

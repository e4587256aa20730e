"""The debugger's pages: a traceback in the browser, with a console in each frame, by backlash.

Whoever can load these pages can run code in the process. So they exist only with ``debug`` on,
and only for a client on a loopback address that asked for a loopback host by itself: not for
what a proxy forwards, and not for a page of another site that resolves its own name to
127.0.0.1. backlash (0.5 or later) is not a dependency: it is imported at the first error, and
without it the error is plain.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl

from pylons.http import Environ, StartResponse

log = logging.getLogger(__name__)

#: Each error kept for its consoles holds all objects of its frames.
_ERRORS_KEPT = 10


class Debugger:
    """backlash's debugger, shared by the requests of one :class:`ErrorHandler`."""

    def __init__(self) -> None:
        self._core: Any = None

    def is_asked(self, environ: Environ) -> bool:
        """Tell whether the request is for the debugger's own resources and consoles."""
        asked = "__debugger__=yes" in environ.get("QUERY_STRING", "")
        return asked and self._core is not None and self.is_allowed(environ)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request for which :meth:`is_asked` (WSGI)."""
        query = dict(parse_qsl(environ["QUERY_STRING"]))
        found = self._core.debugger_response(environ["PATH_INFO"], query)
        status, content_type, body = found or (404, "text/plain", b"Not found")
        start_response(
            f"{status} {HTTPStatus(status).phrase}",
            [("Content-Type", content_type), ("Content-Length", str(len(body)))],
        )
        return [body]

    def is_allowed(self, environ: Environ) -> bool:
        """Tell whether the client is on this machine, and not behind a proxy that is."""
        if any(name in environ for name in _FORWARDED):
            return False
        host: str = environ.get("HTTP_HOST") or environ["SERVER_NAME"]
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        return _is_loopback(environ.get("REMOTE_ADDR", "")) and (
            name == "localhost" or _is_loopback(name.strip("[]"))
        )

    def page(self, environ: Environ) -> bytes:
        """Return the page for the exception that is being handled."""
        try:
            core = self._core or self._made_core()
        except ImportError:
            log.warning("No debugger page: backlash is not installed (pip install backlash)")
            return b"Internal Server Error (the log has the traceback)\n"
        if len(core.tracebacks) >= _ERRORS_KEPT:
            core.tracebacks.clear()
            core.frames.clear()
        from backlash.utils import RequestContext

        traceback = core.save_traceback(RequestContext({"environ": dict(environ)}))
        page: str = traceback.render_full(evalex=core.evalex, secret=core.secret)
        return page.encode("utf-8", "replace")

    def _made_core(self) -> Any:
        from backlash.debugger import DebuggerCore

        self._core = DebuggerCore(app=None, evalex=True, console_path=None)
        return self._core


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


_FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_VIA")

"""The WSGI environ of a request (PEP 3333), and what this server adds to it.

Everything that is the same for all requests of a server is made once, in :func:`base_environ`;
:func:`make_environ` adds what the request and its connection say. No variable is ever taken from a
header that nobody has checked: there is no ``REMOTE_USER`` here.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from .body import Body
from .gate import Gate
from .head import RequestHead
from .wrapper import FileWrapper

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["base_environ", "make_environ"]


def base_environ(
    name: str, port: str, scheme: str, scheduler: Any, software: str
) -> dict[str, Any]:
    """Return the variables that all requests of a server share."""
    return {
        "SERVER_NAME": name,
        "SERVER_PORT": port,
        "SERVER_SOFTWARE": software,
        "ACTUAL_SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": FileWrapper,
        "cogen.sched": scheduler,
    }


def make_environ(
    connection: Connection, head: RequestHead, gate: Gate, body: Body
) -> dict[str, Any]:
    """Return the environ of one request."""
    if "REQUEST_METHOD" not in head.environ:  # it is there if these octets have come before
        _add_head(head.environ, head)
    environ = head.environ.copy()
    environ["REMOTE_ADDR"] = connection.remote_addr
    environ["REMOTE_PORT"] = connection.remote_port
    environ["wsgi.input"] = body
    environ["cogen.http_connection"] = connection
    gate.add_to(environ)
    return environ


def _add_head(environ: dict[str, Any], head: RequestHead) -> None:
    """Add what the request line says."""
    environ["REQUEST_METHOD"] = head.method
    environ["REQUEST_URI"] = head.target
    environ["PATH_INFO"] = head.path
    environ["QUERY_STRING"] = head.query
    environ["SERVER_PROTOCOL"] = "HTTP/1.1" if head.version == "1.1" else "HTTP/1.0"

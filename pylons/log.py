"""A logging handler that writes to the request's ``wsgi.errors``."""

from __future__ import annotations

import logging
import sys

from pylons.context import OutsideRequest, Proxy

_environ = Proxy("environ")


class WSGIErrorsHandler(logging.Handler):
    """Write records to the stream that the server gave the request for its errors (PEP 3333).

    Outside a request they go to standard error. For an ini file's ``[handler_...]`` section:
    ``class = pylons.log.WSGIErrorsHandler``, ``args = ()``.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            stream = _environ["wsgi.errors"]
        except OutsideRequest:
            stream = sys.stderr
        try:
            stream.write(f"{self.format(record)}\n")
            stream.flush()
        except Exception:  # noqa: BLE001  (logging's own way: the handler reports itself)
            self.handleError(record)

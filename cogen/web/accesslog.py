"""The access log: one line a request, in the combined format, through :mod:`logging`.

It is off unless ``access_log = true`` is set; then each line goes to the logger ``cogen.access``
at INFO, and two fields follow the usual ones: the seconds that the request took in all, and those
of them that it waited for operations. A long poll is told from a slow application by that::

    127.0.0.1 - - [29/Apr/2008:12:00:00 +0000] "GET /chat/pull HTTP/1.1" 200 12 "-" "curl" 8.213 8.211
"""  # noqa: E501

from __future__ import annotations

import logging
import time
from typing import Any

__all__ = ["log_access"]

log = logging.getLogger("cogen.access")


def log_access(
    environ: dict[str, Any], status: str | None, octets: int, took: float, waited: float
) -> None:
    """Log a request that has ended; times are in seconds.

    What the client sent is quoted, so that no line of a log can be forged.
    """
    log.info(
        '%s - - [%s] "%s %s %s" %s %s "%s" "%s" %.3f %.3f',
        environ["REMOTE_ADDR"] or "-",
        time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime()),
        environ["REQUEST_METHOD"],
        _quoted(environ["REQUEST_URI"]),
        environ["SERVER_PROTOCOL"],
        status[:3] if status else "-",
        octets,
        _quoted(environ.get("HTTP_REFERER", "-")),
        _quoted(environ.get("HTTP_USER_AGENT", "-")),
        took,
        waited,
    )


def _quoted(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii").replace('"', '\\"')

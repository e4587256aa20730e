"""Plain WSGI that waits: no framework, and no thread or greenlet while it waits.

Run it with ``python countdown.py``, then ``curl -N 'http://127.0.0.1:8000/?from=3'``.
"""

import logging
from urllib.parse import parse_qs

from cogen.core import events
from cogen.web.wsgi import Runner

log = logging.getLogger(__name__)


def application(environ, start_response):
    """Count down, one number a second."""
    start = int(parse_qs(environ["QUERY_STRING"]).get("from", ["3"])[0])
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        for number in range(start, 0, -1):
            yield f"{number}\n".encode()  # on the wire before the wait begins
            yield environ["cogen.yield"](events.Sleep(1))  # the empty chunk
        yield b"lift-off\n"
    finally:
        log.warning("this countdown is over")


if __name__ == "__main__":
    Runner("127.0.0.1", 8000, application, {}).run()

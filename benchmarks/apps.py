"""The applications of ``hello`` and ``idle``: as little as a server can be asked to do.

The same two in each protocol: ``/`` answers 14 octets, ``/park`` does not answer for an hour.
WSGI has no way of its own to wait, so that a parked request is one thing with our server's
operations and another, a sleeping greenlet, on gevent's.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

BODY = b"Hello, world!\n"
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]
PARK_SECONDS = 3600

Environ = dict[str, Any]
StartResponse = Callable[..., object]


def wsgi(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer hello, or park the request by an operation of ``cogen.core``."""
    if environ["PATH_INFO"] == "/park":
        return _park(environ, start_response)
    start_response("200 OK", HEADERS)
    return [BODY]


def _park(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    yield environ["cogen.core"].events.Sleep(PARK_SECONDS)
    start_response("200 OK", HEADERS)
    yield BODY


def gevent_wsgi(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer hello, or park the request by putting its greenlet to sleep."""
    if environ["PATH_INFO"] == "/park":
        import gevent

        gevent.sleep(PARK_SECONDS)
    start_response("200 OK", HEADERS)
    return [BODY]


async def asgi(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answer hello, or park the request's task."""
    if scope["path"] == "/park":
        import asyncio  # here: our chat's process must not load ssl before gevent patches it

        await asyncio.sleep(PARK_SECONDS)
    headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})

"""Server-sent events in plain WSGI: what is posted reaches everybody who listens.

Run it with ``python feed.py``, then ``curl -N http://127.0.0.1:8000/`` in some
terminals, and ``curl -d hello http://127.0.0.1:8000/`` in another.
"""

import itertools
import time

from cogen.core.pubsub import PublishSubscribeQueue
from cogen.web.wsgi import Runner

SILENCE = 60  # seconds without a message after which a stream ends

feed = PublishSubscribeQueue(history=100)
# Beginning at the time, so that ids go on rising after a restart.
ids = itertools.count(int(time.time() * 1000))


def application(environ, start_response):
    """Let POST publish its body, and anything else listen."""
    action = publish if environ["REQUEST_METHOD"] == "POST" else listen
    return action(environ, start_response)


def publish(environ, start_response):
    """Read the body, which holds no greenlet while it arrives, and publish it."""
    gate = environ["cogen.wsgi"]
    yield environ["cogen.input"].read()
    if gate.exception is not None:
        raise gate.result  # too large, too late, cut off: the server answers that
    text = gate.result.decode("utf-8", "replace")
    yield environ["cogen.call"](feed.publish)((next(ids), text))
    start_response("204 No Content", [])


def listen(environ, start_response):
    """Send the messages since the last one that the client has seen, and those to come."""
    seen = environ.get("HTTP_LAST_EVENT_ID", "")
    seen = int(seen) if seen.isdecimal() else 0
    key = object()
    headers = [("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache")]
    start_response("200 OK", headers)
    yield b"retry: 500\n\n"  # milliseconds until a browser comes back
    yield environ["cogen.call"](feed.subscribe)(key)
    try:
        while True:
            yield environ["cogen.call"](feed.fetch)(key, timeout=SILENCE)
            if environ["cogen.wsgi"].exception is not None:
                return  # silence, or too far behind: the browser comes back by itself
            for number, text in environ["cogen.wsgi"].result:
                if number > seen:
                    lines = text.splitlines() or [""]
                    data = "".join(f"data: {line}\n" for line in lines)
                    yield f"id: {number}\n{data}\n".encode()
    finally:
        feed.drop(key)


if __name__ == "__main__":
    Runner("127.0.0.1", 8000, application, {}).run()

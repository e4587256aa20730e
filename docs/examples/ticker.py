"""A coroutine that starts with the server, and requests that wait for its signal.

Run it with ``python ticker.py``, then ``curl -N http://127.0.0.1:8000/``.
"""

from cogen.core import events
from cogen.core.coroutines import coro
from cogen.web.wsgi import Runner


@coro
def tick():
    """Signal a number every second, for as long as the server runs."""
    number = 0
    while True:
        yield events.Sleep(1)
        number += 1
        yield events.Signal("second", number)


def application(environ, start_response):
    """Answer with the numbers of the next three seconds."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    for _ in range(3):
        yield environ["cogen.yield"](events.WaitForSignal("second", timeout=5))
        if environ["cogen.wsgi"].exception is not None:
            break  # no signal for 5 seconds, or the server is stopping
        yield f"{environ['cogen.wsgi'].result}\n".encode()


def server_factory(global_conf, host="127.0.0.1", port=8000, **options):
    """Serve as ``egg:ChatApp#http`` does, with the coroutine beside the application."""

    def serve(app):
        runner = Runner(host, port, app, options)
        runner.sched.add(tick)
        runner.run()

    return serve


if __name__ == "__main__":
    server_factory({})(application)

"""Wait for what is no operation of cogen: a function in a thread, a greenlet, a future.

Run it with ``python others.py``, then ``curl http://127.0.0.1:8000/thread``, ``/greenlet``,
``/future`` or ``/block``.
"""

import time
from concurrent.futures import ProcessPoolExecutor

import gevent

from cogen.core import threads
from cogen.web.wsgi import Runner

processes = ProcessPoolExecutor(2)


def slow(number):
    """Block for half a second, as a library does that knows nothing of gevent."""
    time.sleep(0.5)
    return number * 2


def friendly(number):
    """Block through gevent, as a patched library does."""
    gevent.sleep(0.5)
    return number * 2


def squares(count):
    """Compute; in this process it would keep the core from everybody else."""
    return sum(number * number for number in range(count))


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    wait = environ["cogen.yield"]
    path = environ["PATH_INFO"]
    if path == "/thread":
        yield wait(threads.call(slow, 21, timeout=5))
    elif path == "/greenlet":
        yield wait(threads.wait(gevent.spawn(friendly, 21), timeout=5))
    elif path == "/future":
        yield wait(threads.wait(processes.submit(squares, 1000), timeout=5))
    else:
        gevent.sleep(0.5)  # no operation: this step keeps its greenlet while it blocks
        yield b"no operation was needed\n"
        return
    gate = environ["cogen.wsgi"]
    if gate.exception is not None:
        raise gate.result
    yield f"{gate.result}\n".encode()


if __name__ == "__main__":
    Runner("127.0.0.1", 8000, application, {}).run()

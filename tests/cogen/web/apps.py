"""Applications that several tests serve, and those that ini files name for other processes."""

import logging
import resource

import gevent

from cogen.core import queue
from cogen.web.async_ import InlineHost
from tests.cogen.web.rig import PLAIN, hello

log = logging.getLogger("cogen.tests")


def waiting(a_queue, timeout=-1):
    """Answer with the next item of `a_queue`, as 2008's pull did."""

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield environ["cogen.call"](a_queue.get)(timeout=timeout)
        yield str(environ["cogen.wsgi"].result).encode()

    return application


def echo(environ, start_response):
    """Answer with the method, the target and the body, read as plain applications do."""
    body = environ["wsgi.input"].read()
    start_response("200 OK", PLAIN)
    return [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} ".encode(), body]


def streaming(*chunks):
    """Answer with `chunks`, one after the other."""

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield from chunks

    return application


def sending(path, headers=(), seek=0, closed=None):
    """Answer with the file at `path`, from octet `seek` on; append it, open, to `closed`."""

    def application(environ, start_response):
        start_response("200 OK", list(headers))
        file = path.open("rb")
        file.seek(seek)
        if closed is not None:
            closed.append(file)
        return environ["wsgi.file_wrapper"](file)

    return application


# Named in ini files.


def few_files(global_conf):
    """Make hello in a process that may have 60 descriptors."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))
    return hello


def waiting_by_path(global_conf):
    """Make an application whose paths wait in one way or the other."""
    messages = queue.Queue()

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        path = environ["PATH_INFO"]
        log.info("begins %s", path)
        try:
            if path == "/parked":
                yield environ["cogen.call"](messages.get)(timeout=1000)
                yield type(environ["cogen.wsgi"].result).__name__.encode()
            elif path == "/twice":
                for _ in "ab":
                    yield environ["cogen.core"].events.Sleep(1000)
                    yield b"slept "
            elif path == "/running":
                gevent.sleep(0.3)
                yield b"ran"
            elif path == "/blocked":
                gevent.sleep(1000)
            elif path == "/stubborn":
                try:
                    gevent.sleep(1000)
                finally:
                    gevent.sleep(1000)
            else:
                yield b"hello"
        finally:
            log.info("closes %s", path)

    return application


messages = queue.Queue()


def _pushing_and_pulling(environ, start_response):
    """Push what is posted, pull it; read by operations, answer by two chunks around a wait."""
    start_response("200 OK", PLAIN)
    gate = environ["cogen.wsgi"]
    if environ["PATH_INFO"] == "/push":
        yield environ["cogen.input"].read()
        yield environ["cogen.call"](messages.put)(gate.result)
        yield b"pushed"
    elif environ["PATH_INFO"] == "/pull":
        yield environ["cogen.call"](messages.get)(timeout=10)
        yield gate.result
    else:
        yield b"one "
        yield environ["cogen.core"].events.Sleep(0.01)
        yield b"two"


#: The same contract for other servers.
inline = InlineHost(_pushing_and_pulling)


def inline_chat():
    """Make the chat for another server."""
    from chatapp.config.middleware import make_app

    return InlineHost(make_app({"debug": "false"}))

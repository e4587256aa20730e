"""Applications for servers in processes of their own, to be named in ini files."""

import logging
import resource

import gevent

from cogen.core import queue
from cogen.web.async_ import InlineHost
from tests.cogen.web.rig import hello

log = logging.getLogger("cogen.tests")


def few_files(global_conf):
    """Make hello in a process that may have 60 descriptors."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))
    return hello


def waiting(global_conf):
    """Make an application whose paths wait in one way or the other."""
    messages = queue.Queue()

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
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
    start_response("200 OK", [("Content-Type", "text/plain")])
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

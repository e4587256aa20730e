"""A small application and a small server, to be named in ini files by ``call:``."""

import logging
import os
import time
from wsgiref.util import request_uri

from gevent import monkey

PATCHED_AT_IMPORT = monkey.is_module_patched("socket")

log = logging.getLogger("cogen.web")


def make_app(global_conf, **app_conf):
    """Return an application that tells its configuration, a line an option."""
    if "number" in app_conf:
        int(app_conf["number"])

    def app(environ, start_response):
        lines = [f"{name} = {value}" for name, value in sorted({**global_conf, **app_conf}.items())]
        lines.append(f"url = {request_uri(environ)}")
        lines.append(f"method = {environ['REQUEST_METHOD']}")
        lines.append(f"header = {environ.get('HTTP_X_SMALL', '')}")
        lines.append(f"body = {environ['wsgi.input'].read().decode()}")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{line}\n".encode() for line in lines]

    return app


def make_upper(global_conf):
    """Return a filter that makes everything upper case."""

    def upper(app):
        return lambda environ, start_response: [c.upper() for c in app(environ, start_response)]

    return upper


def make_first(loader, global_conf, **parts):
    """Return the first of the applications that a composite names."""
    return [loader.get_app(name, global_conf=global_conf) for name in parts.values()][0]


def make_server(global_conf, **options):
    """Return a server that logs its options and whether sockets are patched, and ends."""

    def serve(app):
        log.info("options %s", sorted(options.items()))
        log.info("patched %s", monkey.is_module_patched("socket"))

    return serve


def make_patched_app(global_conf):
    """Return an application that tells whether sockets were patched before it was imported."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"patched = {PATCHED_AT_IMPORT}".encode()]

    return app


def make_waiting_app(global_conf, file):
    """Return an application that answers once a file exists."""

    def app(environ, start_response):
        log.info("waiting begins")
        while not os.path.exists(file):
            time.sleep(0.01)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"went"]

    return app


def make_sleeping_app(global_conf):
    """Return an application that waits by an operation."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield environ["cogen.core"].events.Sleep(0.01)
        yield b"slept"

    return app

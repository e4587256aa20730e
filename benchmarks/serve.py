"""Run one contender: ``python -m benchmarks.serve hello|chat NAME PORT``.

Each function below sets one server up as its documentation advises for production: no access
log, keep-alive longer than the benchmark, room for the connections it is going to get. Where
that means leaving the defaults, a comment says why.
"""

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from . import apps, sampler

HOST = "127.0.0.1"
ROOM = 20_000  # connections
LONG = 600  # seconds of keep-alive

Serve = Callable[[int], object]


def ours(port: int) -> None:
    from cogen.web.wsgi import server_factory

    serve = server_factory({}, HOST, str(port))
    serve(apps.wsgi)


def waitress(port: int) -> None:
    from waitress import serve

    # The default of 100 connections would be the thing measured; so would select().
    serve(
        apps.wsgi,
        host=HOST,
        port=port,
        connection_limit=ROOM,
        channel_timeout=LONG,
        asyncore_use_poll=True,
    )


def gunicorn(port: int) -> None:
    bind = ["--bind", f"{HOST}:{port}", "--worker-connections", str(ROOM)]
    options = ["--worker-class", "gevent", "--workers", "1", "--keep-alive", str(LONG)]
    os.execv(
        sys.executable,
        [sys.executable, "-m", "gunicorn", *bind, *options, "benchmarks.apps:gevent_wsgi"],
    )


def pywsgi(port: int) -> None:
    from gevent.pywsgi import WSGIServer

    # It sends head and body apart: with Nagle's algorithm, each response on a kept connection
    # takes 44 ms. An accepted socket takes TCP_NODELAY over from its listener.
    listener = socket.create_server((HOST, port), backlog=2048)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setblocking(False)
    from gevent.socket import socket as gevent_socket

    kept = gevent_socket(fileno=listener.detach())
    WSGIServer(kept, apps.gevent_wsgi, log=None).serve_forever()


def uvicorn(port: int) -> None:
    from uvicorn import run

    run(
        apps.asgi,
        host=HOST,
        port=port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="error",
        timeout_keep_alive=LONG,
    )


def bjoern(port: int) -> None:
    import bjoern as server

    server.run(apps.gevent_wsgi, HOST, port)


def our_chat(port: int) -> None:
    from paster.command import main as paster

    ini = Path(__file__).with_name("chat.ini")
    paster(["serve", str(ini), f"http_port={port}"])


def aiohttp_chat(port: int) -> None:
    from aiohttp import web

    from .peers.aiohttp_chat import make_app

    web.run_app(make_app(), host=HOST, port=port, access_log=None, print=None)


def aiohttp_uvloop_chat(port: int) -> None:
    import uvloop

    uvloop.install()
    aiohttp_chat(port)


def starlette_chat(port: int) -> None:
    from uvicorn import run

    from .peers.starlette_chat import make_app

    run(
        make_app(),
        host=HOST,
        port=port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="error",
        timeout_keep_alive=LONG,
    )


HELLO: dict[str, Serve] = {
    "cogen": ours,
    "bjoern": bjoern,
    "uvicorn": uvicorn,
    "waitress": waitress,
    "pywsgi": pywsgi,
    "gunicorn": gunicorn,
}
CHAT: dict[str, Serve] = {
    "cogen": our_chat,
    "aiohttp": aiohttp_chat,
    "aiohttp-uvloop": aiohttp_uvloop_chat,
    "starlette": starlette_chat,
}


def main() -> None:
    kind, name, port = sys.argv[1:]
    sampler.install()
    {"hello": HELLO, "chat": CHAT}[kind][name](int(port))


if __name__ == "__main__":
    main()

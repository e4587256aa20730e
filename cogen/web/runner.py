"""A server as a process: scheduler, server and signals put together, from an ini file's options.

:func:`server_factory` is what ``use = egg:ChatApp#http`` calls; :class:`Runner` does the work, and
is the way to start coroutines of one's own with the server.
"""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable
from typing import Any

import gevent

from cogen.core import coroutines, events
from cogen.core.schedulers import Scheduler

from .gate import Application
from .server import WSGIServer
from .settings import Settings, split_options, tell_without_effect
from .status import StatusApplication, loopback_address

__all__ = ["Runner", "server_factory"]


class Runner:
    """Put a scheduler, a server and the process' signals together and run them.

    :param options: the ini file's, as text or values.

    A coroutine can be started with the server: ``runner.sched.add(coro)`` before :meth:`run`.
    """

    def __init__(
        self,
        host: str,
        port: int | str,
        app: Application,
        options: dict[str, Any],
        sched_class: type[Scheduler] = Scheduler,
        server_class: type[WSGIServer] = WSGIServer,
    ) -> None:
        tell_without_effect(options)
        of_scheduler, of_server = split_options(options)
        self.sched = sched_class(**of_scheduler)
        self.server = server_class(_bind_addr(host, port), app, self.sched, **of_server)
        self.servers = [self.server]
        if self.server.settings.status:
            address = loopback_address(self.server.settings.status)
            status = StatusApplication(self.server)
            self.servers.append(server_class(address, status, self.sched))
        self._signals: list[Any] = []

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; a second one stops at once.

        :raises OSError: if the address can't be had.
        """
        for server in self.servers:
            server.bind()
        self.sched.add(self._serve)
        spare_the_collector(self.server.settings.gc_threshold)
        loop = gevent.get_hub().loop
        for number in (signal.SIGTERM, signal.SIGINT):
            watcher = loop.signal(number, ref=False)
            watcher.start(self._on_signal)
            self._signals.append(watcher)
        try:
            self.sched.run()
        finally:
            for watcher in self._signals:
                watcher.stop()
                watcher.close()

    @coroutines.coro
    def _serve(self) -> Any:
        """Serve until all servers have stopped, then end the application's coroutines."""
        serving = [self.sched.add(server.serve) for server in self.servers]
        for server in serving:
            yield events.Join(server)
        self.sched.shutdown()

    def _on_signal(self) -> None:
        for server in self.servers:
            if server.stopping:
                server.stop_now()
            else:
                server.stop()


def spare_the_collector(threshold: int) -> None:
    """Keep Python's cyclic garbage collector from walking what lives as long as the process.

    Requests make no reference cycles, so it finds nothing in them; but each parked request is some
    40 objects, and with the default threshold of 700 it walked them again and again. Of the time
    for a delivery to 10,000 listeners a threshold of 100,000 saves 5 % against 50,000; what an
    application leaves in cycles can then take some 10 MB more before it is found.
    """
    gc.collect()
    gc.freeze()
    if threshold:
        gc.set_threshold(threshold, *gc.get_threshold()[1:])


def _bind_addr(host: str, port: int | str) -> tuple[str, int] | str:
    if host.startswith("unix:"):
        return host[len("unix:") :]
    try:
        number = int(port)
    except ValueError:
        number = -1
    if not 0 <= number <= 65535:
        raise ValueError(f"server option port = {port}: a number from 0 to 65535 is needed")
    return host, number


def server_factory(
    global_conf: dict[str, Any] | None,
    host: str = "127.0.0.1",
    port: int | str = 5000,
    **options: Any,
) -> Callable[[Application], None]:
    """Return ``serve(app)`` for ``[server:main] use = egg:ChatApp#http``.

    :param global_conf: the ini file's ``[DEFAULT]``; its ``debug`` is that of the server too.
    :param host: an address, or ``unix:`` and a path.
    :raises ValueError: for an option that does not exist or has an impossible value.
    """
    if global_conf and "debug" in global_conf:
        # PasteDeploy hands on only what differs from [DEFAULT].
        options.setdefault("debug", global_conf["debug"])
    Settings(**split_options(options)[1])
    _bind_addr(host, port)

    def serve(app: Application) -> None:
        Runner(host, port, app, options).run()

    return serve

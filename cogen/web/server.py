"""The server: it accepts, keeps its connections in time, and stops without losing an answer.

:class:`WSGIServer` is what 2008's was, with a coroutine to add to a scheduler
(``sched.add(server.serve)``), and the owner of the connections and of the pool of greenlets that
run the application. One connection's story is in :mod:`cogen.web.connection`, one request's in
:mod:`cogen.web.exchange`; :mod:`cogen.web.runner` starts it from an ini file.
"""

from __future__ import annotations

import _socket
import logging
import os
import select
import traceback
from collections.abc import Callable, Iterable
from contextvars import copy_context
from time import monotonic
from typing import Any, Final

import gevent
from gevent import monkey

from cogen.core import coroutines, events
from cogen.core.schedulers import Scheduler

from .connection import Connection
from .environ import base_environ
from .gate import Application
from .listening import listen
from .parser import Parsers
from .settings import Settings
from .tls import TLS, server_context
from .workers import Workers

__all__ = ["WSGIPathInfoDispatcher", "WSGIServer"]

log = logging.getLogger("cogen.web")

SOFTWARE: Final = "cogen.web/0.3"

#: Connections to accept before the hub looks at others again.
_ACCEPT_AT_ONCE: Final = 64
#: Seconds to wait before accepting again after an error.
_ACCEPT_PAUSE: Final = 0.5
#: Seconds for which it is not said again that accepting pauses at the limit: at the limit it pauses
#: with each connection that is accepted, thousands of times a second.
_SILENCE: Final = 60.0
#: Seconds that killed steps have to run their ``finally`` clauses.
_LAST_SECONDS: Final = 1.0

_poll: Final = monkey.get_original("select", "poll")


class WSGIServer:
    """Serve a WSGI application to the connections of one listening socket.

    :param bind_addr: ``(host, port)``, port 0 for any free one, or the path of a UNIX socket.
    :param wsgi_app: the application, or a list of ``(path prefix, application)``.
    :param scheduler: runs the operations that requests wait for, and :meth:`serve`.
    :param options: see :data:`cogen.web.settings.OPTIONS`.
    :raises ValueError: for an option that does not exist or has an impossible value.

    Counters for whoever looks from outside: `requests` begun, octets `received` and `sent`,
    application `errors`, `refused` requests by status, the `lag` in seconds of the last timer
    and the most there has been.
    """

    def __init__(
        self,
        bind_addr: tuple[str, int] | str,
        wsgi_app: Application | Iterable[tuple[str, Application]],
        scheduler: Scheduler,
        **options: Any,
    ) -> None:
        self.settings = Settings(**options)
        self.scheduler = scheduler
        self.wsgi_app = wsgi_app if callable(wsgi_app) else WSGIPathInfoDispatcher(wsgi_app)
        self.bind_addr = bind_addr
        self.stopping = False
        self.connections: set[Connection] = set()
        #: Those that don't read, since their client has sent more ahead than is buffered.
        self.held_back: set[Connection] = set()
        self.requests = self.received = self.sent = self.errors = 0
        self.refused: dict[str, int] = {}
        self.started = self._looked = monotonic()
        self.lag = self.most_lag = 0.0
        self._silent_until = 0.0
        # Not the loop's: that one is the wall clock, and stands still while a step computes.
        self.now: Callable[[], float] = monotonic
        self.socket: Any = None
        self._socket_file: str | None = None
        self._tls_context: Any = None
        if self.settings.certfile:
            self._tls_context = server_context(self.settings.certfile, self.settings.keyfile)
        self._stopped: _Stopped | None = None

    # Starting.

    def bind(self) -> None:
        """Open the listening socket; `bind_addr` becomes the address that it really has.

        :raises OSError: if the address can't be had.
        """
        self._socket_file = self.bind_addr if isinstance(self.bind_addr, str) else None
        self.socket = listen(self.bind_addr, self.settings.request_queue_size)
        address = self.socket.getsockname()
        self.bind_addr = address if isinstance(address, str) else address[:2]

    @property
    def url(self) -> str:
        """The address for people."""
        if isinstance(self.bind_addr, str):
            return f"unix:{self.bind_addr}"
        host, port = self.bind_addr
        scheme = "https" if self._tls_context is not None else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    @coroutines.coro
    def serve(self) -> Any:
        """Accept and serve until :meth:`stop`; a coroutine, it ends when all is answered."""
        if self.socket is None:
            self.bind()
        self._start()
        log.info("serving on %s", self.url)
        yield self._stopped

    def _start(self) -> None:
        hub = gevent.get_hub()
        self.loop = hub.loop
        self.context = copy_context()
        self.workers = Workers(hub, self.settings.workers)
        scheme = "https" if self._tls_context is not None else "http"
        host, port = ("", "") if isinstance(self.bind_addr, str) else self.bind_addr
        environ = base_environ(
            self.settings.server_name or host or "localhost",
            str(port),
            scheme,
            self.scheduler,
            SOFTWARE,
        )
        self.parsers = Parsers(self.settings, environ)
        self.started = self._looked = monotonic()
        self._stopped = _Stopped()
        self._accepter = self.loop.io(self.socket.fileno(), 1)
        self._accepter.start(self._accept)
        self._timer = self.loop.timer(_ACCEPT_PAUSE)
        resolution = min((limit for limit in self.settings.timeouts() if limit), default=4.0) / 4
        self._period = min(1.0, resolution)
        self._watch = self.loop.timer(self._period, repeat=self._period)
        self._watch.start(self._check_deadlines)

    # Connections.

    def _accept(self) -> None:
        for _ in range(_ACCEPT_AT_ONCE):
            if len(self.connections) >= self.settings.max_connections:
                self._accepter.stop()  # connection_closed() goes on
                if self.now() > self._silent_until:
                    self._silent_until = self.now() + _SILENCE
                    log.warning("accepting pauses at max_connections = %s", len(self.connections))
                return
            try:
                descriptor, address = self.socket._accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # Descriptors or memory ran out, or the network failed: accept(2) passes that on.
                log.error("accepting pauses for %s s: %s", _ACCEPT_PAUSE, error)
                self._accepter.stop()
                self._later(_ACCEPT_PAUSE, self._accept_again)
                return
            self._add_connection(descriptor, address)

    def _accept_again(self) -> None:
        if not self.stopping and not self._accepter.active:
            self._accepter.start(self._accept)

    def _add_connection(self, descriptor: int, address: Any) -> None:
        sock = _socket.socket(self.socket.family, self.socket.type, 0, descriptor)
        sock.setblocking(False)
        tls = TLS(self._tls_context) if self._tls_context is not None else None
        self.connections.add(Connection(self, sock, address, tls))

    def connection_closed(self, connection: Connection) -> None:
        """Forget a connection; called by it."""
        self.connections.discard(connection)
        if self.stopping:
            self._check_stopped()
        elif not self._accepter.active and not self._timer.active:
            self._accepter.start(self._accept)

    def _check_deadlines(self) -> None:
        now = self.now()
        self.lag = max(0.0, now - self._looked - self._period)
        self.most_lag = max(self.most_lag, self.lag)
        self._looked = now
        for connection in [c for c in self.connections if c.deadline < now]:
            connection.overdue()
        if self.held_back:
            self._look_for_ends_of_input()

    def _look_for_ends_of_input(self) -> None:
        """Tell connections that don't read when their client has gone while a request waits.

        The loop tells only who reads; the request would wait on, and hold what it was sent.
        """
        waiting = {
            connection.fileno(): connection
            for connection in self.held_back
            if connection.exchange is not None and connection.exchange.operation is not None
        }
        poll = _poll()
        for descriptor in waiting:
            poll.register(descriptor, select.POLLRDHUP)
        for descriptor, _ in poll.poll(0):
            waiting[descriptor].on_eof()

    # What requests report.

    def count_error(self) -> None:
        self.errors += 1

    def count_refused(self, status: str) -> None:
        self.refused[status] = self.refused.get(status, 0) + 1

    def explain(self, error: BaseException) -> str:
        """Return what a client is told of an application's exception."""
        if self.settings.debug:
            return "".join(traceback.format_exception(error))
        return "The application failed; its operator finds the reason in the log."

    # Stopping.

    def stop(self) -> None:
        """Accept no more, end waits with their time-out outcome, let what runs finish.

        After `shutdown_timeout` seconds what is left is cut. :meth:`serve` then ends.
        """
        if self.stopping or self._stopped is None:
            return
        known = -1
        while len(self.connections) != known:  # what the kernel has accepted is answered
            known = len(self.connections)
            self._accept()
        self._stop_accepting()
        log.info("stopping: %s connections", len(self.connections))
        for connection in list(self.connections):
            connection.wind_up()
        if self.settings.shutdown_timeout:
            self._later(self.settings.shutdown_timeout, self.stop_now)
        self._check_stopped()

    def stop_now(self) -> None:
        """Cut all connections; what they wait for is undone, steps that are blocked are killed."""
        if self._stopped is None:
            return
        self._stop_accepting()
        reason = ConnectionAbortedError("the server stops")
        for connection in list(self.connections):
            connection.kill(reason)
        self._later(_LAST_SECONDS, self._end)
        self._check_stopped()

    def _stop_accepting(self) -> None:
        self.stopping = True
        self._accepter.stop()
        self._timer.stop()
        if self._socket_file is not None and self.socket.fileno() >= 0:
            try:
                os.unlink(self._socket_file)
            except OSError as error:  # it has been removed already, or its directory has
                log.warning("the socket's file can't be removed: %s", error)
        self.socket.close()

    def _later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call `function`, instead of what this was told before."""
        self._timer.stop()
        self._timer.close()
        # A new one each time: libev would start one that has run down without its delay.
        self._timer = self.loop.timer(seconds)
        self._timer.start(function, update=True)

    def _check_stopped(self) -> None:
        if not self.connections and self._stopped is not None:
            self._end()

    def _end(self) -> None:
        """Let :meth:`serve` end, whatever still runs."""
        for watcher in (self._accepter, self._timer, self._watch):
            watcher.stop()
            watcher.close()
        self.workers.stop()
        stopped, self._stopped = self._stopped, None
        if stopped is not None:
            stopped.complete()


class _Stopped(events.TimedOperation):
    """Wait until a server has stopped."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(timeout=-1)

    def process(self, sched: Any, coro: Any) -> Any:
        sched.hold()
        sched.wait(self, coro)
        return None

    def complete(self) -> None:
        self.sched.release()
        self.sched.wake(self, self.caller, False)

    def cleanup(self, sched: Any, coro: Any) -> bool:
        self.sched.release()
        return True


class WSGIPathInfoDispatcher:
    """Choose the application with the longest prefix of the path; 404 if there is none."""

    def __init__(self, apps: Iterable[tuple[str, Application]]) -> None:
        pairs = [(prefix.rstrip("/"), app) for prefix, app in apps]
        self.apps = sorted(pairs, key=lambda pair: len(pair[0]), reverse=True)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"] or "/"
        for prefix, app in self.apps:
            if path == prefix or path.startswith(prefix + "/"):
                environ["SCRIPT_NAME"] += prefix
                environ["PATH_INFO"] = path[len(prefix) :]
                return app(environ, start_response)
        start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "0")])
        return [b""]

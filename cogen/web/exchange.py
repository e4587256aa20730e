"""The life of one request: call the application, step its iterator, wait, answer, close.

To the runtime an :class:`Exchange` is the coroutine that an operation belongs to: it has
``run_op``, ``running`` and ``debug``. To the worker greenlets it is something with a ``step``.
To its connection it is the one that is being answered. It goes through these states::

        submit              a chunk was empty,
          |                 an operation was left in the gate
          v                          |
        READY ----> RUNNING ---------+-----> WAITING
          ^           |  |                      |
          |           |  +---> FLUSHING         |
          |           |           |             |
          +-----------|-----------+-------------+   the operation is done, or the client
                      v                             has read: back in the queue
                     DONE

No greenlet belongs to it: whichever worker takes a step runs it in the request's own context
(PEP 567), so that context variables are the request's and thread-locals are nobody's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextvars import Context
from typing import TYPE_CHECKING, Any

from greenlet import GreenletExit, getcurrent

from cogen.core import events

from .accesslog import log_access
from .body import NO_BODY, Body, ReadBody
from .environ import make_environ
from .gate import Gate, OperationLost
from .head import HTTPError, RequestHead
from .response import INTERNAL_ERROR, PIECE, Pieces, Response, ResponseError, simple_response
from .wrapper import FileWrapper

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["ConnectionGone", "Exchange"]

log = logging.getLogger("cogen.web")

READY, RUNNING, WAITING, FLUSHING, DONE = range(5)

#: Waits of one request that end with their time-out outcome while the server stops.
_MOST_EXPIRED = 16


class ConnectionGone(ConnectionError):
    """Raised by ``write()`` and by reads of the input when the client has gone."""


class Exchange:
    """One request and its answer.

    :ivar state: where in the diagram above it stands.
    :ivar operation: what it waits for while WAITING, else None.
    :ivar gone: why it must not go on (an exception), None while it may.
    """

    __slots__ = (
        "connection",
        "gate",
        "body",
        "response",
        "state",
        "operation",
        "gone",
        "started",
        "_waited",
        "_wait_began",
        "_no_more_waits",
        "_expired",
        "_environ",
        "_context",
        "_result",
        "_iterator",
        "_outcome",
        "_worker",
        "__weakref__",
    )

    debug = False

    def __init__(self, connection: Connection, head: RequestHead) -> None:
        server = connection.server
        self.connection = connection
        self.response = Response(head.method, head.version, head.keep_alive)
        self.body = Body(connection, head) if head.length else NO_BODY
        self.gate = Gate(head.method, head.target, head.length, self.body)
        self.state = READY
        self.operation: Any = None
        self.gone: BaseException | None = None
        self.started = self._wait_began = server.now()
        self._waited = 0.0
        self._no_more_waits: BaseException | None = None
        self._expired = 0
        self._environ = make_environ(connection, head, self.gate, self.body)
        self._context: Context = server.context.copy()
        self._result: Any = None
        self._iterator: Iterator[bytes] | None = None
        self._outcome: Any = None
        self._worker: Any = None
        server.workers.submit(self)

    def __repr__(self) -> str:
        state = ("ready", "running", "waiting", "flushing", "done")[self.state]
        waits = f" for {self.operation!r}" if self.operation is not None else ""
        return f"<Exchange {self.request_line} {state}{waits}>"

    @property
    def request_line(self) -> str:
        environ = self._environ
        if not environ:
            return "(ended)"
        return f"{environ['REQUEST_METHOD']} {environ['REQUEST_URI']}"

    # What operations see: a coroutine.

    @property
    def running(self) -> bool:
        return self.state != DONE

    def run_op(self, op: Any, sched: Any) -> events.Operation:
        """Take the finished operation `op` and queue up for the step that gets its outcome."""
        self.operation = None
        self._outcome = op
        self._waited += self.connection.server.now() - self._wait_began
        self._make_ready()
        return events.HANDED_OVER

    # What the connection tells it.

    def input_ended(self, reason: BaseException) -> None:
        """End if this request waits for an operation, or as soon as it begins to."""
        if self.state == WAITING or self._outcome is not None:
            self.end(reason)
        else:
            self._no_more_waits = reason

    def end(self, reason: BaseException) -> None:
        """Undo what this request waits for and let it end; a running step ends by itself first.

        The client is told of an HTTPError if nothing has been sent.
        """
        if self.gone is not None or self.state == DONE:
            return
        self.gone = reason
        self.body.fail(reason)
        if self.state == WAITING:
            operation, self.operation = self.operation, None
            self.connection.server.scheduler.cancel(operation, self)
            self._make_ready()
        elif self.state == FLUSHING:
            self._make_ready()

    def kill(self, reason: BaseException) -> None:
        """End even if a step is blocked in gevent: GreenletExit is raised where it is."""
        self.end(reason)
        self.connection.server.loop.run_callback(self._interrupt)

    def _interrupt(self) -> None:
        if self.state == RUNNING:  # and this is the hub, so that it is blocked
            self._worker.throw()

    def flushed(self) -> None:
        """Go on: the client has read what was sent."""
        if self.state == FLUSHING:
            self._make_ready()

    def expire(self) -> None:
        """End a wait at once with the operation's time-out outcome, since the server stops.

        What reads the body goes on: those octets have been accepted. An application that waits in a
        loop, whatever the outcome, is ended: it would spin until the server's patience is over.
        """
        if self.state != WAITING or isinstance(self.operation, ReadBody):
            return
        self._expired += 1
        if self._expired > _MOST_EXPIRED:
            self.end(HTTPError("503 Service Unavailable", "The server stops."))
        else:
            self.connection.server.scheduler.expire(self.operation, self)

    def _make_ready(self) -> None:
        self.state = READY
        self.connection.server.workers.submit(self)

    # What a worker runs.

    def step(self) -> None:
        """Run the application until it waits or ends; called in a worker, never raises."""
        self.state = RUNNING
        self._worker = getcurrent()
        try:
            self._context.run(self._advance)
        except BaseException as error:  # noqa: BLE001 - logged and answered
            # SystemExit and GreenletExit in an application end its request, not the server.
            self._context.run(self._fail, error)

    def _advance(self) -> None:
        """Take the steps of PEP 3333's server side, as far as they go without waiting."""
        if self._must_end():
            self._abandon()
            return
        if self._iterator is None:
            self._call_application()
            if self._send_at_once():
                return
        outcome = self._outcome
        if outcome is not None:
            self._outcome = None
            self.gate.deliver(outcome, self.connection.server.scheduler)
        assert self._iterator is not None
        for chunk in self._iterator:
            if chunk:
                if type(chunk) is bytes and len(chunk) > PIECE:
                    self._iterator = Pieces(chunk, self._iterator)
                    self._advance()
                    return
                if not self.connection.send(self.response.data(chunk)):
                    self.state = FLUSHING
                    return
                if self.response.overrun:
                    break  # nothing of the rest could be sent (PEP 3333, "Content-Length")
            elif self.gate.pending is not None:
                if self._wait():
                    return
            elif self.connection.server.settings.early_headers:
                self._send_head_early()
            if self._must_end():
                self._abandon()
                return
        self._end()

    def _must_end(self) -> bool:
        return self.gone is not None

    def _call_application(self) -> None:
        result = self.connection.server.wsgi_app(self._environ, self.start_response)
        self._result = result
        self._iterator = iter(result)

    def _send_at_once(self) -> bool:
        """Answer in one piece what needs no iteration; return whether that was done."""
        result = self._result
        response = self.response
        if type(result) is FileWrapper:
            return self._send_file(result)
        if type(result) is list or type(result) is tuple:
            if len(result) == 1 and (chunk := result[0]) and not response.head_sent:
                self._check_operation_was_run()
                if type(chunk) is bytes and len(chunk) > PIECE:
                    self.connection.send(response.head(len(chunk)))
                    return False
                self._finish(response.data(chunk, is_all=True))
                return True
        return False

    def _send_file(self, wrapper: FileWrapper) -> bool:
        """Hand a file to sendfile(2) if it is one; return whether this step is over."""
        connection = self.connection
        extent = wrapper.extent() if connection.can_send_files else None
        if extent is None or self.response.head_sent:
            return False
        descriptor, offset, size = extent
        head = self.response.head(size)
        size = self.response.file_part(size) if self.response.sends_file_as_is else 0
        self._iterator = iter(())  # the file is sent without being read here
        if connection.send_file(head, descriptor, offset, size):
            return False
        self.state = FLUSHING
        return True

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Any:
        """The callable of PEP 3333; may be called in any step before the first data."""
        self.response.start(status, headers, exc_info)
        return self._write

    def _write(self, data: bytes) -> None:
        """The write() callable: send now, blocking this greenlet while the client doesn't read."""
        for piece in Pieces(data, iter(())):
            if not self.connection.send(self.response.data(piece)):
                self.connection.wait_until_flushed()
            if self.gone is not None:
                raise ConnectionGone("the client has gone")

    def _wait(self) -> bool:
        """Begin the operation in the gate; return whether it waits, so that this step ends."""
        server = self.connection.server
        self.gone = self.gone or self._no_more_waits
        if self.gone is not None:
            self._abandon()
            return True
        if server.settings.early_headers:
            self._send_head_early()
        operation = self.gate.take()
        self.operation = operation
        self._wait_began = server.now()
        self.state = WAITING
        finished = server.scheduler.begin(operation, self)
        if finished is None:
            if server.stopping:
                self.expire()
            return True
        self.state = RUNNING
        self.operation = None
        self.gate.deliver(finished, server.scheduler)
        return False

    def _send_head_early(self) -> None:
        response = self.response
        if response.status is not None and not response.head_sent:
            self.connection.send(response.head(None))

    def _check_operation_was_run(self) -> None:
        if self.gate.pending is not None:
            raise OperationLost(self.gate.lost_at_end(type(self._result)))

    def _end(self) -> None:
        self._check_operation_was_run()
        if self.response.status is None:
            raise ResponseError("the application ended without calling start_response")
        self._finish(self.response.end())

    def _finish(self, rest: bytes) -> None:
        """Send the last bytes, close the application's iterator and let the connection go on."""
        if rest:
            self.connection.send(rest)
        response = self.response
        if response.overrun or response.missing:
            log.error(
                "%s: the application's body is %s its Content-Length",
                self.request_line,
                f"{response.overrun} bytes beyond"
                if response.overrun
                else f"{response.missing} bytes short of",
            )
        self._close_result()
        self._done()

    def _close_result(self) -> None:
        """Call close() once, on the object that the application returned (PEP 3333)."""
        result, self._result, self._iterator = self._result, None, None
        close = getattr(result, "close", None)
        if close is not None:
            try:
                close()
            except BaseException:  # SystemExit must not end the worker here either
                log.exception("%s: close() of the application's result failed", self.request_line)

    def _abandon(self) -> None:
        """End early: undo what was handed over last, close, let the connection go."""
        outcome, self._outcome = self._outcome, None
        if isinstance(outcome, events.Operation):
            self.connection.server.scheduler.cancel(outcome, self)
        self._close_result()
        if isinstance(self.gone, HTTPError) and not self.response.head_sent:
            self._answer(self.gone.status, self.gone.reason)
        self.response.keep_alive = False
        self._done()

    def _fail(self, error: BaseException) -> None:
        """Answer an exception of the application's, once it has been logged.

        An HTTPError is the client's fault (a body too large or too slow): it is told, not logged.
        """
        if self.gone is not None or isinstance(error, ConnectionGone):
            if error is not self.gone and not isinstance(error, (ConnectionGone, GreenletExit)):
                log.info("%s failed after its client had gone", self.request_line, exc_info=error)
            self._abandon()
            return
        server = self.connection.server
        if not isinstance(error, HTTPError):
            server.count_error()
            log.error("%s failed in the application", self.request_line, exc_info=error)
        self._close_result()
        if not self.response.head_sent:
            if isinstance(error, HTTPError):
                self._answer(error.status, error.reason)
            else:
                self._answer(INTERNAL_ERROR, server.explain(error))
        self.response.keep_alive = False
        self._done()

    def _answer(self, status: str, text: str) -> None:
        """Send a response of the server's own."""
        self.response.status = status
        method = self._environ["REQUEST_METHOD"]
        self.connection.send(simple_response(status, text, method=method))

    def _done(self) -> None:
        """Break the reference cycles of environ and tell the connection."""
        self.state = DONE
        connection = self.connection
        server = connection.server
        if server.settings.access_log:
            response = self.response
            took = server.now() - self.started
            log_access(self._environ, response.status, response.body_size, took, self._waited)
        self._environ = {}
        self._context = _NO_CONTEXT
        self.gate.clear()
        connection.exchange_done(self)


_NO_CONTEXT = Context()

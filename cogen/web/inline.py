"""The contract on any WSGI server: :class:`InlineHost` runs each operation where the request runs.

The request's thread or greenlet is blocked meanwhile, so that as many clients can wait as the
server has of them. Operations need a scheduler: there is one for all threads, in a thread of its
own, and one on each gevent hub that serves requests by greenlets, where a thread would block them
all. Read :mod:`cogen.web.gate` for what the application sees.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextvars import copy_context
from functools import partial
from typing import Any

import gevent

from cogen.core import events, threads
from cogen.core.schedulers import Scheduler

from .gate import Application, Gate, OperationLost, StartResponse

__all__ = ["InlineHost", "InputBody", "close", "inline_host"]


def close(result: Any) -> None:
    """Call the close() of an application's result if it has one (PEP 3333)."""
    method = getattr(result, "close", None)
    if method is not None:
        method()


class _Read(events.Operation):
    """A read that has been done already: its outcome is delivered like any other."""

    __slots__ = ("data", "failure")

    def __init__(self, data: bytes, failure: Exception | None) -> None:
        super().__init__()
        self.data = data
        self.failure = failure

    def process(self, sched: Any, coro: Any) -> Any:
        if self.failure is not None:
            raise self.failure
        return self, coro

    def finalize(self, sched: Any = None) -> bytes:
        super().finalize(sched)
        return self.data


class InputBody:
    """A ``wsgi.input`` as operations: it blocks, as its server expects.

    :param length: octets of the body; None if `source` itself knows where it ends.
    :ivar read_count: octets that the application has read.
    """

    def __init__(self, source: Any, length: int | None = None) -> None:
        self.read_count = 0
        self._source = source
        self._length = length

    def reading(self, size: int, line: bool, **options: Any) -> _Read:
        """Read now; return the operation that gives what was read, or raises what that raised."""
        if self._length is not None:  # PEP 3333 lets a server block a read beyond the end
            left = self._length - self.read_count
            size = left if size < 0 else min(size, left)
        read = self._source.readline if line else self._source.read
        try:
            data = read() if size < 0 else read(size)
        except Exception as error:  # noqa: BLE001 - raised where the outcome is looked at
            return _Read(b"", error)
        self.read_count += len(data)
        return _Read(data, None)


class _Homes:
    """The schedulers of this process for applications that another server hosts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._schedulers: dict[Any, Scheduler] = {}

    def on_hub(self) -> Scheduler | None:
        """Return the scheduler of this gevent hub if a greenlet serves the request, else None."""
        if not isinstance(gevent.getcurrent(), gevent.Greenlet):
            return None
        key = os.getpid(), gevent.get_hub()
        if key not in self._schedulers:
            self._schedulers[key] = sched = _held_scheduler()
            gevent.spawn(sched.run)
        return self._schedulers[key]

    def in_thread(self) -> Scheduler:
        """Return the scheduler that all threads share, after a fork a new one."""
        key = os.getpid()
        with self._lock:
            if key not in self._schedulers:
                self._schedulers[key] = sched = _held_scheduler()
                threading.Thread(target=sched.run, name="cogen", daemon=True).start()
            return self._schedulers[key]


def _held_scheduler() -> Scheduler:
    sched = Scheduler()
    sched.hold()
    return sched


_homes = _Homes()


class InlineHost:
    """Provide the ``cogen.*`` contract on any WSGI server, and under WebTest.

    Each operation is run to its end while the request's thread or greenlet is blocked, and the
    empty chunks are swallowed: most servers can't pass them on before start_response. Under this
    package's own server it does nothing.
    """

    def __init__(self, app: Application, global_conf: Any = None) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if "cogen.wsgi" in environ:
            return self.app(environ, start_response)
        return _InlineRun(self.app, environ, start_response)


class _InlineRun:
    """One request under :class:`InlineHost`: its chunks without the empty ones."""

    def __init__(
        self, app: Application, environ: dict[str, Any], start_response: StartResponse
    ) -> None:
        self._on_hub = _homes.on_hub()
        self._sched = self._on_hub or _homes.in_thread()
        self._context = copy_context()
        length = _body_length(environ)
        self._gate = Gate(
            environ.get("REQUEST_METHOD", ""),
            environ.get("PATH_INFO", ""),
            length or 0,
            InputBody(environ.get("wsgi.input"), length),
        )
        self._gate.add_to(environ)
        environ["cogen.sched"] = self._sched
        environ["cogen.http_connection"] = None
        self._result: Any = None
        try:
            self._result = self._context.run(app, environ, start_response)
            self._chunks = iter(self._result)
            # start_response has been called once the first data is here, as servers want it.
            self._first = self._next_data()
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk, self._first = self._first, None
        if chunk is None:
            chunk = self._next_data()
        if chunk is None:
            raise StopIteration
        return chunk

    def _next_data(self) -> bytes | None:
        """Return the next chunk that holds data, None at the end."""
        for chunk in iter(partial(self._context.run, next, self._chunks, None), None):
            if chunk:
                return chunk
            if self._gate.pending is not None:
                self._run(self._gate.take())
        if self._gate.pending is not None:
            raise OperationLost(self._gate.lost_at_end(type(self._result)))
        return None

    def _run(self, operation: Any) -> None:
        """Block until `operation` is done and put its outcome into the gate."""
        gate = self._gate
        try:
            gate.result = self._wait(operation)
        except Exception as error:  # noqa: BLE001 - it is the operation's outcome
            gate.result = error
            gate.exception = type(error), error, error.__traceback__
        else:
            gate.exception = None

    def _wait(self, operation: Any) -> Any:
        """Block; if that is interrupted, by a server's time-out for one, undo the operation."""
        if self._on_hub is not None:
            return threads.get(self._on_hub, operation)
        future = threads.submit(self._sched, operation)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Close the application's result, in the request's context."""
        result, self._result = self._result, None
        try:
            self._context.run(close, result)
        finally:
            self._gate.clear()


def _body_length(environ: dict[str, Any]) -> int | None:
    """Return the octets of the request's body, None if ``wsgi.input`` ends where it does."""
    if environ.get("wsgi.input_terminated"):
        return None
    length = environ.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdigit() else 0


inline_host = InlineHost

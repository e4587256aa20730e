"""What an application finds in environ to wait with, and the middleware around it.

The application leaves an operation in the *gate* and yields an empty chunk; whoever iterates over
it runs the operation, puts the outcome into the gate and goes on::

    yield environ["cogen.call"](queue.get)(timeout=10)
    message = environ["cogen.wsgi"].result

Here are the gate and the other objects of that contract, the filters of 2008
(:class:`SynchronousInputMiddleware`, :class:`LazyStartResponseMiddleware`), and
:class:`InlineHost`, which provides the same contract on any other WSGI server. The server of this
package is in :mod:`cogen.web.wsgi`. The module was called ``async`` until that became a keyword.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from types import FrameType, ModuleType
from typing import Any

import cogen.core
from cogen.core import coroutines, events, pubsub, queue, util  # noqa: F401
from cogen.core.schedulers import Scheduler

__all__ = [
    "Gate",
    "InlineHost",
    "LazyStartResponseMiddleware",
    "OperationLost",
    "SynchronousInputMiddleware",
    "inline_host",
    "lazy_sr",
    "sync_input",
]

StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class OperationLost(RuntimeError):
    """An operation was never run, since the empty chunk that announces it did not arrive."""


class Gate:
    """``environ['cogen.wsgi']``: where application and server leave things for each other.

    :ivar content_length: octets of the request's body; None if there is none or it is chunked.
    :ivar result: what the last operation gave, or the exception instance that it ended with.
    :ivar exception: ``(type, value, traceback)`` of that exception, else None.
    :ivar pending: the operation that has been set and not yet taken; the server's side.
    """

    __slots__ = ("content_length", "result", "exception", "pending", "_body", "_request")

    def __init__(self, method: str, target: str, length: int, body: Any) -> None:
        self.content_length = length if length > 0 else None
        self.result: Any = None
        self.exception: tuple[Any, Any, Any] | None = None
        self.pending: Any = None
        self._body = body
        self._request = (method, target)

    def __repr__(self) -> str:
        method, target = self._request
        return f"<Gate of {method} {target}, operation {self.pending!r}>"

    @property
    def read_count(self) -> int:
        """Octets of the body that the application has read."""
        return self._body.read_count if self._body is not None else 0

    @property
    def operation(self) -> Any:
        """What to run at the next empty chunk.

        :raises OperationLost: when set while the last one has not been run.
        """
        return self.pending

    @operation.setter
    def operation(self, operation: Any) -> None:
        if self.pending is not None and operation is not None:
            raise OperationLost(self._lost(operation, culprits(sys._getframe(1))))
        self.pending = operation

    def _store(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> bytes:
        self.operation = function(*args, **kwargs)
        return b""

    def call(self, function: Callable[..., Any]) -> Callable[..., bytes]:
        """Return a function that stores the operation `function` returns; ``cogen.call``."""
        return partial(self._store, function)

    def yield_(self, operation: Any) -> bytes:
        """Store an operation and return the empty chunk to yield; ``cogen.yield``."""
        self.operation = operation
        return b""

    def add_to(self, environ: dict[str, Any], input: Any = None) -> None:
        """Put the objects of the contract into `environ`."""
        environ["cogen.wsgi"] = self
        environ["cogen.call"] = self.call
        environ["cogen.yield"] = self.yield_
        environ["cogen.core"] = ModuleGate(self, cogen.core)
        environ["cogen.input"] = InputGate(self, self._body if input is None else input)

    # The server's side.

    def take(self) -> Any:
        """Return the operation to run, and make room for the next."""
        operation, self.pending = self.pending, None
        return operation

    def deliver(self, outcome: Any, sched: Any) -> None:
        """Set result and exception from a finished operation or a CoroutineException."""
        if not isinstance(outcome, coroutines.CoroutineException):
            try:
                self.result = outcome.finalize(sched)
            except Exception:  # noqa: BLE001 - it is the operation's outcome
                outcome = coroutines.CoroutineException(*sys.exc_info())
            else:
                self.exception = None
                return
        self.exception = outcome.args
        self.result = outcome.args[1]

    def clear(self) -> None:
        """Let go of everything; the request is over."""
        self.pending = self._body = self.result = self.exception = None

    def _lost(self, operation: Any, suspects: list[str]) -> str:
        method, target = self._request
        message = (
            f"{method} {target}: {operation!r} was set while {self.pending!r} has not been run. "
            "The application yielded an empty chunk for it, and something between the application "
            "and the server swallowed that chunk, joined it with others or read ahead over it"
        )
        if suspects:
            return f"{message}: {suspects[0]}. It must pass every chunk on, one to one (PEP 3333)."
        return f"{message}. {_HOW_TO_FIND}"

    def lost_at_end(self, result_type: type) -> str:
        """Return what to tell when the application ended with an operation never run."""
        method, target = self._request
        hint = _HOW_TO_FIND
        if result_type in (list, tuple):
            hint = (
                f"The server got a {result_type.__name__}, so some layer joined the chunks before "
                f"it returned them. {_HOW_TO_FIND}"
            )
        return (
            f"{method} {target}: the application ended, but {self.pending!r} was never run: no "
            f"empty chunk arrived after it had been set. {hint}"
        )


_HOW_TO_FIND = (
    "To find the culprit take one middleware after the other out, from the outside in, until the "
    "error is gone; each must pass every chunk on, one to one (PEP 3333)."
)


def culprits(frame: FrameType | None) -> list[str]:
    """Return the functions on the stack that iterate without being able to pass a chunk on.

    Between the application's generator and the server's step there should be generators and
    ``__next__`` methods only. A plain function there joins, lists or swallows chunks.
    """
    suspects = []
    inside_application = True
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back  # the gate itself
    while frame is not None and frame.f_globals.get("__name__") not in _DRIVERS:
        code = frame.f_code
        is_generator = code.co_flags & 0x20
        if is_generator:
            inside_application = False
        elif not inside_application and code.co_name not in ("__next__", "send", "run"):
            suspects.append(f"{code.co_qualname} ({code.co_filename}, line {frame.f_lineno})")
        frame = frame.f_back
    return suspects


_DRIVERS = ("cogen.web.exchange", __name__)


class ModuleGate:
    """``environ['cogen.core']``: modules whose functions store the operations they return."""

    __slots__ = ("_gate", "_module")

    def __init__(self, gate: Gate, module: Any) -> None:
        self._gate = gate
        self._module = module

    def __getattr__(self, name: str) -> Any:
        what = getattr(self._module, name)
        if isinstance(what, ModuleType):
            return ModuleGate(self._gate, what)
        if isinstance(what, type) and issubclass(what, BaseException):
            return what  # for isinstance(result, environ["cogen.core"].events.OperationTimeout)
        if callable(what):
            return self._gate.call(what)
        return what


class InputGate:
    """``environ['cogen.input']``: the request's body, read by operations."""

    __slots__ = ("_gate", "_body")

    def __init__(self, gate: Gate, body: Any) -> None:
        self._gate = gate
        self._body = body

    def read(self, size: int = -1, **options: Any) -> bytes:
        """Store an operation that gives `size` octets, fewer only at the end; -1 is all.

        :param options: `timeout` in seconds and `prio`, as for every operation.
        """
        return self._gate.yield_(self._body.reading(size, False, **options))

    def readline(self, size: int = -1, **options: Any) -> bytes:
        """Store an operation that gives a line with its end, at most `size` octets of it."""
        return self._gate.yield_(self._body.reading(size, True, **options))


def close(result: Any) -> None:
    """Call the close() of an application's result if it has one (PEP 3333)."""
    method = getattr(result, "close", None)
    if method is not None:
        method()


class SynchronousInputMiddleware:
    """Read the request's body by operations before the application is called.

    A plain application can read ``wsgi.input`` on this server without it; with it, no greenlet is
    blocked while a slow client sends. The body is held in memory; the server limits its size.

    :param buffer_length: octets to read at a time.
    """

    def __init__(
        self, app: Application, global_conf: Any = None, buffer_length: int | str = 65536
    ) -> None:
        self.app = app
        self.buffer_length = int(buffer_length)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if not (environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING")):
            return self.app(environ, start_response)
        return self._read_and_call(environ, start_response)

    def _read_and_call(
        self, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterator[bytes]:
        gate = environ["cogen.wsgi"]
        body = io.BytesIO()
        while True:
            yield environ["cogen.input"].read(self.buffer_length)
            if gate.exception is not None:
                raise gate.result
            body.write(gate.result)
            if len(gate.result) < self.buffer_length:
                break
        environ["CONTENT_LENGTH"] = str(body.tell())
        body.seek(0)
        environ["wsgi.input"] = body
        result = self.app(environ, start_response)
        try:
            yield from iter(result)
        finally:
            close(result)


class LazyStartResponseMiddleware:
    """Delay start_response until the first data, for middleware that calls it too early.

    This server sends headers late anyway; what this adds is that everything outside it sees
    start_response late too, so that a session set after a wait can still set its cookie.
    """

    def __init__(self, app: Application, global_conf: Any = None) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterator[bytes]:
        call: tuple[Any, ...] | None = None
        written: list[bytes] = []

        def remember(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal call
            if call is not None and exc_info is None:
                raise RuntimeError("start_response was called twice without exc_info")
            call = (status, headers) if exc_info is None else (status, headers, exc_info)
            return written.append

        result = self.app(environ, remember)
        try:
            started = False
            for chunk in result:
                if (chunk or written) and call is not None and not started:
                    started = True
                    write = start_response(*call)
                    for data in written:
                        write(data)
                    written.clear()
                yield chunk
            if not started and call is not None:
                write = start_response(*call)
                for data in written:
                    write(data)
        finally:
            close(result)


sync_input = SynchronousInputMiddleware
lazy_sr = LazyStartResponseMiddleware


class _Done(events.Operation):
    """An operation that has its result from the start."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value

    def process(self, sched: Any, coro: Any) -> Any:
        super().process(sched, coro)
        return self, coro

    def finalize(self, sched: Any = None) -> Any:
        super().finalize(sched)
        return self.value


class _InlineBody:
    """Another server's ``wsgi.input`` as operations: it blocks, as its server expects."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.read_count = 0

    def reading(self, size: int, line: bool, **options: Any) -> _Done:
        read = self.source.readline if line else self.source.read
        data = read() if size < 0 else read(size)
        self.read_count += len(data)
        return _Done(data)


class _Background:
    """The scheduler of this process for applications that another server hosts.

    It runs in a thread of its own, which is a greenlet where gevent has patched threading. Requests
    of all threads share it, as the queues that they wait for need.
    """

    def __init__(self) -> None:
        self.scheduler = Scheduler()
        self.scheduler.hold()
        self.pid = os.getpid()
        self.thread = threading.Thread(target=self.scheduler.run, name="cogen", daemon=True)
        self.thread.start()

    _lock = threading.Lock()
    _current: _Background | None = None

    @classmethod
    def get(cls) -> Scheduler:
        """Return the running scheduler of this process, after a fork a new one."""
        with cls._lock:
            if cls._current is None or cls._current.pid != os.getpid():
                cls._current = cls()
            return cls._current.scheduler


class _Waiter:
    """The coroutine of an operation that a thread or greenlet of another server waits for."""

    debug = False
    running = True

    def __init__(self, sched: Scheduler, operation: Any) -> None:
        self.sched = sched
        self.operation = operation
        self.outcome: Future[Any] = Future()

    def begin(self) -> None:
        finished = self.sched.begin(self.operation, self)
        if finished is not None:
            self.run_op(finished, self.sched)

    def run_op(self, op: Any, sched: Any) -> events.Operation:
        self.running = False
        self.outcome.set_result(op)
        return events.HANDED_OVER

    def wait(self) -> Any:
        """Block until the operation is done and return it; if that is interrupted, undo it."""
        self.sched.call_threadsafe(self.begin)
        try:
            return self.outcome.result()
        except BaseException:
            self.sched.call_threadsafe(self.sched.cancel, self.operation, self)
            raise


class InlineHost:
    """Provide the ``cogen.*`` contract on any WSGI server, and under WebTest.

    Each operation is run to its end while the request's thread or greenlet is blocked, and the
    empty chunks are swallowed: most servers can't pass them on before start_response. Under this
    package's own server it does nothing.
    """

    def __init__(
        self, app: Application, global_conf: Any = None, scheduler: Scheduler | None = None
    ) -> None:
        self.app = app
        self._scheduler = scheduler

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if "cogen.wsgi" in environ:
            return self.app(environ, start_response)
        sched = self._scheduler or _Background.get()
        return _InlineRun(self.app, environ, start_response, sched)


class _InlineRun:
    """One request under :class:`InlineHost`: its chunks without the empty ones."""

    def __init__(
        self,
        app: Application,
        environ: dict[str, Any],
        start_response: StartResponse,
        sched: Scheduler,
    ) -> None:
        self._sched = sched
        self._context = copy_context()
        length = environ.get("CONTENT_LENGTH") or "0"
        self._gate = Gate(
            environ.get("REQUEST_METHOD", ""),
            environ.get("PATH_INFO", ""),
            int(length) if length.isdigit() else 0,
            _InlineBody(environ.get("wsgi.input")),
        )
        self._gate.add_to(environ)
        environ["cogen.sched"] = sched
        environ["cogen.http_connection"] = None
        self._result = self._context.run(app, environ, start_response)
        try:
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
                outcome = _Waiter(self._sched, self._gate.take()).wait()
                self._gate.deliver(outcome, self._sched)
        if self._gate.pending is not None:
            raise OperationLost(self._gate.lost_at_end(type(self._result)))
        return None

    def close(self) -> None:
        """Close the application's result, in the request's context."""
        self._context.run(close, self._result)


inline_host = InlineHost

"""The rest of the world: greenlets, futures, threads.

From inside, two operations: :class:`Wait` for something that gevent or
``concurrent.futures`` will complete, :class:`Call` for a function that blocks,
run in gevent's pool of native threads. From outside, two functions:
:func:`submit` from any thread, :func:`get` from a greenlet, hand an operation (a
coroutine instance is one) to a scheduler and give its outcome.

A coroutine may also simply call what blocks through gevent. It then stops its
scheduler, that is every other coroutine of it, but no greenlet, no connection
of the server and no timer of gevent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import AsyncResult
from greenlet import getcurrent

from cogen.core import events, locals
from cogen.core.operations import CoroutineException
from cogen.core.util import priority

if TYPE_CHECKING:
    from cogen.core.schedulers import Scheduler

__all__ = ["Call", "Wait", "call", "get", "submit", "wait"]


class _Outside(events.TimedOperation):
    """An operation that something outside the scheduler completes."""

    __slots__ = ("result",)

    def begin_wait(self, sched: Scheduler, coro: Any) -> None:
        sched.wait(self, coro)
        sched.hold()

    def complete(self, get: Callable[[], Any]) -> None:
        """Wake the coroutine with what ``get`` returns or raises."""
        if self.state != events.WAITING:
            return  # undone meanwhile
        self.sched.release()
        try:
            self.result = get()
        except BaseException as exc:  # noqa: BLE001 - raised in the coroutine that waits
            self.sched.fail(self, self.caller, exc)
        else:
            self.sched.arrive(self, self.caller)

    def finalize(self, sched: Scheduler | None = None) -> Any:
        self.state = events.FINALIZED
        return self.result

    def cleanup(self, sched: Scheduler, coro: Any) -> bool:
        if self.state == events.WAITING:
            self.sched.release()
            self.unlink()
        return True

    def unlink(self) -> None:
        """Stop listening for the completion."""


class Wait(_Outside):
    """Wait for a gevent Greenlet, AsyncResult or Event, or a ``concurrent.futures.Future``.

    ``yield`` gives its value (True for an Event), or raises its exception.
    Undone, by a time-out or a cancellation, it leaves ``obj`` alone.
    """

    __slots__ = ("obj",)

    def __init__(
        self,
        obj: Any,
        timeout: events.Timeout = None,
        weak_timeout: bool = True,
        prio: int = priority.DEFAULT,
    ) -> None:
        waitable = hasattr(obj, "rawlink") and (hasattr(obj, "get") or hasattr(obj, "ready"))
        if not waitable and not isinstance(obj, Future):
            raise TypeError(
                f"obj must be an object of gevent to wait for, or a Future, not {obj!r}"
            )
        super().__init__(timeout, weak_timeout, prio)
        self.obj = obj

    def process(self, sched: Scheduler, coro: Any) -> events.Pair | None:
        self.begin_wait(sched, coro)
        if isinstance(self.obj, Future):
            self.obj.add_done_callback(self._future_is_done)
        else:
            self.obj.rawlink(self._is_ready)
        return None

    def _is_ready(self, obj: Any) -> None:
        self.complete(lambda: obj.get(block=False) if hasattr(obj, "get") else obj.ready())

    def _future_is_done(self, future: Future[Any]) -> None:
        self.sched.call_threadsafe(self.complete, future.result)

    def unlink(self) -> None:
        if not isinstance(self.obj, Future):
            self.obj.unlink(self._is_ready)


class Call(_Outside):
    """Call ``func(*args, **kwargs)`` in a thread of gevent's pool.

    ``yield`` gives what it returns, or raises what it raises. A time-out or a
    cancellation ends the waiting; nothing can end the function, whose result is
    then thrown away.
    """

    __slots__ = ("func", "args", "kwargs", "starter")

    def __init__(
        self,
        func: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        timeout: events.Timeout = None,
        weak_timeout: bool = True,
        prio: int = priority.DEFAULT,
    ) -> None:
        if not callable(func):
            raise TypeError(f"func must be callable, not {func!r}")
        super().__init__(timeout, weak_timeout, prio)
        self.func = func
        self.args = args
        self.kwargs = kwargs or {}

    def process(self, sched: Scheduler, coro: Any) -> events.Pair | None:
        self.begin_wait(sched, coro)
        # spawn() of a pool whose threads are all busy blocks: not in this greenlet.
        self.starter = gevent.spawn(self._start)
        return None

    def _start(self) -> None:
        pool = gevent.get_hub().threadpool
        started = pool.spawn(_outcome_of, self.func, self.args, self.kwargs)
        started.rawlink(lambda started: self.complete(started.value))

    def unlink(self) -> None:
        self.starter.kill(block=False)


def _outcome_of(
    func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Callable[[], Any]:
    """Call ``func``; return a function that returns or raises the same.

    The pool would write the traceback of an exception to stderr, but it is the
    coroutine's to deal with.
    """
    try:
        result = func(*args, **kwargs)
    except Exception as exc:  # noqa: BLE001 - raised in the coroutine that waits
        error = exc

        def outcome() -> Any:
            raise error

        return outcome
    return lambda: result


def wait(obj: Any, timeout: events.Timeout = None) -> Wait:
    """Return an operation that waits for ``obj``, see :class:`Wait`."""
    return Wait(obj, timeout)


def call(
    func: Callable[..., Any], *args: Any, timeout: events.Timeout = None, **kwargs: Any
) -> Call:
    """Return an operation that calls ``func(*args, **kwargs)`` in a thread, see :class:`Call`."""
    return Call(func, args, kwargs, timeout)


class _Outsider:
    """Takes the place of a coroutine for someone outside who waits for an operation."""

    running = True
    debug = False

    def __init__(
        self, set_result: Callable[[Any], Any], set_exception: Callable[[BaseException], Any]
    ) -> None:
        self.set_result = set_result
        self.set_exception = set_exception

    def begin(self, sched: Scheduler, op: Any) -> None:
        done = sched.begin(op, self)
        if done is not None:
            self.run_op(done, sched)

    def run_op(self, op: Any, sched: Scheduler) -> events.Operation:
        self.running = False
        if isinstance(op, CoroutineException):
            self.set_exception(op.raisable())
        else:
            try:
                result = op.finalize(sched)
            except Exception as exc:  # noqa: BLE001 - raised in who waits outside
                self.set_exception(exc)
            else:
                self.set_result(result)
        return events.HANDED_OVER


def submit(sched: Scheduler, op: Any) -> Future[Any]:
    """Begin an operation, or a coroutine, on ``sched``, from any thread.

    Return a future: ``submit(sched, work(1)).result(timeout=5)``. Its
    ``cancel()`` undoes the operation. The scheduler has to run (``hold()`` keeps
    one running that has nothing else to do).
    """
    future: Future[Any] = Future()

    def unless_cancelled(setter: Callable[[Any], None]) -> Callable[[Any], None]:
        def set_it(value: Any) -> None:
            if future.set_running_or_notify_cancel():
                setter(value)

        return set_it

    outsider = _Outsider(
        unless_cancelled(future.set_result), unless_cancelled(future.set_exception)
    )

    def begin() -> None:
        if not future.cancelled():
            outsider.begin(sched, op)

    def done(future: Future[Any]) -> None:
        if future.cancelled():
            sched.call_threadsafe(sched.cancel, op, outsider)

    future.add_done_callback(done)
    sched.call_threadsafe(begin)
    return future


def get(sched: Scheduler, op: Any, timeout: float | None = None) -> Any:
    """Begin an operation, or a coroutine, on ``sched`` and block this greenlet for its outcome.

    For the greenlets of the scheduler's own thread. After ``timeout`` seconds
    the operation is undone and TimeoutError raised.
    """
    if getcurrent() in locals.runners:
        raise RuntimeError("get() would stop the scheduler it waits for: yield the operation")
    result = AsyncResult()
    outsider = _Outsider(result.set, result.set_exception)
    outsider.begin(sched, op)
    try:
        return result.get(timeout=timeout)
    except gevent.Timeout:
        raise TimeoutError(f"{op!r} was not done after {timeout} s") from None
    finally:
        if outsider.running:
            sched.cancel(op, outsider)

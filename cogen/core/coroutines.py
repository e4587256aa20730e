"""Coroutines: generators that yield operations.

:class:`Coroutine`, better known as ``coro``, decorates a generator function. A
call of the result makes a :class:`CoroutineInstance`, which steps the generator
and is an operation too: yielded by another coroutine it is a call, which gives
the return value or raises what it raised.

A coroutine that waits is a generator and an operation, nothing else: no stack,
no greenlet, no thread. It is stepped by one scheduler, in one thread. A plain
function may be decorated as well; it is a coroutine that ends in its first step.

Read :mod:`cogen.core.schedulers` next, for who steps them.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from gevent import GreenletExit

from cogen.core import events
from cogen.core.locals import current, local
from cogen.core.operations import CoroutineCancelled, CoroutineException, seconds_waiting
from cogen.core.util import priority

if TYPE_CHECKING:
    from cogen.core.schedulers import Scheduler

__all__ = [
    "Coroutine",
    "CoroutineCancelled",
    "CoroutineException",
    "CoroutineInstance",
    "DebugCoroutine",
    "coro",
    "coroutine",
    "current",
    "debug_coro",
    "debug_coroutine",
    "local",
]

log = logging.getLogger(__name__)

ExcInfo = tuple[type[BaseException], BaseException, "TracebackType | None"]

#: What ends the run of a scheduler, whichever coroutine it was raised in.
FATAL = (KeyboardInterrupt, GreenletExit)


class CoroutineInstance(events.Operation):
    """A coroutine that runs or has run.

    ``coro``: a generator, an object with ``send`` and ``throw``, or a function
    that is called with the other arguments in the first step, and that may
    return one or a plain result.

    ``result`` is the return value; ``exception`` the ``(type, value,
    traceback)`` triple of what ended it, or None; ``op`` the operation it waits
    for; ``debug``, when true, logs each step at DEBUG level, in this coroutine
    and those that it calls.
    """

    STATE_NEED_INIT, STATE_RUNNING, STATE_COMPLETED, STATE_FAILED, STATE_FINALIZED = range(5)
    _state_names = ("NOTSTARTED", "RUNNING", "COMPLETED", "FAILED", "FINALIZED")

    __slots__ = (
        *("name", "coro", "op", "debug", "__weakref__"),
        *("waiters", "result", "exception", "locals", "endings"),
    )

    def __init__(self, coro: Any, *args: Any, **kws: Any) -> None:
        if _is_generator(coro):
            self.state = self.STATE_RUNNING
        elif callable(coro):
            self.state = self.STATE_NEED_INIT
        else:
            raise ValueError(f"coro must be a generator or a function, not {coro!r}")
        self.prio = priority.FIRST
        self.coro: Any = functools.partial(coro, *args, **kws) if args or kws else coro
        self.name = getattr(coro, "__name__", None) or type(coro).__name__
        self.caller = self.sched = None
        self.op: Any = None
        self.waiters: dict[Any, Any] | None = None
        self.result: Any = None
        self.exception: ExcInfo | None = None
        self.locals: dict[Any, dict[str, Any]] | None = None
        self.endings: tuple[Callable[[CoroutineInstance], Any], ...] = ()
        self.debug = False

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.state < self.STATE_COMPLETED

    # -- stepping -----------------------------------------------------------------

    def run_op(self, op: Any, sched: Scheduler | None = None) -> Any:
        """Step the generator with the outcome of ``op``; return what it yields next.

        At its end return the instance itself: to process it then wakes those
        who wait for it.
        """
        if self.state != self.STATE_RUNNING:
            return self._first_step()
        if sched is None:
            sched = self.sched
        sched.current = self
        if self.debug:
            self._trace("resumes with", op)
        try:
            if op.__class__ is not CoroutineException:
                try:
                    value = op.finalize(sched)
                except Exception as exc:  # noqa: BLE001 - raised at the yield
                    rop = self.coro.throw(exc)
                else:
                    rop = self.coro.send(value)
            else:
                rop = self.coro.throw(op.raisable())
        except StopIteration as stop:
            # From Python 3.12 on a traceback through the generator keeps this
            # frame too, which must not keep the exception (or, below, the
            # instance). asyncio does the same.
            op = None
            self.result = stop.value
            self._end(self.STATE_COMPLETED)
            return self
        except BaseException as exc:  # noqa: BLE001 - raised in who waits for it
            try:
                return self._fail(exc)
            finally:
                self = op = None  # type: ignore[assignment]
        self.op = rop = events.PASS if rop is None else rop
        if self.debug:
            self._trace("yields", rop)
        return rop

    def _first_step(self) -> Any:
        """Call the function. What is delivered to a coroutine that has ended is ignored."""
        if self.state != self.STATE_NEED_INIT:
            return events.HANDED_OVER
        self.sched.current = self
        self.state = self.STATE_RUNNING
        try:
            made = self.coro()
        except BaseException as exc:  # noqa: BLE001 - raised in who waits for it
            try:
                return self._fail(exc)
            finally:
                self = None  # type: ignore[assignment]
        if _is_generator(made):
            self.coro = made
            # In 2008 an added coroutine queued up once more before its first
            # line ran; one that is called runs at once, its caller waits for it.
            return events.PASS if self.caller is None else self.run_op(events.PASS, self.sched)
        self.result = made
        self._end(self.STATE_COMPLETED)
        return self

    def _fail(self, exc: BaseException) -> CoroutineInstance:
        # Leave out the frame that caught it: it is none of the coroutine's.
        tb = exc.__traceback__ and exc.__traceback__.tb_next
        self.exception = type(exc), exc.with_traceback(tb), tb
        self._end(self.STATE_FAILED)
        return self

    def _end(self, state: int) -> None:
        self.state = state
        self.coro = self.op = self.locals = None
        endings, self.endings = self.endings, ()
        if self.sched is not None:
            self.sched.coros.discard(self)
        if self.debug:
            self._trace("ends in state", self._state_names[state])
        for ending in endings:
            try:
                ending(self)
            except Exception:
                log.exception("%r, called at the end of coroutine %s, failed", ending, self.name)

    # -- being an operation -------------------------------------------------------

    def process(self, sched: Scheduler, coro: Any) -> events.Pair | None:
        """Call it from ``coro``; at its own end wake who waits for it."""
        if coro is self:
            return self._ended(sched)
        if self.sched is None and self.running:
            self.caller = coro
            self.debug = self.debug or coro.debug
            self.adopt(sched)
            return events.PASS, self
        return events.Join(self).process(sched, coro)

    def adopt(self, sched: Scheduler) -> None:
        """Belong to ``sched`` from now on."""
        if self.sched is not None:
            raise ValueError(f"{self!r} has been started already")
        self.sched = sched
        sched.coros.add(self)

    def _ended(self, sched: Scheduler) -> events.Pair | None:
        """Tell those who wait; return the caller, to be run at once."""
        waiters, self.waiters = self.waiters, None
        caller, self.caller = self.caller, None
        if self.exception is None:
            for coro, op in (waiters or {}).items():
                op.sched.wake(op, coro)
        else:
            for coro, op in (waiters or {}).items():
                op.sched.fail(op, coro, self.exception[1])
            if self._is_fatal():
                sched.abort(self.exception[1])
            elif not waiters and caller is None:
                self.handle_error()
        return None if caller is None else (self.outcome(), caller)

    def _is_fatal(self) -> bool:
        """Whether what ended it ends the run of the scheduler too."""
        assert self.exception is not None
        fatal = (*FATAL, SystemExit) if self._is_main() else FATAL
        return isinstance(self.exception[1], fatal)

    def _is_main(self) -> bool:
        return self.sched is not None and self.sched.main is self

    def outcome(self) -> CoroutineInstance | CoroutineException:
        """Return what to deliver to those who wait for a coroutine that has ended."""
        return self if self.exception is None else CoroutineException(*self.exception)

    def finalize(self, sched: Scheduler | None = None) -> Any:
        """Return the return value of the coroutine."""
        self.state = self.STATE_FINALIZED
        return self.result

    def add_waiter(self, coro: Any, op: Any = None) -> None:
        """Wake ``op``, which waits on behalf of ``coro``, at the end; without one, begin a Join."""
        if not self.running:
            raise ValueError(f"{self!r} has ended: there is nothing to wait for")
        if op is None:
            events.Join(self).process(coro.sched, coro)
            return
        if self.waiters is None:
            self.waiters = {}
        self.waiters[coro] = op

    def remove_waiter(self, coro: Any, op: Any = None) -> None:
        """Forget a waiter; does nothing if it doesn't wait."""
        if self.waiters:
            self.waiters.pop(coro, None)

    def undo(self, sched: Scheduler, coro: Any) -> bool:
        """Stop waiting on behalf of ``coro``; cancel the coroutine if ``coro`` called it."""
        if self.caller is coro:
            self.caller = None
            self.cancel()
            return True
        join = (self.waiters or {}).get(coro)
        return join is not None and join.undo(sched, coro)

    def expired(self) -> Any:
        """Return what to deliver to a caller whose time is over."""
        return CoroutineException.of(events.OperationTimeout(self))

    # -- cancelling ---------------------------------------------------------------

    def cancel(self) -> bool:
        """End the coroutine now: undo what it waits for, run its ``finally`` clauses.

        GeneratorExit is raised at its ``yield``; those who wait for it get
        :class:`CoroutineCancelled`. A coroutine whose step is running (the one
        that calls this, or one that blocks in gevent) ends when it yields next.
        Return whether it was still running.
        """
        if not self.running:
            return False
        sched = self.sched
        if sched is not None and sched.current is self:
            sched.call_soon(self.cancel)
            return True
        if isinstance(self.op, events.Operation):
            try:
                sched.cancel(self.op, self)
            except Exception:
                log.exception("%r could not be undone when %s was cancelled", self.op, self.name)
        failure: BaseException = CoroutineCancelled(self.name)
        if self.state == self.STATE_RUNNING:
            try:
                self.coro.close()
            except BaseException as exc:  # noqa: BLE001 - raised in who waits for it
                failure = exc
        self._fail(failure)
        pair = self._ended(sched)
        if pair is not None:
            sched.ready(*pair)
        return True

    close = cancel

    def at_end(self, ending: Callable[[CoroutineInstance], Any]) -> None:
        """Call ``ending(self)``, once, when the coroutine has ended, however it does."""
        if ending not in self.endings:
            self.endings = (*self.endings, ending)

    def forget_ending(self, ending: Callable[[CoroutineInstance], Any]) -> None:
        """Undo at_end(); does nothing if it is not to be called."""
        self.endings = tuple(other for other in self.endings if other != ending)

    def handle_error(self, op: Any = None) -> None:
        """Report an exception that nobody waits for; a cancellation is none.

        What ends the main coroutine is raised by ``run``.
        """
        assert self.exception is not None
        if self.exception[0] is not CoroutineCancelled and not self._is_main():
            log.error("coroutine %s ended by an exception", self.name, exc_info=self.exception)

    # -- seen from outside --------------------------------------------------------

    def _trace(self, what: str, op: Any) -> None:
        if log.isEnabledFor(logging.DEBUG):
            frame = getattr(self.coro, "gi_frame", None)
            line = f" at line {frame.f_lineno}" if frame is not None else ""
            log.debug("coroutine %s%s %s %s", self.name, line, what, events.brief(op))

    def _brief(self) -> str:
        return f"<coroutine {self.name} at 0x{id(self):X}>"

    def __repr__(self) -> str:
        state = self._state_names[self.state]
        if self.running and self.op is not None:
            seconds = seconds_waiting(self.op)
            state += f" in {events.brief(self.op)}"
            state += f" for {seconds:.3f}s" if seconds is not None else ""
        return f"<{self.name} Coroutine instance at 0x{id(self):08X}, state: {state}>"

    __str__ = __repr__


def _is_generator(obj: Any) -> bool:
    return hasattr(obj, "send") and hasattr(obj, "throw")


class Coroutine:
    """Decorate a generator function; a call then makes a coroutine instance.

    ``constructor`` is the class of the instances. Works on functions, methods,
    class methods and static methods::

        @coro
        def client(address):
            sock = yield sockets.Socket().connect(address)
            ...
    """

    def __init__(
        self, func: Any, constructor: Callable[..., CoroutineInstance] = CoroutineInstance
    ) -> None:
        if not callable(func) and not hasattr(func, "__get__"):
            raise TypeError(f"func must be a function, not {func!r}")
        functools.update_wrapper(self, func)
        self.wrapped_func: Callable[..., Any] = func
        self.constructor = constructor

    def __get__(self, instance: Any, owner: type | None = None) -> Coroutine:
        if not hasattr(self.wrapped_func, "__get__"):
            return self
        bound = self.wrapped_func.__get__(instance, owner)
        return self if bound is self.wrapped_func else type(self)(bound, self.constructor)

    def __call__(self, *args: Any, **kwargs: Any) -> CoroutineInstance:
        return self.constructor(self.wrapped_func, *args, **kwargs)

    def __repr__(self) -> str:
        return f"<Coroutine constructor at 0x{id(self):08X} wrapping {self.wrapped_func!r}>"


class DebugCoroutine(Coroutine):
    """Like :class:`Coroutine`; each step of the instances is logged at DEBUG level."""

    def __call__(self, *args: Any, **kwargs: Any) -> CoroutineInstance:
        instance = super().__call__(*args, **kwargs)
        instance.debug = True
        return instance


coro = coroutine = Coroutine
debug_coro = debug_coroutine = DebugCoroutine


def __getattr__(name: str) -> Any:
    """Give ``ident``, the module global of 2008: the coroutine that runs."""
    if name == "ident":
        return current()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

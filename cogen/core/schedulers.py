"""The scheduler: steps coroutines, on gevent's event loop.

It keeps a queue, ``active``, of ``(operation, coroutine)`` pairs whose
operation has finished, takes one after the other, gives the coroutine the
outcome and starts the operation that it yields next. All the rest is in the
operations; what they need to wait, wake and fail are the helpers here.

The greenlet that calls :meth:`Scheduler.run` is the runner. It steps coroutines
for some milliseconds, then lets the hub poll sockets and timers and run other
greenlets; with nothing to step it sleeps in the hub. What those bring is queued
in ``urgent``, which has a turn of its own before ``active``: neither can keep
the other waiting for long. Everything but :meth:`Scheduler.call_threadsafe`
belongs to the runner's thread.

Read :mod:`cogen.core.events` first.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import monotonic
from typing import Any, NamedTuple

from cogen.core import events
from cogen.core.coroutines import CoroutineInstance
from cogen.core.locals import runners
from cogen.core.operations import (
    FAILED,
    READY,
    WAITING,
    CoroutineException,
    seconds_waiting,
    time_is_over,
)
from cogen.core.proactors import DefaultProactor, ProactorBase
from cogen.core.runner import Runner
from cogen.core.util import priority

__all__ = ["Scheduler", "Waiting"]

log = logging.getLogger(__name__)

#: Seconds for each of the two queues, after which it is the next one's turn.
SLICE = 0.0025
#: Steps between two looks at the clock: 50 ns each, against some 500 ns a step.
STEPS_PER_LOOK = 8


class Waiting(NamedTuple):
    """One line of :meth:`Scheduler.snapshot`."""

    name: str
    coroutine: CoroutineInstance
    operation: Any
    seconds: float | None


class Scheduler(Runner):
    """Run coroutines in one thread.

    ``proactor``: a class from :mod:`cogen.core.proactors`.
    ``default_priority``: the flag of operations that have none.
    ``default_timeout``: seconds (or a timedelta) for timed operations that have
    none; None means no time-out.
    ``proactor_resolution``: the most seconds that a step of iter_run() waits.
    ``proactor_multiplex_first``: try the system call before waiting for a socket.

    ``proactor_greedy``, ``ops_greedy`` and ``proactor_default_size`` are kept as
    attributes and have no effect: gevent's loop decides when to poll.
    """

    def __init__(
        self,
        proactor: Callable[..., ProactorBase] = DefaultProactor,
        default_priority: int = priority.LAST,
        default_timeout: events.Timeout = None,
        proactor_resolution: float = 0.01,
        proactor_greedy: bool = True,
        ops_greedy: bool = False,
        proactor_multiplex_first: bool | None = None,
        proactor_default_size: int | None = None,
    ) -> None:
        super().__init__()
        if not callable(proactor):
            raise TypeError(f"proactor must be a class of cogen.core.proactors, not {proactor!r}")
        self.proactor = proactor(
            self,
            proactor_resolution,
            multiplex_first=proactor_multiplex_first is not False,
            default_size=proactor_default_size,
        )
        self.proactor_greedy = proactor_greedy
        self.ops_greedy = ops_greedy
        self.default_priority = events.check_priority(default_priority, "default_priority", 0)
        self.default_timeout = events.check_timeout(default_timeout, "default_timeout")
        self.proactor_resolution = proactor_resolution
        self.active: deque[events.Pair] = deque()
        self.urgent: deque[events.Pair] = deque()
        self.sigwait: dict[Any, dict[events.WaitForSignal, None]] = {}
        self.signals: dict[Any, dict[events.Signal, None]] = {}
        #: The coroutines that have begun and not ended. They are kept alive here.
        self.coros: set[CoroutineInstance] = set()
        self.current: CoroutineInstance | None = None
        self.main: CoroutineInstance | None = None

    # -- coroutines and operations from outside -----------------------------------

    def add(
        self,
        coro: Callable[..., CoroutineInstance],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        first: bool = True,
    ) -> CoroutineInstance:
        """Start ``coro(*args, **kwargs)`` and return the coroutine instance.

        It runs after those added before it; with ``first=False`` (the name is
        that of 2008) it goes to the head of the queue.
        """
        if not callable(coro):
            raise TypeError(f"coro must be a function decorated with @coro, not {coro!r}")
        instance = coro(*args, **(kwargs or {}))
        if not isinstance(instance, CoroutineInstance):
            raise TypeError(f"{coro!r} gave {instance!r}, no coroutine: decorate it with @coro")
        instance.adopt(self)
        self.ready(events.PASS, instance, not first)
        return instance

    def begin(self, op: Any, coro: Any) -> Any:
        """Start ``op`` for ``coro``, which this loop doesn't step itself.

        Return the finished operation, or the CoroutineException, if it completed
        at once; otherwise None, and ``coro.run_op(outcome, sched)`` is called
        once, later, in the runner's greenlet.
        """
        try:
            pair = op.process(self, coro)
        except Exception as exc:  # noqa: BLE001 - delivered to coro
            try:
                return self._failure(op, exc)
            finally:
                op = coro = None  # the traceback keeps this frame
        if pair is None:
            return None
        if pair[1] is coro:
            return pair[0]
        self.ready(pair[0], pair[1], first=True)
        return None

    def cancel(self, op: Any, coro: Any) -> None:
        """Undo ``op``, which ``coro`` has begun and has not had delivered.

        It leaves every queue and timer, an item that it was handed goes back,
        and ``coro.run_op`` is not called for it any more.
        """
        if not op.undo(self, coro):
            for queue in (self.urgent, self.active):
                for pair in [pair for pair in queue if pair[1] is coro]:
                    queue.remove(pair)

    def expire(self, op: Any, coro: Any) -> None:
        """Finish ``op``, which waits, as if its time were over now."""
        if op.state in (READY, FAILED):
            return
        try:
            if op.undo(self, coro):
                self.urgent.append((op.expired(), coro))
                if self._asleep:
                    self._rouse()
        except Exception as exc:  # noqa: BLE001 - delivered to coro
            self.fail(op, coro, exc)

    # -- what operations use ------------------------------------------------------

    def wait(self, op: Any, coro: Any) -> None:
        """Let ``coro`` wait for ``op``, until it is woken, fails or its time is over."""
        op.sched = self
        op.caller = coro
        op.state = WAITING
        op.since = monotonic()
        timeout = op.timeout or self.default_timeout
        if timeout and timeout != -1:
            self.arm(op, timeout)

    def wake(self, op: Any, coro: Any, first: bool | None = None) -> None:
        """Deliver the finished ``op`` to ``coro``.

        ``first``: at the head of the queue; None means if ``op`` has any
        priority flag.
        """
        if op.timer is not None:
            self.disarm(op)
        op.state = READY
        if first is None:
            first = self.priority_of(op) > 0
        if first:
            self.active.appendleft((op, coro))
        else:
            self.active.append((op, coro))
        if self._asleep:
            self._rouse()

    def arrive(self, op: Any, coro: Any) -> None:
        """Deliver ``op``, which something outside finished: a socket, a timer, a thread."""
        if op.timer is not None:
            self.disarm(op)
        op.state = READY
        self.urgent.append((op, coro))
        if self._asleep:
            self._rouse()

    def hand_over(self, woken: Any, op: Any, coro: Any, first: bool) -> events.Pair:
        """Return the pair for who waits for ``woken`` to go on now, instead of ``coro``.

        ``coro``, whose ``op`` has finished too, is queued, ``first`` at the head.
        Both have to be of this scheduler.
        """
        if woken.timer is not None:
            self.disarm(woken)
        woken.state = READY
        self.wake(op, coro, first)
        return woken, woken.caller

    def fail(self, op: Any, coro: Any, error: BaseException) -> None:
        """Raise ``error`` in ``coro``, which waits for ``op``."""
        self.arrive(op, coro)
        op.state = FAILED
        op.error = error

    def ready(self, op: Any, coro: Any, first: bool = False) -> None:
        """Queue a pair to be run, whatever the state of ``op`` is."""
        if first:
            self.active.appendleft((op, coro))
        else:
            self.active.append((op, coro))
        if self._asleep:
            self._rouse()

    def priority_of(self, op: Any) -> int:
        """Return the flags of ``op``, the scheduler's if it has none."""
        return op.prio if op.prio >= 0 else self.default_priority

    def arm(self, op: Any, timeout: events.Timeout) -> None:
        """Start the timer of a waiting operation."""
        loop = self._loop or self.loop
        op.timer = timer = loop.timer(events.seconds_left(timeout))
        timer.start(time_is_over, op, update=True)
        self.pending += 1

    def disarm(self, op: Any) -> None:
        """Stop the timer of an operation that has one."""
        op.timer.stop()
        op.timer = None
        self.release()

    # -- running ------------------------------------------------------------------

    def run(self, main: CoroutineInstance | None = None) -> Any:
        """Run until nothing can happen any more, or until stop() or shutdown().

        Coroutines that wait for something that only another coroutine could
        bring are left as they are: they go on when one is added and run.

        ``main`` is a coroutine to start. Its return value is returned, what it
        raises is raised here (CoroutineCancelled after a shutdown, None is
        returned if it still waits), and SystemExit in it ends the run; in another
        coroutine SystemExit is reported like any exception. KeyboardInterrupt
        ends the run wherever it is raised.
        """
        if main is not None:
            if not isinstance(main, CoroutineInstance):
                raise TypeError(f"main must be a coroutine instance, not {main!r}")
            main.adopt(self)
            self.ready(events.PASS, main)
            self.main = main
        try:
            with self._as_runner():
                while self._has_work():
                    self._cycle(None)
        finally:
            self.main = None
        if main is None or main.running:
            return None
        if main.exception is not None:
            raise main.exception[1]
        return main.result

    def iter_run(self) -> Iterator[None]:
        """Run as a generator, for embedding in another main loop.

        Each ``next()`` steps what is ready and lets gevent poll; it waits at most
        ``proactor_resolution`` seconds. It ends when run() would return.
        """
        with self._as_runner():
            while self._has_work():
                self._cycle(self.proactor_resolution)
                yield

    def shutdown(self) -> None:
        """Stop, and cancel every coroutine that has not ended."""
        self.stop()
        if self._greenlet is None:
            self.cleanup()
        else:
            self._calls.append((self.cleanup, ()))

    def cleanup(self) -> None:
        """Cancel every coroutine that has not ended, and those that they start meanwhile."""
        cancelled: set[CoroutineInstance] = set()
        while left := self.coros - cancelled:
            for coro in left:
                coro.cancel()
            cancelled |= left

    def snapshot(self) -> list[Waiting]:
        """List the coroutines that have begun, what each waits for, and for how long."""
        return [Waiting(co.name, co, co.op, seconds_waiting(co.op)) for co in self.coros]

    def _has_work(self) -> bool:
        return self.running and bool(self.active or self.urgent or self.pending or self._calls)

    def find_hub(self) -> Any:
        """Return gevent's hub of this thread, with the backend that the proactor asks for."""
        return self.proactor.hub()

    def _cycle(self, limit: float | None) -> None:
        """Step what is ready, then let the hub poll, at most ``limit`` seconds."""
        if self._calls:
            self._make_calls()
        for queue in (self.urgent, self.active):
            if queue:
                self._step(queue)
        if self.active or self.urgent or self._calls:
            self._give_turn()
        elif self.pending and self.running:
            self._sleep(limit)

    def _step(self, queue: deque[events.Pair]) -> None:
        """Step the coroutines of a queue until there is none left or the time is over."""
        runners[self._greenlet] = self
        deadline = monotonic() + SLICE
        looks = STEPS_PER_LOOK
        op = coro = pair = None
        try:
            while queue and self.running:
                op, coro = queue.popleft()
                if op.state > READY:
                    if op.state != FAILED:
                        continue  # cancelled since it was queued
                    op = op.take_error()
                while True:
                    op = coro.run_op(op, self)
                    try:
                        pair = op.process(self, coro)
                    except Exception as exc:  # noqa: BLE001 - delivered to coro
                        pair = self._failure(op, exc), coro
                    looks -= 1
                    if looks <= 0:
                        looks = STEPS_PER_LOOK
                        if monotonic() >= deadline:
                            if pair is not None:
                                self._put_off(pair)
                            return
                    if pair is None:
                        break
                    op, coro = pair
        finally:
            # The traceback of a failed operation keeps this frame: it must not
            # keep the coroutine, which keeps the traceback.
            op = coro = pair = self.current = None
            del runners[self._greenlet]

    def _put_off(self, pair: events.Pair) -> None:
        """Queue what would run now behind the others: the time of this turn is over."""
        op = pair[0]
        if op.state == events.RUNNING and not isinstance(op, CoroutineInstance):
            op.state = READY
        self.active.append(pair)

    def _failure(self, op: Any, exc: BaseException) -> CoroutineException:
        """Return what to deliver when ``op`` could not be started."""
        if not hasattr(op, "process"):
            return CoroutineException.of(
                TypeError(f"a coroutine must yield an operation, a coroutine or None, not {op!r}")
            )
        if op.timer is not None:
            self.disarm(op)
        if not isinstance(op, CoroutineInstance):
            op.state = events.ERRORED
        return CoroutineException.of_process(exc)

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__}@0x{id(self):X} active:{len(self.active)} "
            f"sigwait:{len(self.sigwait)} coros:{len(self.coros)} pending:{self.pending}>"
        )

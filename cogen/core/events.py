"""The operations that need nothing but a scheduler: sleep, signal, add, join.

Those of queues, sockets and threads live in their own modules; the base classes,
which can be imported from here, in :mod:`cogen.core.operations`. Read
:mod:`cogen.core.coroutines` next, for who yields them.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cogen.core.operations import (
    CANCELLED,
    ERRORED,
    FAILED,
    FINALIZED,
    HANDED_OVER,
    PASS,
    READY,
    RUNNING,
    WAITING,
    Operation,
    OperationTimeout,
    Pair,
    TimedOperation,
    Timeout,
    brief,
    check_priority,
    check_timeout,
    seconds_left,
)
from cogen.core.util import priority

if TYPE_CHECKING:
    from cogen.core.coroutines import CoroutineInstance
    from cogen.core.schedulers import Scheduler

__all__ = [
    "CANCELLED",
    "ERRORED",
    "FAILED",
    "FINALIZED",
    "HANDED_OVER",
    "PASS",
    "READY",
    "RUNNING",
    "WAITING",
    "AddCoro",
    "Join",
    "Operation",
    "OperationTimeout",
    "Pair",
    "Signal",
    "Sleep",
    "TimedOperation",
    "Timeout",
    "WaitForSignal",
    "brief",
    "check_priority",
    "check_timeout",
    "seconds_left",
]


class WaitForSignal(TimedOperation):
    """Wait until ``name``, any hashable object, is signalled.

    ``yield`` gives the value of the :class:`Signal`.
    """

    __slots__ = ("name", "result")

    def __init__(
        self,
        name: Hashable,
        timeout: Timeout = None,
        weak_timeout: bool = True,
        prio: int = priority.DEFAULT,
    ) -> None:
        hash(name)
        super().__init__(timeout, weak_timeout, prio)
        self.name = name
        self.result: Any = None

    def process(self, sched: Scheduler, coro: Any) -> Pair | None:
        sched.wait(self, coro)
        waiting = sched.sigwait.setdefault(self.name, {})
        waiting[self] = None
        for signal in list(sched.signals.get(self.name, ())):
            if signal.recipients <= len(waiting):
                signal.cleanup(sched, signal.caller)
                signal.send(sched, signal.caller)
                break
        return None

    def finalize(self, sched: Scheduler | None = None) -> Any:
        self.state = FINALIZED
        return self.result

    def cleanup(self, sched: Scheduler, coro: Any) -> bool:
        _discard(self.sched.sigwait, self.name, self)
        return True


class Signal(Operation):
    """Wake every coroutine that waits for ``name`` and give it ``value``.

    With ``recipients``, wait until that many coroutines wait for it. ``yield``
    gives the number of coroutines woken. With the OP flag each of them goes to
    the head of the queue (so the last one is first), with the CORO flag the
    coroutine that signals goes before them.
    """

    __slots__ = ("name", "value", "recipients", "result")

    def __init__(
        self,
        name: Hashable,
        value: Any = None,
        recipients: int = 0,
        prio: int = priority.DEFAULT,
    ) -> None:
        hash(name)
        if not isinstance(recipients, int) or recipients < 0:
            raise ValueError(f"recipients must be a number of coroutines, got {recipients!r}")
        super().__init__(prio)
        self.name = name
        self.value = value
        self.recipients = recipients
        self.result = 0

    def process(self, sched: Scheduler, coro: Any) -> Pair | None:
        if len(sched.sigwait.get(self.name, ())) < self.recipients:
            sched.wait(self, coro)
            sched.signals.setdefault(self.name, {})[self] = None
        else:
            self.send(sched, coro)
        return None

    def send(self, sched: Scheduler, coro: Any) -> None:
        """Wake the coroutines that wait, then place the one that signals."""
        prio = sched.priority_of(self)
        waiting = sched.sigwait.pop(self.name, {})
        self.result = len(waiting)
        for op in waiting:
            op.result = self.value
            op.sched.wake(op, op.caller, bool(prio & priority.OP))
        sched.wake(self, coro, bool(prio & priority.CORO))

    def finalize(self, sched: Scheduler | None = None) -> int:
        self.state = FINALIZED
        return self.result

    def cleanup(self, sched: Scheduler, coro: Any) -> bool:
        _discard(sched.signals, self.name, self)
        return True


def _discard(registry: dict[Hashable, dict[Any, None]], name: Hashable, op: Operation) -> None:
    """Take ``op`` out of those that wait for ``name``, and forget a name nobody waits for."""
    waiting = registry.get(name)
    if waiting is not None:
        waiting.pop(op, None)
        if not waiting:
            del registry[name]


class AddCoro(Operation):
    """Add ``coro(*args, **kwargs)`` to the scheduler and go on.

    ``yield`` gives the new :class:`~cogen.core.coroutines.CoroutineInstance`.
    With the OP flag it goes to the head of the queue, otherwise to the end;
    without the CORO flag the coroutine that adds it queues up behind it. In its
    turn the function is called; a generator then queues up once more.
    """

    __slots__ = ("coro", "args", "kwargs", "result")

    def __init__(
        self,
        coro: Callable[..., CoroutineInstance],
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        prio: int = priority.DEFAULT,
    ) -> None:
        if not callable(coro):
            raise TypeError(f"coro must be a function decorated with @coro, not {coro!r}")
        super().__init__(prio)
        self.coro = coro
        self.args = args or ()
        self.kwargs = kwargs or {}
        self.result: Any = None

    def process(self, sched: Scheduler, coro: Any) -> Pair | None:
        prio = sched.priority_of(self)
        self.result = sched.add(self.coro, self.args, self.kwargs, not prio & priority.OP)
        if prio & priority.CORO:
            return self, coro
        sched.wake(self, coro, False)
        return None

    def finalize(self, sched: Scheduler | None = None) -> CoroutineInstance:
        self.state = FINALIZED
        return self.result


class Join(TimedOperation):
    """Wait until ``coro``, a coroutine instance, has ended.

    ``yield`` gives its return value, or raises what it raised; both at once if
    it has ended already.
    """

    __slots__ = ("coro",)

    def __init__(
        self,
        coro: CoroutineInstance,
        timeout: Timeout = None,
        weak_timeout: bool = True,
        prio: int = priority.DEFAULT,
    ) -> None:
        if not hasattr(coro, "add_waiter"):
            raise TypeError(f"coro must be a coroutine instance, as add() gives it, not {coro!r}")
        super().__init__(timeout, weak_timeout, prio)
        self.coro = coro

    def process(self, sched: Scheduler, coro: Any) -> Pair | None:
        if not self.coro.running:
            return self.coro.outcome(), coro
        if self.coro is coro:
            raise ValueError("a coroutine can't join itself: it would wait for ever")
        sched.wait(self, coro)
        self.coro.add_waiter(coro, self)
        return None

    def finalize(self, sched: Scheduler | None = None) -> Any:
        self.state = FINALIZED
        return self.coro.result

    def cleanup(self, sched: Scheduler, coro: Any) -> bool:
        self.coro.remove_waiter(coro, self)
        return True


class Sleep(TimedOperation):
    """Wait ``val`` seconds (or a timedelta, or until a datetime); ``yield`` gives None.

    ``timestamp`` is an alternative: seconds since the epoch. ``Sleep(0)`` lets
    the other coroutines run first.
    """

    __slots__ = ()

    def __init__(
        self,
        val: Timeout = None,
        timestamp: float | None = None,
        prio: int = priority.DEFAULT,
    ) -> None:
        if (val is None) == (timestamp is None):
            raise TypeError("Sleep() takes either val or timestamp")
        if timestamp is not None:
            val = datetime.datetime.fromtimestamp(timestamp)
        if val == -1:
            raise ValueError("val must not be negative, got -1")
        super().__init__(check_timeout(val, "val"), False, prio)

    def process(self, sched: Scheduler, coro: Any) -> Pair | None:
        if seconds_left(self.timeout):
            sched.wait(self, coro)
        else:
            sched.wake(self, coro, False)
        return None

    def expired(self) -> Any:
        self.state = READY
        return self

    def finalize(self, sched: Scheduler | None = None) -> None:
        self.state = FINALIZED

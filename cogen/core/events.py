"""Operations: what a coroutine yields to wait for something.

An operation is a small object with three methods that the scheduler calls:

* ``process(sched, coro)`` starts it. It returns the ``(operation, coroutine)``
  pair that is to run now, or ``None`` when the coroutine has to wait.
* ``finalize(sched)`` gives the value that ``yield operation`` evaluates to.
* ``cleanup(sched, coro)`` undoes it, after a time-out or a cancellation.

The loop knows nothing more about any of them: a new kind of waiting is a new
class. An operation that waits, wakes or fails does so through the helpers of
the scheduler (``wait``, ``wake``, ``ready``, ``fail``), never by itself.

Here are the base classes and the operations that need nothing but a scheduler.
Those of queues, sockets and threads live in their own modules. Read
:mod:`cogen.core.coroutines` next, for who yields them.
"""

from __future__ import annotations

import datetime
import functools
import inspect
import math
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cogen.core.util import priority

if TYPE_CHECKING:
    from cogen.core.coroutines import CoroutineInstance
    from cogen.core.schedulers import Scheduler

__all__ = [
    "AddCoro",
    "Join",
    "Operation",
    "OperationTimeout",
    "Signal",
    "Sleep",
    "TimedOperation",
    "WaitForSignal",
]

#: The states of an operation. Those of 2008 keep their numbers; the others begin
#: after the last state of a coroutine, which is an operation as well.
RUNNING, FINALIZED, ERRORED = range(3)
WAITING, READY, CANCELLED, FAILED = range(5, 9)

Timeout = float | datetime.timedelta | datetime.datetime | None
Pair = tuple[Any, Any]


class OperationTimeout(Exception):
    """The time-out of an operation is over; the only argument is the operation."""


def check_timeout(value: Timeout, name: str = "timeout") -> Timeout:
    """Return ``value`` as seconds, or as the datetime that it is; refuse anything else."""
    if value is None or isinstance(value, datetime.datetime):
        return value
    if isinstance(value, datetime.timedelta):
        value = value.total_seconds()
    if not isinstance(value, (int, float)):
        raise TypeError(
            f"{name} must be a number of seconds, a timedelta or a datetime, not {value!r}"
        )
    if math.isnan(value) or (value < 0 and value != -1):
        raise ValueError(f"{name} must not be negative (-1 means none), got {value!r}")
    return value


def seconds_left(value: Timeout) -> float:
    """Return the number of seconds from now until a checked, non-None time-out."""
    if isinstance(value, datetime.datetime):
        return max(0.0, (value - datetime.datetime.now(value.tzinfo)).total_seconds())
    assert isinstance(value, (int, float))
    return value


def _accept_sched(finalize: Callable[[Any], Any]) -> Callable[..., Any]:
    @functools.wraps(finalize)
    def accepting(self: Operation, sched: Scheduler | None = None) -> Any:
        return finalize(self)

    return accepting


class Operation:
    """The base of all operations. ``yield Operation()`` resumes at once.

    ``prio`` is a :class:`~cogen.core.util.priority` flag.
    """

    __slots__ = ("prio", "state", "sched", "caller", "since", "error")

    #: Overridden by slots in TimedOperation; -1: no default time-out applies.
    timeout: Timeout = -1
    timer: Any = None

    #: The scheduler that it was begun in, and who it waits for.
    sched: Any
    caller: Any
    since: float
    error: BaseException

    def __init__(self, prio: int = priority.DEFAULT) -> None:
        self.prio = prio
        self.state = RUNNING

    def __init_subclass__(cls, **kws: Any) -> None:
        """Let operations written for cogen 0.2.1, whose finalize takes no scheduler, work."""
        super().__init_subclass__(**kws)
        own = cls.__dict__.get("finalize")
        if inspect.isfunction(own) and own.__code__.co_argcount == 1:
            if not own.__code__.co_flags & inspect.CO_VARARGS:
                cls.finalize = _accept_sched(own)  # type: ignore[method-assign]

    def process(self, sched: Scheduler, coro: Any) -> Pair | None:
        """Start the operation for ``coro``.

        Return the pair to run now, usually ``(self, coro)`` when the operation
        completed at once, or None when ``coro`` waits or was placed by ``sched``.
        """
        if self.prio == priority.DEFAULT:
            self.prio = sched.default_priority
        return self, coro

    def finalize(self, sched: Scheduler | None = None) -> Any:
        """Return what ``yield`` gives; here the operation itself."""
        self.state = FINALIZED
        return self

    def cleanup(self, sched: Scheduler, coro: Any) -> Any:
        """Undo what ``process`` did. A false result keeps a time-out from being raised."""
        return True

    def undo(self, sched: Scheduler, coro: Any) -> bool:
        """Take the operation back if its outcome has not been delivered yet."""
        if self.state in (FINALIZED, ERRORED, CANCELLED):
            return False
        if self.timer is not None:
            self.sched.disarm(self)
        if not self.cleanup(sched, coro):
            return False
        self.state = CANCELLED
        return True

    def expired(self) -> Any:
        """Return what to deliver after this operation was undone because its time is over."""
        self.state = FAILED
        self.error = OperationTimeout(self)
        return self

    def __repr__(self) -> str:
        fields = "".join(
            f" {name}:{_brief(getattr(self, name))}"
            for name in _fields(type(self))
            if hasattr(self, name)
        )
        if self.state == WAITING:
            fields += f" waiting:{time.monotonic() - self.since:.3f}s"
        return f"<{type(self).__name__} at 0x{id(self):X} with{fields}>"

    __str__ = __repr__


_HIDDEN = frozenset(("sched", "caller", "since", "error", "timer", "__weakref__", "last_update"))


@functools.cache
def _fields(cls: Any) -> tuple[str, ...]:
    """Return the names of the slots of ``cls`` that its repr shows."""
    slots = (name for base in cls.__mro__ for name in base.__dict__.get("__slots__", ()))
    return tuple(dict.fromkeys(name for name in slots if name not in _HIDDEN))


def _brief(value: Any) -> str:
    """Return a short repr; an operation or queue inside another one shows only its name."""
    brief = getattr(value, "_brief", None)
    text = brief() if brief is not None else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


class TimedOperation(Operation):
    """The base of the operations that can wait, and that may have a time-out.

    ``timeout``: seconds, a timedelta, or the datetime of the end; None or 0
    means the scheduler's ``default_timeout``, -1 means none. When it is over,
    :class:`OperationTimeout` is raised at the ``yield``.

    ``weak_timeout``: count the time-out anew from ``last_update``, the time
    (``time.monotonic()``) at which the operation last made progress, if it has
    one. A strong time-out happens when it was said.
    """

    __slots__ = ("timeout", "weak_timeout", "timer", "last_update")

    last_update: float

    def __init__(
        self, timeout: Timeout = None, weak_timeout: bool = True, prio: int = priority.DEFAULT
    ) -> None:
        self.prio = prio
        self.state = RUNNING
        self.timeout = timeout if timeout is None else check_timeout(timeout)
        self.weak_timeout = weak_timeout
        self.timer = None

    def set_timeout(self, val: Timeout) -> None:
        """Set the time-out of an operation that has not been yielded yet."""
        self.timeout = check_timeout(val)

    def process(self, sched: Scheduler, coro: Any) -> Pair | None:
        """Begin to wait, with the time-out running."""
        super().process(sched, coro)
        sched.wait(self, coro)
        return None

    def finalize(self, sched: Scheduler | None = None) -> Any:
        """Return the operation itself."""
        if self.timer is not None:
            self.sched.disarm(self)
        return super().finalize(sched)


class _HandedOver(Operation):
    """What ``run_op`` returns when the loop has nothing more to do for that coroutine."""

    __slots__ = ()

    def process(self, sched: Scheduler, coro: Any) -> None:
        return None

    def undo(self, sched: Scheduler, coro: Any) -> bool:
        return True


class _Pass(_HandedOver):
    """``yield None``: go to the end of the queue. ``yield`` gives None."""

    __slots__ = ()

    def process(self, sched: Scheduler, coro: Any) -> None:
        sched.ready(self, coro)

    def finalize(self, sched: Scheduler | None = None) -> None:
        return None


#: Shared by all coroutines: neither has any state of its own.
HANDED_OVER = _HandedOver()
PASS = _Pass()


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
    without the CORO flag the coroutine that adds it queues up behind it.
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

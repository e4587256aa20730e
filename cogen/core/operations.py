"""The base of all operations: what a coroutine yields to wait for something.

An operation is a small object with three methods that the scheduler calls:

* ``process(sched, coro)`` starts it. It returns the ``(operation, coroutine)``
  pair that is to run now, or ``None`` when the coroutine has to wait.
* ``finalize(sched)`` gives the value that ``yield operation`` evaluates to.
* ``cleanup(sched, coro)`` undoes it, after a time-out or a cancellation.

The loop knows nothing more about any of them: a new kind of waiting is a new
class. An operation that waits, wakes or fails does so through the helpers of
the scheduler (``wait``, ``wake``, ``ready``, ``fail``), never by itself.

Read :mod:`cogen.core.events` next, for the simplest ones.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import inspect
import math
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cogen.core.util import priority

if TYPE_CHECKING:
    from cogen.core.schedulers import Scheduler

#: The states of an operation. Those of 2008 keep their numbers; the others begin
#: after the last state of a coroutine, which is an operation as well.
RUNNING, FINALIZED, ERRORED = range(3)
WAITING, READY, CANCELLED, FAILED = range(5, 9)
_STATES = {
    RUNNING: "RUNNING",
    FINALIZED: "FINALIZED",
    ERRORED: "ERRORED",
    WAITING: "WAITING",
    READY: "READY",
    CANCELLED: "CANCELLED",
    FAILED: "FAILED",
}

Timeout = float | datetime.timedelta | datetime.datetime | None
Pair = tuple[Any, Any]


class OperationTimeout(Exception):
    """The time-out of an operation is over; the only argument is the operation."""


def check_timeout(value: Timeout, name: str = "timeout") -> Timeout:
    """Return ``value`` as seconds, or as the datetime that it is; refuse anything else."""
    if isinstance(value, (int, float)) and 0 <= value < math.inf:
        return value  # the usual one first: half of the 0.2 µs that all checks take
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
    return -1 if value == math.inf else value


def check_priority(value: int, name: str = "prio", least: int = priority.DEFAULT) -> int:
    """Return ``value`` if it is a flag of :class:`priority`."""
    if value not in range(least, priority.FIRST + 1):
        raise ValueError(f"{name} must be a flag of cogen.core.util.priority, got {value!r}")
    return value


def seconds_left(value: Timeout) -> float:
    """Return the number of seconds from now until a checked, non-None time-out."""
    if isinstance(value, datetime.datetime):
        return max(0.0, (value - datetime.datetime.now(value.tzinfo)).total_seconds())
    return value  # type: ignore[return-value]


def seconds_waiting(op: Any) -> float | None:
    """Return for how long ``op`` has been waiting; None if it is not."""
    return time.monotonic() - op.since if getattr(op, "state", None) == WAITING else None


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

    # Set when it begins to wait: where, for whom, and since when (time.monotonic()).
    sched: Any
    caller: Any
    since: float
    error: BaseException

    def __init__(self, prio: int = priority.DEFAULT) -> None:
        self.prio = prio if prio == -1 else check_priority(prio)
        self.state = RUNNING

    def __init_subclass__(cls, **kws: Any) -> None:
        """Let operations written for cogen 0.2.1, whose finalize takes no scheduler, work."""
        super().__init_subclass__(**kws)
        own = cls.__dict__.get("finalize")
        if inspect.isfunction(own) and len(inspect.signature(own).parameters) == 1:
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
        if self.state == FAILED:  # nothing to clean up: it waits no more, and got nothing
            self.state = CANCELLED
            return True
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

    def take_error(self) -> CoroutineException:
        """Return what to deliver after a failure, and forget it: the exception may refer to us."""
        error = self.error
        del self.error
        self.caller = None
        return CoroutineException.of(error)

    def __repr__(self) -> str:
        fields = "".join(
            f" {name}:{brief(getattr(self, name))}"
            for name in _fields(type(self))
            if hasattr(self, name)
        )
        fields += f" state:{_STATES.get(self.state, self.state)}"
        seconds = seconds_waiting(self)
        if seconds is not None:
            fields += f" waiting for {seconds:.3f}s"
        return f"<{type(self).__name__} at 0x{id(self):X} with{fields}>"

    __str__ = __repr__


_HIDDEN = frozenset(
    ("sched", "caller", "since", "error", "state", "timer", "starter", "last_update")
)


def _fields(cls: type) -> tuple[str, ...]:
    """Return the names of the slots of ``cls`` that its repr shows."""
    slots = (name for base in cls.__mro__ for name in base.__dict__.get("__slots__", ()))
    return tuple(dict.fromkeys(name for name in slots if name not in _HIDDEN))


def brief(value: Any) -> str:
    """Return a short repr; an operation or queue inside another one shows only its name."""
    own = getattr(value, "_brief", None)
    text = own() if own is not None else repr(value)
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
        self.prio = prio if prio == -1 else check_priority(prio)
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


def time_is_over(op: Any) -> None:
    """Expire ``op``, whose timer has run down, or start it anew if a weak time-out says so."""
    sched = op.sched
    sched.disarm(op)
    progress = getattr(op, "last_update", None) if op.weak_timeout else None
    if progress is not None and progress > op.since:
        timeout = seconds_left(op.timeout or sched.default_timeout)
        left = timeout - (time.monotonic() - progress)
        if left > 0:
            sched.arm(op, left)
            return
    sched.expire(op, op.caller)


class CoroutineCancelled(Exception):
    """Raised in those who wait for a coroutine that is cancelled; the argument is its name."""


class CoroutineException(Exception):
    """Carry an exception to the coroutine that it is to be raised in.

    The arguments are the ``(type, value, traceback)`` triple. It takes the
    place of the finished operation in what the scheduler delivers.
    """

    prio = priority.DEFAULT
    state = ERRORED
    timer = None

    @classmethod
    def of(cls, error: BaseException) -> CoroutineException:
        """Return the carrier of an exception."""
        return cls(type(error), error, error.__traceback__)

    @classmethod
    def of_process(cls, error: BaseException) -> CoroutineException:
        """Return the carrier of an exception raised by the ``process`` of an operation.

        Its traceback loses the frame of the loop, and the other frames what they
        refer to: the coroutine, which may come to refer to the exception.
        """
        tb = error.__traceback__ and error.__traceback__.tb_next
        for frame, _ in traceback.walk_tb(tb):
            if not frame.f_code.co_flags & inspect.CO_GENERATOR:  # clearing one would end it
                with contextlib.suppress(RuntimeError):  # it runs
                    frame.clear()
        return cls.of(error.with_traceback(tb))

    def raisable(self) -> BaseException:
        """Return the exception; the value of the triple may be missing or an argument."""
        kind, value, tb = self.args
        if not isinstance(value, BaseException):
            value = kind() if value is None else kind(value)
        return value.with_traceback(tb)

    def process(self, sched: Scheduler, coro: Any) -> Pair:
        """Raise the exception in ``coro``, which is how a coroutine may yield one."""
        return self, coro

    def __str__(self) -> str:
        return f"<{type(self).__name__} {self.args[1]!r}>"


class _HandedOver(Operation):
    """What ``run_op`` returns when the loop has nothing more to do for that coroutine."""

    __slots__ = ()

    def process(self, sched: Scheduler, coro: Any) -> None:
        return None

    def undo(self, sched: Scheduler, coro: Any) -> bool:
        return True

    def expired(self) -> Any:
        return self


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

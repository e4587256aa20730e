"""A queue between coroutines, with the interface of the standard library's.

``put`` and ``get`` return operations: yield them. An item is received once: one
that was handed to a getter which is cancelled before it goes on is given to the
next getter or goes back to the head of the queue.

All who use a queue have to be in one thread, but may be run by different
schedulers of it. Read :mod:`cogen.core.pubsub` next, for one item to many.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, TypeVar

from cogen.core import events
from cogen.core.events import FINALIZED, READY, RUNNING, WAITING, check_priority, check_timeout
from cogen.core.util import priority

if TYPE_CHECKING:
    from cogen.core.schedulers import Scheduler

__all__ = ["Empty", "Full", "Queue"]


Op = TypeVar("Op")

#: Those who wait, first in, first out. From two on an ordered dict, so that leaving from the
#: middle costs the same however many wait; most queues never have more than one, for which a
#: tuple does, with 48 bytes instead of 384.
Waiting = OrderedDict[Op, None] | tuple[Op, ...]


def _with(waiting: Waiting[Op], op: Op) -> Waiting[Op]:
    """Return those who wait, with ``op`` behind them."""
    if not waiting:
        return (op,)
    if isinstance(waiting, tuple):
        waiting = OrderedDict.fromkeys(waiting)
    waiting[op] = None
    return waiting


def _without(waiting: Waiting[Op], op: Op) -> Waiting[Op]:
    """Return those who wait, without ``op``, which does."""
    if isinstance(waiting, tuple):
        assert waiting == (op,), "it does not wait here"
        return ()
    del waiting[op]
    return waiting


def _first_of(waiting: Waiting[Op]) -> tuple[Op, Waiting[Op]]:
    """Return the first of those who wait, and the others."""
    if isinstance(waiting, tuple):
        return waiting[0], ()
    return waiting.popitem(last=False)[0], waiting


class Full(Exception):
    """Raised by put_nowait() when the queue has no free slot."""


class Empty(Exception):
    """Raised by get_nowait() when the queue has no item."""


class QGet(events.TimedOperation):
    """What Queue.get() returns; ``yield`` gives the item.

    Where it makes room for a waiting put, the CORO flag of that put lets its
    coroutine go on first, the OP flag puts the other one at the head of the queue.
    """

    __slots__ = ("queue", "block", "result")

    def __init__(
        self,
        queue: Queue,
        block: bool = True,
        timeout: events.Timeout = None,
        weak_timeout: bool = True,
        prio: int = priority.DEFAULT,
    ) -> None:
        events.TimedOperation.__init__(self, timeout, weak_timeout, prio)
        self.queue = queue
        self.block = block

    def process(self, sched: Scheduler, coro: Any) -> events.Pair | None:
        queue = self.queue
        if queue._empty():
            if not self.block:
                raise Empty
            queue.waiting_gets = _with(queue.waiting_gets, self)
            sched.wait(self, coro)
            return None
        self.result = queue._get()
        return queue._admit(sched, self, coro) if queue.waiting_puts else (self, coro)

    def finalize(self, sched: Scheduler | None = None) -> Any:
        self.state = FINALIZED
        return self.result

    def cleanup(self, sched: Scheduler, coro: Any) -> bool:
        queue = self.queue
        if self.state == WAITING:
            queue.waiting_gets = _without(queue.waiting_gets, self)
        elif self.state == READY:
            queue._give_back(self.result)
        return True


class QPut(events.TimedOperation):
    """What Queue.put() returns; ``yield`` gives the operation itself.

    A getter that waits runs at once if there is a flag, the coroutine that puts
    comes next with CORO, at the end of the queue otherwise. Without a flag the
    coroutine that puts goes on.
    """

    __slots__ = ("queue", "item", "block")

    def __init__(
        self,
        queue: Queue,
        item: Any,
        block: bool = True,
        timeout: events.Timeout = None,
        weak_timeout: bool = True,
        prio: int = priority.DEFAULT,
    ) -> None:
        # TimedOperation's __init__, written out: 13 % more of a ping-pong through two queues.
        self.prio = prio if prio == -1 else check_priority(prio)
        self.state = RUNNING
        self.timeout = timeout if timeout is None else check_timeout(timeout)
        self.weak_timeout = weak_timeout
        self.timer = None
        self.queue = queue
        self.item = item
        self.block = block

    def process(self, sched: Scheduler, coro: Any) -> events.Pair | None:
        queue = self.queue
        if queue._full():
            if not self.block:
                raise Full
            queue.unfinished_tasks += 1
            queue.waiting_puts = _with(queue.waiting_puts, self)
            sched.wait(self, coro)
            return None
        queue.unfinished_tasks += 1
        if queue.waiting_gets:
            getter, queue.waiting_gets = _first_of(queue.waiting_gets)
            getter.result = self.item
            prio = sched.priority_of(self)
            if prio and getter.sched is sched:
                return sched.hand_over(getter, self, coro, bool(prio & priority.CORO))
            getter.sched.wake(getter, getter.caller)
            return self, coro
        queue._put(self.item)
        return self, coro

    def finalize(self, sched: Scheduler | None = None) -> QPut:
        self.state = FINALIZED
        return self

    def cleanup(self, sched: Scheduler, coro: Any) -> bool:
        queue = self.queue
        # Once admitted the item stays: a put can't be taken back from who got it.
        if self.state == WAITING:
            queue.waiting_puts = _without(queue.waiting_puts, self)
            queue._forget_task()
        return True


class QDone(events.Operation):
    """What Queue.task_done() returns when that was the last task; wakes who joins."""

    __slots__ = ("queue",)

    def __init__(self, queue: Queue, prio: int = priority.DEFAULT) -> None:
        super().__init__(prio)
        self.queue = queue

    def process(self, sched: Scheduler, coro: Any) -> events.Pair | None:
        self.queue._wake_joinees(bool(sched.priority_of(self) & priority.OP))
        return self, coro


class QJoin(events.Operation):
    """What Queue.join() returns."""

    __slots__ = ("queue",)

    def __init__(self, queue: Queue) -> None:
        super().__init__()
        self.queue = queue

    def process(self, sched: Scheduler, coro: Any) -> events.Pair | None:
        if self.queue.unfinished_tasks == 0:
            return self, coro
        sched.wait(self, coro)
        self.queue.joinees = _with(self.queue.joinees, self)
        return None

    def cleanup(self, sched: Scheduler, coro: Any) -> bool:
        if self.state == WAITING:
            self.queue.joinees = _without(self.queue.joinees, self)
        return True


class _ShortDeque(list[Any]):
    """A list that can be used as a deque, for queues that stay short.

    A deque takes 760 bytes even while it is empty, this 56; a chat has one for each participant.
    """

    __slots__ = ()

    def popleft(self) -> Any:
        return self.pop(0)

    def appendleft(self, item: Any) -> None:
        self.insert(0, item)


#: Items up to which taking the first out of a list costs no more than out of a deque.
_SHORT = 64


class Queue:
    """A first in, first out queue of at most ``maxsize`` items; 0 means no limit.

    ::

        yield queue.put(item)
        item = yield queue.get(timeout=10)

    Other orders: override ``_init``, ``_qsize``, ``_empty``, ``_full``, ``_put``
    and ``_get``.
    """

    def __init__(self, maxsize: int = 0) -> None:
        if not isinstance(maxsize, int):
            raise TypeError(f"maxsize must be a number of items, not {maxsize!r}")
        self._init(maxsize)
        self.unfinished_tasks = 0
        self.waiting_puts: Waiting[QPut] = ()
        self.waiting_gets: Waiting[QGet] = ()
        self.joinees: Waiting[QJoin] = ()

    def put(
        self,
        item: Any,
        block: bool = True,
        timeout: events.Timeout = None,
        weak_timeout: bool = True,
        prio: int = priority.DEFAULT,
    ) -> QPut:
        """Put an item into the queue, waiting for a free slot.

        ``yield`` gives the operation. If ``block`` is false Full is raised when
        there is no free slot; a time-out raises OperationTimeout.
        """
        return QPut(self, item, block, timeout, weak_timeout, prio)

    def put_nowait(self, item: Any, prio: int = priority.DEFAULT) -> QPut:
        """Put an item into the queue, or raise Full."""
        return QPut(self, item, False, None, True, prio)

    def get(
        self,
        block: bool = True,
        timeout: events.Timeout = None,
        weak_timeout: bool = True,
        prio: int = priority.DEFAULT,
    ) -> QGet:
        """Take an item out of the queue, waiting for one.

        ``yield`` gives the item. If ``block`` is false Empty is raised when
        there is none; a time-out raises OperationTimeout.
        """
        return QGet(self, block, timeout, weak_timeout, prio)

    def get_nowait(self, prio: int = priority.DEFAULT) -> QGet:
        """Take an item out of the queue, or raise Empty."""
        return QGet(self, False, None, True, prio)

    def task_done(self, prio: int = priority.DEFAULT) -> QDone | None:
        """Say that an item which was taken has been dealt with.

        Yield the result: an operation that wakes those who join after the last
        one, None before. Raises ValueError, at the call, if there are more calls
        than items.
        """
        if self.unfinished_tasks <= 0:
            raise ValueError("task_done() called too many times")
        self.unfinished_tasks -= 1
        return None if self.unfinished_tasks else QDone(self, prio)

    def join(self) -> QJoin | None:
        """Wait until each item that was put has been dealt with (task_done)."""
        return QJoin(self) if self.unfinished_tasks else None

    def qsize(self) -> int:
        """Return the number of items."""
        return self._qsize()

    def empty(self) -> bool:
        """Return whether there is no item."""
        return self._empty()

    def full(self) -> bool:
        """Return whether there is no free slot."""
        return self._full()

    # -- to be overridden for another order ---------------------------------------

    def _init(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self.queue: Any = _ShortDeque() if 0 < maxsize <= _SHORT else deque()

    def _qsize(self) -> int:
        return len(self.queue)

    def _empty(self) -> bool:
        return not self.queue

    def _full(self) -> bool:
        return 0 < self.maxsize <= len(self.queue)

    def _put(self, item: Any) -> None:
        self.queue.append(item)

    def _get(self) -> Any:
        return self.queue.popleft()

    def _repr(self) -> str:
        return repr(self.queue)

    # -- what the operations use --------------------------------------------------

    def _admit(self, sched: Scheduler, getter: QGet, coro: Any) -> events.Pair:
        """Let waiting puts take the free slots; return who goes on."""
        goes_on: events.Pair = (getter, coro)
        while self.waiting_puts and not self._full():
            put, self.waiting_puts = _first_of(self.waiting_puts)
            self._put(put.item)
            prio = put.sched.priority_of(put)
            if prio & priority.CORO and goes_on[0] is getter and put.sched is sched:
                goes_on = sched.hand_over(put, getter, coro, bool(prio & priority.OP))
            else:
                put.sched.wake(put, put.caller, bool(prio & priority.OP))
        return goes_on

    def _give_back(self, item: Any) -> None:
        """Give an item that a cancelled getter had to the next one, or keep it at the head."""
        if self.waiting_gets:
            getter, self.waiting_gets = _first_of(self.waiting_gets)
            getter.result = item
            getter.sched.wake(getter, getter.caller)
        elif type(self)._put is Queue._put:
            self.queue.appendleft(item)
        else:
            self._put(item)  # another order: its _put knows where the item belongs

    def _forget_task(self) -> None:
        """Uncount the item of a put that gave up."""
        self.unfinished_tasks -= 1
        if not self.unfinished_tasks:
            self._wake_joinees(False)

    def _wake_joinees(self, first: bool) -> None:
        joinees, self.joinees = self.joinees, ()
        for join in joinees:
            join.sched.wake(join, join.caller, first)

    def _brief(self) -> str:
        return f"<{type(self).__name__} at 0x{id(self):X} with {self._qsize()} items>"

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self._repr()} "
            f"wput:{len(self.waiting_puts)} wget:{len(self.waiting_gets)}>"
        )

"""Publish and subscribe: every message to every subscriber.

A subscriber is a coroutine or, where several coroutines share a subscription, a
key. Each has a level, the number of the next message that it has not fetched,
counting from the first one ever published. ``messages`` holds the last ones,
``first`` is the number of ``messages[0]``.

Memory is bounded: messages that everybody has fetched go, but for the last
``history`` ones, which new subscribers get; a subscriber that falls more than
``backlog`` messages behind is told so by :class:`Overrun`; the subscription of a
coroutine ends with the coroutine.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from cogen.core import events
from cogen.core.events import FINALIZED, READY, WAITING
from cogen.core.util import priority

if TYPE_CHECKING:
    from cogen.core.schedulers import Scheduler

__all__ = ["NotSubscribed", "Overrun", "PublishSubscribeQueue"]


class NotSubscribed(AssertionError):
    """Raised by fetch() and unsubscribe() without a subscription (2008: AssertionError)."""


class Overrun(Exception):
    """Raised by fetch() after messages were dropped unfetched; the argument is their number."""


class PSPut(events.Operation):
    """What publish() returns; ``yield`` gives the operation itself.

    A fetch that waits goes to the head of the queue if it has a flag. With the
    CORO flag the coroutine that publishes goes on, with OP it comes before those
    that it woke, without any after them.
    """

    __slots__ = ("queue", "message", "key")

    def __init__(
        self,
        queue: PublishSubscribeQueue,
        message: Any,
        key: Hashable = None,
        prio: int = priority.DEFAULT,
    ) -> None:
        super().__init__(prio)
        self.queue = queue
        self.message = message
        self.key = key

    def process(self, sched: Scheduler, coro: Any) -> events.Pair | None:
        self.queue._publish(self.message)
        prio = self.prio = sched.priority_of(self)
        if prio & priority.CORO:
            return self, coro
        sched.wake(self, coro, bool(prio & priority.OP))
        return None


class PSGet(events.TimedOperation):
    """What fetch() returns; ``yield`` gives the list of messages."""

    #: ``behind`` is the next fetch that waits for the same key.
    __slots__ = ("queue", "key", "result", "behind")

    def __init__(
        self,
        queue: PublishSubscribeQueue,
        key: Hashable = None,
        timeout: events.Timeout = None,
        weak_timeout: bool = True,
        prio: int = priority.DEFAULT,
    ) -> None:
        events.TimedOperation.__init__(self, timeout, weak_timeout, prio)
        if key is not None:
            hash(key)
        self.queue = queue
        self.key = key
        self.behind: PSGet | None = None

    def process(self, sched: Scheduler, coro: Any) -> events.Pair | None:
        queue = self.queue
        key = self.key
        if key is None:
            key = self.key = coro
        messages = queue._take(key)
        if messages:
            self.result = messages
            return self, coro
        sched.wait(self, coro)
        ahead = queue.active_subscribers.setdefault(key, self)
        while ahead is not self:
            ahead.behind = ahead.behind or self
            ahead = ahead.behind
        return None

    def finalize(self, sched: Scheduler | None = None) -> list[Any]:
        self.state = FINALIZED
        return self.result

    def cleanup(self, sched: Scheduler, coro: Any) -> bool:
        if self.state == WAITING:
            self.queue._leave(self)
        elif self.state == READY:
            self.queue._give_back(self.key, self.result)
        if self.key is coro:
            self.key = None  # an exception that coro keeps may keep this operation
        return True


class _OnSubscription(events.Operation):
    """The base of what is done to the subscription of a key, or of who yields it."""

    __slots__ = ("queue", "key")

    def __init__(
        self, queue: PublishSubscribeQueue, key: Hashable = None, prio: int = priority.DEFAULT
    ) -> None:
        hash(key)
        super().__init__(prio)
        self.queue = queue
        self.key = key


class PSSubscribe(_OnSubscription):
    """What subscribe() returns; ``yield`` gives the operation itself."""

    __slots__ = ()

    def process(self, sched: Scheduler, coro: Any) -> events.Pair | None:
        key = self.key
        if key is None:
            key = coro
            if not hasattr(coro, "at_end"):
                raise TypeError(f"{coro!r} can't tell when it ends: pass a key to subscribe()")
            if key not in self.queue.subscribers:
                coro.at_end(self.queue.drop)
        self.queue.subscribers[key] = self.queue._history_begins()
        return self, coro


class PSUnsubscribe(_OnSubscription):
    """What unsubscribe() returns; ``yield`` gives the operation itself."""

    __slots__ = ()

    def process(self, sched: Scheduler, coro: Any) -> events.Pair | None:
        key = coro if self.key is None else self.key
        if not self.queue.drop(key):
            raise NotSubscribed(f"{key!r} is not subscribed: there is nothing to unsubscribe")
        return self, coro


class PublishSubscribeQueue:
    """Give each published message to every subscriber.

    ``history``: how many messages to keep for later subscribers when all others
    have fetched them; None keeps every message for ever, as in 2008.
    ``backlog``: how many unfetched messages to keep for a slow subscriber; None
    means no limit. ::

        yield pubsub.subscribe()
        while True:
            messages = yield pubsub.fetch()
    """

    def __init__(self, history: int | None = 100, backlog: int | None = 10_000) -> None:
        for name, value in (("history", history), ("backlog", backlog)):
            if value is not None and (not isinstance(value, int) or value < 0):
                raise ValueError(f"{name} must be a number of messages or None, got {value!r}")
        self.history = history
        self.backlog = backlog
        self.messages: list[Any] = []
        self.first = 0
        #: The number of the next message to be published.
        self.end = 0
        #: The level of each coroutine or key.
        self.subscribers: dict[Hashable, int] = {}
        #: The fetch that waits for each key, the first one if there are several.
        self.active_subscribers: dict[Hashable, PSGet] = {}
        #: Batches that came back from cancelled fetches, to be fetched again.
        self._returned: dict[Hashable, list[Any]] = {}
        self._trim_at = self._next_trim()

    def publish(self, message: Any, key: Hashable = None, prio: int = priority.DEFAULT) -> PSPut:
        """Append a message and wake every fetch that waits.

        ``yield`` gives the operation. ``key`` is kept in it, for the reader.
        """
        return PSPut(self, message, key, prio)

    def subscribe(self, key: Hashable = None, prio: int = priority.DEFAULT) -> PSSubscribe:
        """Subscribe the coroutine that yields this, or the key.

        The first fetch gives the last ``history`` messages, as far as there have been so many.
        """
        return PSSubscribe(self, key, prio)

    def unsubscribe(self, key: Hashable = None, prio: int = priority.DEFAULT) -> PSUnsubscribe:
        """End a subscription. Raises NotSubscribed, at the yield, if there is none."""
        return PSUnsubscribe(self, key, prio)

    def fetch(
        self,
        key: Hashable = None,
        timeout: events.Timeout = None,
        weak_timeout: bool = True,
        prio: int = priority.DEFAULT,
    ) -> PSGet:
        """Wait for messages published since the last fetch.

        ``yield`` gives a new list of at least one. Raises NotSubscribed, Overrun
        or, after ``timeout`` seconds, OperationTimeout.
        """
        return PSGet(self, key, timeout, weak_timeout, prio)

    def drop(self, key: Hashable) -> bool:
        """End a subscription now, without a ``yield``; return whether there was one.

        For a ``finally`` that GeneratorExit may have come to, where nothing can
        be yielded any more. Fetches that wait for it raise NotSubscribed.
        """
        dropped = self.subscribers.pop(key, None) is not None
        self._returned.pop(key, None)
        op = self.active_subscribers.pop(key, None)
        while op is not None:
            following, op.behind = op.behind, None
            op.sched.fail(op, op.caller, NotSubscribed(f"{key!r} was unsubscribed meanwhile"))
            op = following
        return dropped

    def compact(self) -> int:
        """Drop the messages that every subscriber has fetched; return their number."""
        return self._drop_until(min(self.subscribers.values(), default=self.end))

    # -- what the operations use --------------------------------------------------

    def _history_begins(self) -> int:
        """Return the level of a new subscriber; more than the history may be kept for others."""
        return self.first if self.history is None else max(self.first, self.end - self.history)

    def _publish(self, message: Any) -> None:
        levels = self.subscribers
        self.messages.append(message)
        self.end = end = self.end + 1
        waiting, self.active_subscribers = self.active_subscribers, {}
        for key, op in waiting.items():
            levels[key] = end
            op.result = [message]
            if op.behind is not None:
                self.active_subscribers[key], op.behind = op.behind, None
            op.sched.wake(op, op.caller)
        if len(self.messages) >= self._trim_at:
            self._trim()

    def _take(self, key: Hashable) -> list[Any]:
        """Return what ``key`` has not fetched yet, and note that it has now."""
        level = self.subscribers.get(key)
        if level == self.end:
            return self._returned.pop(key, [])
        if level is None:
            raise NotSubscribed(f"{key!r} is not subscribed: yield subscribe() before fetch()")
        if level < self.first:
            self.subscribers[key] = self.first
            raise Overrun(self.first - level)
        self.subscribers[key] = self.end
        return self._returned.pop(key, []) + self.messages[level - self.first :]

    def _give_back(self, key: Hashable, batch: list[Any]) -> None:
        """Keep a batch whose fetch was cancelled for the next fetch of that key."""
        op = self.active_subscribers.get(key)
        if op is not None:
            self._leave(op)
            op.result = batch
            op.sched.wake(op, op.caller)
        elif key in self.subscribers:
            self._returned[key] = batch + self._returned.get(key, [])

    def _leave(self, op: PSGet) -> None:
        """Take a fetch out of those that wait for its key."""
        ahead = self.active_subscribers[op.key]
        if ahead is not op:
            while ahead.behind is not op:
                assert ahead.behind is not None
                ahead = ahead.behind
            ahead.behind = op.behind
        elif op.behind is None:
            del self.active_subscribers[op.key]
        else:
            self.active_subscribers[op.key] = op.behind
        op.behind = None

    def _trim(self) -> None:
        """Drop old messages: fetched ones beyond the history, any beyond the backlog."""
        until = self.end - (self.history or 0)
        until = min(until, min(self.subscribers.values(), default=until))
        if self.backlog is not None:
            until = max(until, self.end - max(self.backlog, self.history or 0))
        self._drop_until(until)
        self._trim_at = self._next_trim()

    def _next_trim(self) -> float:
        """Return the length at which to look again: seldom enough to cost nothing."""
        return float("inf") if self.history is None else 2 * len(self.messages) + 64

    def _drop_until(self, level: int) -> int:
        dropped = max(0, level - self.first)
        del self.messages[:dropped]
        self.first += dropped
        return dropped

    def _brief(self) -> str:
        return f"<{type(self).__name__} at 0x{id(self):X} with {len(self.messages)} messages>"

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} messages:{len(self.messages)} "
            f"subscribers:{len(self.subscribers)} waiting:{len(self.active_subscribers)}>"
        )

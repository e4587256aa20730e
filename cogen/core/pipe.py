"""A one-way pipe: a coroutine that produces values for another one, in lockstep. ::

    @coro
    def producer():
        for i in range(100):
            yield chunk(i)

    @coro
    def consumer():
        iterator = yield Iterate(producer)
        while True:
            value = yield iterator
            if value is sentinel:
                break

The producer runs while the consumer waits for the next value, and may wait for
other operations meanwhile. An exception of the producer is raised in the consumer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cogen.core import coroutines, events

if TYPE_CHECKING:
    from cogen.core.schedulers import Scheduler

__all__ = [
    "Iterate",
    "IterateToken",
    "IteratedCoroutineInstance",
    "IterationStopped",
    "chunk",
    "chunk_sentinel",
    "end_sentinel",
    "sentinel",
]


class IterationStopped(Exception):
    """Raised in the producer, at the chunk it waits at, when the consumer has had enough."""


class chunk_sentinel:
    """The class of the default sentinel."""

    def __repr__(self) -> str:
        return "<end of iteration>"


sentinel = end_sentinel = chunk_sentinel()


class IteratedCoroutineInstance(coroutines.CoroutineInstance):
    """A producer; ``chunk`` is the one that it waits at, if it does."""

    __slots__ = ("iter_token", "chunk")

    iter_token: IterateToken
    chunk: chunk | None

    def _end(self, state: int) -> None:
        super()._end(state)
        del self.iter_token  # which refers to this instance

    def handle_error(self, op: Any = None) -> None:
        """Report an error; to be stopped by the consumer is none."""
        if self.exception is not None and self.exception[0] is not IterationStopped:
            super().handle_error(op)


class chunk(events.Operation):
    """Give a value to the consumer and wait until it asks for the next one; gives None."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value

    def process(self, sched: Scheduler, coro: Any) -> None:
        if not isinstance(coro, IteratedCoroutineInstance):
            raise TypeError("chunk() has no consumer here: start the coroutine with Iterate()")
        sched.wait(self, coro)
        coro.chunk = self
        coro.iter_token.deliver(self.value)

    def finalize(self, sched: Scheduler | None = None) -> None:
        self.state = events.FINALIZED

    def cleanup(self, sched: Scheduler, coro: Any) -> bool:
        coro.chunk = None
        return True


class IterateToken(events.Operation):
    """What ``yield Iterate(...)`` gives. To yield it gives the next value, or the sentinel.

    ``coro`` is the producer. If the consumer is cancelled while it waits here,
    or ends, so is the producer.
    """

    __slots__ = ("coro", "sentinel", "result", "stopping")

    def __init__(self, coro: IteratedCoroutineInstance, sentinel: Any) -> None:
        super().__init__()
        self.coro = coro
        self.sentinel = sentinel
        self.result: Any = None
        self.stopping = False

    def stop(self) -> IterateToken:
        """Yield the result to stop the producer: IterationStopped is raised in it.

        ``yield`` gives the sentinel, and so does the token from now on.
        """
        self.stopping = True
        return self

    def process(self, sched: Scheduler, coro: Any) -> events.Pair | None:
        self.result = self.sentinel
        producer = self.coro
        if self.stopping or not producer.running:
            self._stop()
            return self, coro
        sched.wait(self, coro)
        if producer.sched is None:
            producer.adopt(sched)
            sched.ready(events.PASS, producer, True)
        producer.add_waiter(coro, self)
        self._resume()
        return None

    def finalize(self, sched: Scheduler | None = None) -> Any:
        self.state = events.FINALIZED
        return self.result

    def cleanup(self, sched: Scheduler, coro: Any) -> bool:
        self.coro.remove_waiter(coro)
        self.coro.cancel()
        return True

    def deliver(self, value: Any) -> None:
        """Give ``value`` to the consumer, which waits."""
        self.result = value
        self.coro.remove_waiter(self.caller)
        self.sched.wake(self, self.caller, True)

    def abandon(self, consumer: Any) -> None:
        """Cancel the producer, whose consumer has ended, unless it is being stopped."""
        if not self.stopping:
            self.coro.cancel()

    def _resume(self) -> None:
        """Let the producer go on from the chunk it waits at."""
        at, self.coro.chunk = self.coro.chunk, None
        if at is not None:
            at.sched.wake(at, self.coro, True)

    def _stop(self) -> None:
        """Raise IterationStopped in a producer that waits at a chunk; cancel one not begun."""
        at, self.coro.chunk = self.coro.chunk, None
        if at is not None:
            at.sched.fail(at, self.coro, IterationStopped())
        elif self.coro.running and self.coro.sched is None:
            self.coro.cancel()


class Iterate(events.Operation):
    """Make ``coro(*args, **kwargs)`` a producer; ``yield`` gives an :class:`IterateToken`.

    ``sentinel`` is what the token gives after the last value.
    """

    __slots__ = ("iterated_coro", "sentinel", "token")

    def __init__(
        self,
        coro: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        sentinel: Any = sentinel,
    ) -> None:
        if not callable(coro):
            raise TypeError(f"coro must be a function decorated with @coro, not {coro!r}")
        super().__init__()
        self.iterated_coro = coro, args, kwargs or {}
        self.sentinel = sentinel

    def process(self, sched: Scheduler, coro: Any) -> events.Pair | None:
        func, args, kwargs = self.iterated_coro
        producer = IteratedCoroutineInstance(getattr(func, "wrapped_func", func), *args, **kwargs)
        producer.chunk = None
        self.token = producer.iter_token = token = IterateToken(producer, self.sentinel)
        if hasattr(coro, "at_end"):
            coro.at_end(token.abandon)
            producer.at_end(lambda ended: coro.forget_ending(token.abandon))
        return self, coro

    def finalize(self, sched: Scheduler | None = None) -> IterateToken:
        self.state = events.FINALIZED
        return self.token

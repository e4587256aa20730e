"""A put and a get with a time-out, while others wait with time-outs at another queue.

How many others wait should make no difference: no list of them may be walked, no heap of their
time-outs rebuilt.
"""

import gc
import time
from collections.abc import Iterator
from typing import Any

from cogen.core import events, queue
from cogen.core.coroutines import coro
from cogen.core.schedulers import Scheduler
from cogen.core.util import priority

from .. import report

OTHERS = (0, 1_000, 10_000, 50_000)


def table(rounds: int, steps: int) -> str:
    figures = report.interleave(OTHERS, rounds, lambda others: PutAndGet(others, steps).measure())
    return report.table(
        "put and get with a time-out, while others wait with time-outs; microseconds",
        ["others waiting", *figures[OTHERS[0]]],
        [[report.count(n), *(f"{value:.2f}" for value in figures[n].values())] for n in OTHERS],
    )


class PutAndGet:
    """A put and a get, `steps` times each, on a scheduler where `others` wait."""

    def __init__(self, others: int, steps: int) -> None:
        self.others = others
        self.steps = steps
        self.sched = Scheduler()
        self.lonely = queue.Queue()
        self.items = queue.Queue()
        self.figures: report.Figures = {}

    def measure(self) -> report.Figures:
        """Return the microseconds for one item, by what the get meets."""
        for n in range(self.others):
            self.sched.add(self.other, (n,))
        self.sched.add(self.story)
        self.sched.run()
        return self.figures

    @coro
    def other(self, n: int) -> Iterator[Any]:
        yield self.lonely.get(timeout=1000 + n % 100)

    @coro
    def story(self) -> Iterator[Any]:
        while len(self.lonely.waiting_gets) < self.others:
            yield
        # A full collection, some 60 ms at 50,000, would fall into one of them by chance.
        gc.collect()
        gc.freeze()
        yield self.timed("item is there", self.at_once)
        yield self.timed("get waits", self.getter, self.putter)
        yield self.timed("get times out", self.time_outs)
        gc.unfreeze()
        self.sched.shutdown()

    @coro
    def timed(self, name: str, *parts: Any) -> Iterator[Any]:
        began = time.perf_counter()
        instances = [self.sched.add(part) for part in parts]
        for instance in instances:
            yield events.Join(instance)
        self.figures[name] = (time.perf_counter() - began) / self.steps * 1e6

    @coro
    def at_once(self) -> Iterator[Any]:
        for _ in range(self.steps):
            yield self.items.put(1, timeout=60)
            yield self.items.get(timeout=60)

    @coro
    def getter(self) -> Iterator[Any]:
        for _ in range(self.steps):
            yield self.items.get(timeout=60)

    @coro
    def putter(self) -> Iterator[Any]:
        for _ in range(self.steps):
            yield self.items.put(1, timeout=60, prio=priority.OP)  # the getter runs at once

    @coro
    def time_outs(self) -> Iterator[Any]:
        nobody = Nobody()
        for step in range(self.steps):
            op = self.items.get(timeout=60)
            self.sched.begin(op, nobody)
            self.sched.expire(op, nobody)
            if step % 50 == 0:
                yield  # what expired is delivered


class Nobody:
    """Waits for an operation from outside, as a request does."""

    running = True
    debug = False

    def run_op(self, op: Any, sched: Scheduler) -> events.Operation:
        return events.HANDED_OVER

"""One message to N subscribers, and by how much it delays a timer and an accept.

The accepts are asked for by another process (``caller``), whose own clock counts. The garbage
collector's pause is measured apart: a server freezes what lives long.
"""

import gc
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from cogen.core import events, pubsub, queue, sockets, threads
from cogen.core.coroutines import coro
from cogen.core.schedulers import Scheduler

from .. import report

SUBSCRIBERS = (100, 1_000, 10_000)
MESSAGES = 10


def table(rounds: int) -> str:
    figures = report.interleave(SUBSCRIBERS, rounds, lambda number: Publishing(number).measure())
    rows = [
        [
            report.count(n),
            f"{figures[n]['all'] * 1e3:.1f}",
            f"{figures[n]['all'] / n * 1e6:.2f}",
            f"{figures[n]['timer'] * 1e3:.1f}",
            f"{figures[n]['accept'] * 1e3:.1f}",
            f"{figures[n]['collection'] * 1e3:.1f}",
        ]
        for n in SUBSCRIBERS
    ]
    return report.table(
        "one message to N subscribers, each of which fetches it and puts it into a queue; "
        "milliseconds until the last has it, and by how much others are late",
        ["N", "the last", "us each", "a timer", "an accept", "full gc"],
        rows,
    )


class Publishing:
    """A publisher, its subscribers, and two others whose work must not come late."""

    def __init__(self, subscribers: int) -> None:
        self.subscribers = subscribers
        self.sched = Scheduler()
        self.bus = pubsub.PublishSubscribeQueue()
        self.listener = sockets.Socket()
        self.received = 0
        self.took: list[float] = []
        self.late = {"timer": 0.0, "accept": 0.0, "collection": 0.0}

    def measure(self) -> report.Figures:
        """Return the median time to the last subscriber, and the longest delays, in seconds."""
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        for part in (*[self.subscriber] * self.subscribers, self.clock, self.acceptor, self.story):
            self.sched.add(part)
        self.sched.run()
        self.listener.close()
        return {"all": sorted(self.took)[len(self.took) // 2], **self.late}

    @coro
    def subscriber(self) -> Iterator[Any]:
        mine = queue.Queue(10)
        yield self.bus.subscribe()
        while True:
            yield mine.put_nowait((yield self.bus.fetch()))
            self.received += 1
            mine.queue.clear()

    @coro
    def clock(self) -> Iterator[Any]:
        while True:
            due = time.perf_counter() + 0.001
            yield events.Sleep(0.001)
            self.late["timer"] = max(self.late["timer"], time.perf_counter() - due)

    @coro
    def acceptor(self) -> Iterator[Any]:
        while True:
            conn, _ = yield self.listener.accept()
            yield conn.send(b"x")
            conn.close()

    @coro
    def story(self) -> Iterator[Any]:
        yield events.Sleep(0.05)  # all have subscribed
        self.late["collection"] = pause_of_the_collector()
        gc.freeze()
        caller = call(self.listener.getsockname()[1])
        yield events.Sleep(0.3)  # it has begun to call
        self.late["timer"] = 0.0
        for _ in range(MESSAGES):
            yield self.publish()
            yield events.Sleep(0.005)
        answer, _ = yield threads.call(caller.communicate)
        self.late["accept"] = float(answer)
        gc.unfreeze()
        self.sched.shutdown()

    @coro
    def publish(self) -> Iterator[Any]:
        self.received = 0
        began = time.perf_counter()
        yield self.bus.publish("message")
        while self.received < self.subscribers:
            yield
        self.took.append(time.perf_counter() - began)


def pause_of_the_collector() -> float:
    """Return the seconds of a full collection that finds no garbage."""
    gc.collect()
    began = time.perf_counter()
    gc.collect()
    return time.perf_counter() - began


def call(port: int) -> subprocess.Popen[str]:
    """Start the process that connects to `port` again and again until its input ends."""
    command = [sys.executable, "-m", "benchmarks.runtime.caller", str(port)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

"""A pool of greenlets that run application code, and only while it runs.

Requests that can take a step stand in one queue. A worker takes one after the other, so that a
step costs no switch; when a step blocks in gevent, the hub gets the turn back and gives the queue
to the next worker. A request that waits for an operation holds none of them.

The hub is never kept for more than :data:`TURN` seconds: a fan-out to thousands of requests must
not starve the connections beside it.
"""

from __future__ import annotations

from collections import deque
from time import perf_counter
from typing import Final, Protocol

from gevent.hub import Hub
from greenlet import getcurrent, greenlet

__all__ = ["TURN", "Step", "Workers"]

#: Seconds for which steps may follow each other before the hub looks at its sockets again.
TURN: Final = 0.005


class Step(Protocol):
    def step(self) -> None:
        """Go on until the next wait; must not raise."""


class Workers:
    """Run the steps of requests, each in one of up to `limit` greenlets of this hub.

    :ivar busy: greenlets that are running a step or are blocked in one.
    """

    def __init__(self, hub: Hub, limit: int) -> None:
        self.busy = 0
        self._hub = hub
        self._limit = limit
        self._ready: deque[Step] = deque()
        self._idle: list[greenlet] = []
        self._armed = False
        self._turn_ends = 0.0
        # A callback that gevent's loop is given while it runs callbacks runs in the same pass,
        # before it has polled; an async watcher's runs after the next poll.
        self._after_poll = hub.loop.async_()
        self._after_poll.start(self._dispatch)

    def __len__(self) -> int:
        """Return the number of greenlets, idle or not."""
        return self.busy + len(self._idle)

    def submit(self, request: Step) -> None:
        """Let `request` take a step soon; callable from any greenlet of this hub's thread."""
        self._ready.append(request)
        if not self._armed:
            self._armed = True
            self._hub.loop.run_callback(self._dispatch)

    def stop(self) -> None:
        """Let the idle greenlets end; nothing may be submitted afterwards."""
        self._after_poll.stop()
        self._after_poll.close()
        self._idle.clear()

    def _dispatch(self) -> None:
        """Give the queue to worker after worker until it is empty; called in the hub."""
        self._turn_ends = perf_counter() + TURN
        while self._ready:
            if perf_counter() > self._turn_ends:
                self._after_poll.send()
                return
            if self._idle:
                worker = self._idle.pop()
            elif self.busy < self._limit:
                worker = greenlet(self._work, self._hub)
            else:
                break  # the first worker to get free takes the queue up again
            self.busy += 1
            worker.switch()
        self._armed = False

    def _work(self) -> None:
        """Take steps for ever; the body of each worker."""
        me = getcurrent()
        ready = self._ready
        while True:
            while ready:
                ready.popleft().step()
                if perf_counter() > self._turn_ends:
                    break
            self.busy -= 1
            self._idle.append(me)
            if ready and not self._armed:
                self._armed = True
                self._after_poll.send()
            self._hub.switch()

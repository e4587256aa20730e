"""The scheduler's side of gevent: turns, sleep, and calls from other threads.

A runner is the greenlet that called ``run()``. It works for some milliseconds,
gives gevent's hub its turn to poll and to run other greenlets, and sleeps in the
hub when there is nothing to do. Nothing here knows of coroutines; those are in
:mod:`cogen.core.schedulers`, whose class derives from this one.
"""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from greenlet import getcurrent

__all__ = ["Runner"]

log = logging.getLogger(__name__)


class Runner:
    """Work in one greenlet, in turns with gevent's hub."""

    def __init__(self) -> None:
        self.running = False
        #: What may still bring work from outside: timers, sockets, threads, holds.
        self.pending = 0
        self._calls: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self._hub: Any = None
        self._loop: Any = None
        self._greenlet: Any = None
        self._turn: Any = None
        self._in_hub = False
        self._asleep = False
        self._fatal: BaseException | None = None

    def find_hub(self) -> Any:
        """Return gevent's hub of this thread."""
        raise NotImplementedError

    @property
    def loop(self) -> Any:
        """The gevent loop, that of the thread which first needs it."""
        if self._loop is None:
            self._hub = self.find_hub()
            self._loop = self._hub.loop
        return self._loop

    def hold(self) -> None:
        """Keep run() from returning until release(): something outside may bring work."""
        self.pending += 1

    def release(self) -> None:
        """Undo one hold()."""
        self.pending -= 1
        if self._asleep and not self.pending:
            self._rouse()

    def call_soon(self, func: Callable[..., Any], *args: Any) -> None:
        """Call ``func(*args)`` in the runner's greenlet, between two steps."""
        self._calls.append((func, args))
        if self._asleep:
            self._rouse()

    def call_threadsafe(self, func: Callable[..., Any], *args: Any) -> None:
        """Call ``func(*args)`` in the runner's greenlet; to be used from any thread."""
        self._calls.append((func, args))
        turn = self._turn
        if turn is not None:
            turn.send()

    def stop(self) -> None:
        """Let run() return after the step that is running."""
        self.running = False
        if self._asleep:
            self._rouse()

    def abort(self, error: BaseException) -> None:
        """Stop, and let run() raise ``error``."""
        if self._greenlet is None:
            raise error
        self._fatal = error
        self.stop()

    @contextlib.contextmanager
    def _as_runner(self) -> Iterator[None]:
        """Make the calling greenlet the runner."""
        if self._greenlet is not None:
            raise RuntimeError(f"{self!r} is running already")
        hub = self.find_hub()
        if self._hub is not hub:
            if self.pending and self._hub is not None:
                raise RuntimeError(f"{self!r} has begun operations in another thread")
            self._hub, self._loop = hub, hub.loop
        self._greenlet = getcurrent()
        self._turn = hub.loop.async_()
        self._turn.start(self._on_turn)
        self.running = True
        try:
            yield
            self._make_calls()
            if self._fatal is not None:
                error, self._fatal = self._fatal, None
                raise error
        finally:
            turn, self._turn = self._turn, None
            turn.stop()
            turn.close()
            self._greenlet = None
            self.running = False

    def _make_calls(self) -> None:
        for _ in range(len(self._calls)):
            func, args = self._calls.popleft()
            try:
                func(*args)
            except Exception:
                log.exception("%r, called by the scheduler, failed", func)

    def _give_turn(self) -> None:
        """Let the hub poll once and run what is ready.

        An async watcher is the one way back that comes after a poll and costs
        nothing: callbacks are run before it, a timer of 0 s waits up to 1 ms.
        """
        self._turn.send()
        self._in_hub = True
        try:
            self._hub.switch()
        finally:
            self._in_hub = False

    def _sleep(self, limit: float | None) -> None:
        """Sleep in the hub until something rouses this runner, at most ``limit`` seconds."""
        self._in_hub = self._asleep = True
        timer = None
        if limit is not None:
            timer = self._loop.timer(limit)
            timer.start(self._on_turn, update=True)
        try:
            self._hub.switch()
        finally:
            self._in_hub = self._asleep = False
            if timer is not None:
                timer.stop()

    def _rouse(self) -> None:
        self._asleep = False
        self._turn.send()

    def _on_turn(self) -> None:
        # A runner that is not here but blocked inside a step wakes by itself.
        if self._in_hub:
            self._greenlet.switch()

"""Corolets: coroutines that wait at any depth of calls, each on a stack of its own. ::

    @corolet
    def server():
        listen()              # an ordinary function, which may call yield_ too
        yield_(events.Sleep(1))
        result = yield_(some_coroutine())

Everything else is as with :mod:`cogen.core.coroutines`: a corolet is started,
called, joined and cancelled like any coroutine. Read :mod:`cogen.magic.socketlets`
for sockets that look blocking.
"""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Callable
from typing import Any

from greenlet import getcurrent, greenlet

from cogen.core import coroutines
from cogen.core.locals import runners

__all__ = [
    "CoroGreenlet",
    "Corolet",
    "CoroletInstance",
    "DebugCorolet",
    "corolet",
    "debug_corolet",
    "yield_",
]


class CoroGreenlet(greenlet):
    """A greenlet with the interface of a generator, whose ``yield`` is :func:`yield_`."""

    def __init__(self, func: Callable[..., Any], *args: Any, **kws: Any) -> None:
        super().__init__(functools.partial(self._call, func, args, kws))
        # Without one of its own a greenlet begins in an empty context.
        self.gr_context = contextvars.copy_context()

    @staticmethod
    def _call(func: Callable[..., Any], args: Any, kws: Any, sent: None) -> Any:
        return func(*args, **kws)

    def send(self, value: Any) -> Any:
        """Go on with ``value``; return what is yielded next, or raise StopIteration."""
        return self._go_on(self.switch, value)

    def throw(self, exc: BaseException) -> Any:
        """Raise ``exc`` where it waits; return what is yielded next, or raise."""
        return self._go_on(super().throw, exc)

    def close(self) -> None:
        """Raise GeneratorExit where it waits, if it has not ended."""
        if self.dead:
            return
        try:
            self.throw(GeneratorExit())
        except (GeneratorExit, StopIteration):
            return
        raise RuntimeError("corolet ignored GeneratorExit")

    def _go_on(self, enter: Callable[[Any], Any], value: Any) -> Any:
        runner = getcurrent()
        self.parent = runner
        if runner in runners:  # what asks for the current coroutine here gets this one
            runners[self] = runners[runner]
        try:
            result = enter(value)
        finally:
            runners.pop(self, None)
        if self.dead:
            raise StopIteration(result)
        return result


class CoroletInstance(coroutines.CoroutineInstance):
    """A corolet that runs or has run; see CoroutineInstance."""

    __slots__ = ()

    def __init__(self, func: Callable[..., Any], *args: Any, **kws: Any) -> None:
        if not callable(func):
            raise TypeError(f"func must be a function, not {func!r}")
        super().__init__(functools.partial(CoroGreenlet, func), *args, **kws)
        self.name = getattr(func, "__name__", None) or type(func).__name__


class Corolet(coroutines.Coroutine):
    """Decorate a function; a call then makes a :class:`CoroletInstance`."""

    def __init__(
        self, func: Any, constructor: Callable[..., CoroletInstance] = CoroletInstance
    ) -> None:
        super().__init__(func, constructor)


class DebugCorolet(Corolet, coroutines.DebugCoroutine):
    """Like :class:`Corolet`; each step of the instances is logged at DEBUG level."""


corolet = Corolet
debug_corolet = DebugCorolet


def yield_(op: Any = None) -> Any:
    """Wait for an operation or a coroutine; return what ``yield`` gives in a generator."""
    me = getcurrent()
    if not isinstance(me, CoroGreenlet):
        raise RuntimeError("yield_() works only in a @corolet; in a @coro use yield")
    return me.parent.switch(op)

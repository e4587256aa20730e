"""Which coroutine runs, and what each has of its own.

Read :mod:`cogen.core.coroutines` for the coroutines themselves, which offers all
of this as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlet import getcurrent

if TYPE_CHECKING:
    from cogen.core.coroutines import CoroutineInstance
    from cogen.core.schedulers import Scheduler

#: The scheduler that each greenlet runs, while it steps coroutines.
runners: dict[Any, Scheduler] = {}


def current() -> CoroutineInstance | None:
    """Return the coroutine whose step is running in this greenlet, or None."""
    sched = runners.get(getcurrent())
    return sched.current if sched is not None else None


class local:
    """Attributes of which each coroutine has its own, as threads have theirs of threading.local.

    What a coroutine has set is forgotten when it ends. Outside of coroutines
    there is one more set of attributes, shared by all.
    """

    def __init__(self) -> None:
        self.__dict__["_outside"] = {}

    def _values(self, make: bool = False) -> dict[str, Any]:
        coro = current()
        if coro is None:
            return self.__dict__["_outside"]
        if coro.locals is None:
            if not make:
                return {}
            coro.locals = {}
        return coro.locals.setdefault(self, {}) if make else coro.locals.get(self, {})

    def __getattr__(self, attr: str) -> Any:
        try:
            return self._values()[attr]
        except KeyError:
            raise self._missing(attr) from None

    def __setattr__(self, attr: str, value: Any) -> None:
        self._values(make=True)[attr] = value

    def __delattr__(self, attr: str) -> None:
        try:
            del self._values()[attr]
        except KeyError:
            raise self._missing(attr) from None

    def _missing(self, attr: str) -> AttributeError:
        return AttributeError(f"no {attr!r} was set in {current() or 'the main program'}")

    def __repr__(self) -> str:
        return f"<coroutine.local at 0x{id(self):X} {self._values()!r}>"

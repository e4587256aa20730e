"""Small things that every other module of the core may use.

:class:`priority` is the one that matters: the wake-up flags of the operations.
This module imports nothing of cogen. Read :mod:`cogen.core.events` next.
"""

from __future__ import annotations

import functools
import logging
import traceback
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

__all__ = ["debug", "fmt_list", "priority"]

F = TypeVar("F", bound=Callable[..., Any])


class priority:
    """Flags that say who goes first when an operation wakes another coroutine.

    ========= ==================================================================
    DEFAULT   the ``default_priority`` of the scheduler
    LAST      nobody is favoured: who is woken goes to the end of the queue
    (NOPRIO)
    CORO      favour the coroutine that yields the operation
    OP        favour the operation, that is the coroutines that it wakes
    FIRST     both
    (PRIO)
    ========= ==================================================================

    CORO and OP are bits, FIRST is both of them. What each operation makes of
    them is told in its docstring.
    """

    DEFAULT = -1
    LAST = NOPRIO = 0
    CORO = 1
    OP = 2
    FIRST = PRIO = 3


def debug(
    trace: bool = True,
    backtrace: int = 1,
    other: Callable[..., Any] | None = None,
    output: logging.Logger | None = None,
) -> Callable[[F], F]:
    """Make a decorator that logs each call of a function at DEBUG level.

    ``trace`` logs the result too, ``backtrace`` is the number of caller's
    frames to show, ``other(func, args, kwargs)`` gives something more to log,
    and ``output`` is the logger (the original printed to a stream).
    """
    logger = output or logging.getLogger(__name__)

    def decorate(func: F) -> F:
        name = getattr(func, "__qualname__", repr(func))

        @functools.wraps(func)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if not logger.isEnabledFor(logging.DEBUG):
                return func(*args, **kwargs)
            stack = "".join(traceback.format_stack(limit=backtrace + 1)[:-1])
            extra = f" [{other(func, args, kwargs)!r}]" if other else ""
            logger.debug(
                "calling %s args=%r kwargs=%r%s from\n%s", name, args, kwargs, extra, stack
            )
            result = func(*args, **kwargs)
            if trace:
                logger.debug("%s returned %r", name, result)
            return result

        return wrapped  # type: ignore[return-value]

    return decorate


def fmt_list(lst: Sequence[Any], lim: int = 100) -> str:
    """Return the ``repr`` of a list of strings, cut after ``lim`` characters in all."""
    if sum(len(item) for item in lst) <= lim:
        return repr(lst)
    shown: list[Any] = []
    length = 0
    for item in lst:
        if length + len(item) > lim:
            shown.append(item[: lim - length] + type(item)(" ..."))
            break
        shown.append(item)
        length += len(item)
    more = len(lst) - len(shown)
    return f"[{', '.join(map(repr, shown))}{f' .. {more} more' if more else ''}]"

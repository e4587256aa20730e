"""What the decorators share."""

from __future__ import annotations

from collections.abc import Callable, Generator
from types import GeneratorType
from typing import Any, TypeVar

#: An action of a controller, which its decorators give back with the same type.
Action = TypeVar("Action", bound=Callable[..., Any])


def with_result(result: Any, change: Callable[[Any], Any]) -> Any:
    """Return ``change(result)``; for a generator action, make that its ``return`` value."""
    if isinstance(result, GeneratorType):
        return _at_end(result, change)
    return change(result)


def _at_end(
    generator: Generator[Any, Any, Any], change: Callable[[Any], Any]
) -> Generator[Any, Any, Any]:
    return change((yield from generator))

"""The objects of the contract: what an application finds in environ to wait with.

The application leaves an operation in the *gate* and yields an empty chunk; whoever iterates over
it runs the operation, puts the outcome into the gate and goes on::

    yield environ["cogen.call"](queue.get)(timeout=10)
    message = environ["cogen.wsgi"].result

The gate guards that each operation that was set is run: an empty chunk that some middleware kept
for itself is an error that tells so. Who iterates is an exchange of this server
(:mod:`cogen.web.exchange`) or the inline host on any other (:mod:`cogen.web.inline`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import partial
from inspect import CO_GENERATOR
from types import FrameType, ModuleType
from typing import Any

import cogen.core
from cogen.core import coroutines, events, pubsub, queue, util  # noqa: F401

__all__ = ["Application", "Gate", "ModuleGate", "OperationLost", "StartResponse"]

StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class OperationLost(RuntimeError):
    """An operation was never run, since the empty chunk that announces it did not arrive."""


class Gate:
    """``environ['cogen.wsgi']``: where application and server leave things for each other.

    It is ``environ['cogen.input']`` too: the request's body, read by operations.

    :ivar content_length: octets of the request's body; None if there is none or it is chunked.
    :ivar result: what the last operation gave, or the exception instance that it ended with.
    :ivar exception: ``(type, value, traceback)`` of that exception, else None.
    :ivar pending: the operation that has been set and not yet taken; the server's side.
    :ivar body: where :meth:`read` reads; something with a ``read_count`` and a ``reading()``.
    """

    __slots__ = ("content_length", "result", "exception", "pending", "body", "_method", "_target")

    def __init__(self, method: str, target: str, length: int, body: Any) -> None:
        self.content_length = length if length > 0 else None
        self.result: Any = None
        self.exception: tuple[Any, Any, Any] | None = None
        self.pending: Any = None
        self.body = body
        self._method = method
        self._target = target

    def __repr__(self) -> str:
        return f"<Gate of {self._method} {self._target}, operation {self.pending!r}>"

    @property
    def read_count(self) -> int:
        """Octets of the body that the application has read."""
        return self.body.read_count if self.body is not None else 0

    @property
    def operation(self) -> Any:
        """What to run at the next empty chunk.

        :raises OperationLost: when set while the last one has not been run.
        """
        return self.pending

    @operation.setter
    def operation(self, operation: Any) -> None:
        if self.pending is not None and operation is not None:
            raise OperationLost(self._lost(operation, culprits(sys._getframe(1))))
        self.pending = operation

    def _store(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> bytes:
        self.operation = function(*args, **kwargs)
        return b""

    def call(self, function: Callable[..., Any]) -> Callable[..., bytes]:
        """Return a function that stores the operation `function` returns; ``cogen.call``."""
        return partial(self._store, function)

    def yield_(self, operation: Any) -> bytes:
        """Store an operation and return the empty chunk to yield; ``cogen.yield``."""
        self.operation = operation
        return b""

    def read(self, size: int = -1, **options: Any) -> bytes:
        """Store an operation that gives `size` octets, fewer only at the end; -1 is all.

        :param options: `timeout` in seconds and `prio`, as for every operation.
        """
        return self.yield_(self.body.reading(size, False, **options))

    def readline(self, size: int = -1, **options: Any) -> bytes:
        """Store an operation that gives a line with its end, at most `size` octets of it."""
        return self.yield_(self.body.reading(size, True, **options))

    def add_to(self, environ: dict[str, Any]) -> None:
        """Put the objects of the contract into `environ`."""
        environ["cogen.wsgi"] = self
        environ["cogen.call"] = self.call
        environ["cogen.yield"] = self.yield_
        environ["cogen.core"] = ModuleGate(self, cogen.core)
        environ["cogen.input"] = self

    # The server's side.

    def take(self) -> Any:
        """Return the operation to run, and make room for the next."""
        operation, self.pending = self.pending, None
        return operation

    def deliver(self, outcome: Any, sched: Any) -> None:
        """Set result and exception from a finished operation or a CoroutineException."""
        if not isinstance(outcome, coroutines.CoroutineException):
            try:
                self.result = outcome.finalize(sched)
            except Exception:  # noqa: BLE001 - it is the operation's outcome
                outcome = coroutines.CoroutineException(*sys.exc_info())
            else:
                self.exception = None
                return
        self.exception = outcome.args
        self.result = outcome.args[1]

    def clear(self) -> None:
        """Let go of everything; the request is over."""
        self.pending = self.body = self.result = self.exception = None

    def _lost(self, operation: Any, suspects: list[str]) -> str:
        message = (
            f"{self._method} {self._target}: {operation!r} was set while {self.pending!r} has not "
            "been run. Either the application yielded no empty chunk for that one, or something "
            "between the application and the server swallowed the chunk, joined it with others or "
            "read ahead over it"
        )
        if suspects:
            who = " or ".join(suspects)
            return f"{message}: {who}. Every chunk must be passed on, one to one (PEP 3333)."
        return f"{message}. {_HOW_TO_FIND}"

    def lost_at_end(self, result_type: type) -> str:
        """Return what to tell when the application ended with an operation never run."""
        hint = _HOW_TO_FIND
        if result_type in (list, tuple):
            hint = (
                f"The server got a {result_type.__name__}, so some layer joined the chunks before "
                f"it returned them. {_HOW_TO_FIND}"
            )
        return (
            f"{self._method} {self._target}: the application ended, but {self.pending!r} was never "
            f"run: no empty chunk arrived after it had been set. {hint}"
        )


_HOW_TO_FIND = (
    "To find the culprit take one middleware after the other out, from the outside in, until the "
    "error is gone; each must pass every chunk on, one to one (PEP 3333)."
)


def culprits(frame: FrameType | None) -> list[str]:
    """Return who on the stack may have kept a chunk for itself, from the inside out.

    Between the application's generator and the server's step there should be generators and
    ``__next__`` methods only. A plain function there can't pass a chunk on, so it is the one; if
    there is none, each generator may be.
    """
    iterating, passing_on = [], []
    inside_application = True
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back  # the gate itself
    while frame is not None and frame.f_globals.get("__name__") not in _DRIVERS:
        code = frame.f_code
        name = f"{code.co_qualname} ({code.co_filename}, line {frame.f_lineno})"
        if inside_application:
            inside_application = not code.co_flags & CO_GENERATOR
        elif code.co_flags & CO_GENERATOR or code.co_name in ("__next__", "send", "run"):
            passing_on.append(name)
        else:
            iterating.append(name)
        frame = frame.f_back
    return iterating[:1] or passing_on


_DRIVERS = ("cogen.web.exchange", "cogen.web.inline", "cogen.web.response")


class ModuleGate:
    """``environ['cogen.core']``: modules whose functions store the operations they return."""

    __slots__ = ("_gate", "_module")

    def __init__(self, gate: Gate, module: Any) -> None:
        self._gate = gate
        self._module = module

    def __getattr__(self, name: str) -> Any:
        what = getattr(self._module, name)
        if isinstance(what, ModuleType):
            return ModuleGate(self._gate, what)
        if isinstance(what, type) and issubclass(what, BaseException):
            return what  # for isinstance(result, environ["cogen.core"].events.OperationTimeout)
        if callable(what):
            return self._gate.call(what)
        return what

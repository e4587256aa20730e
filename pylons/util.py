"""Small things that applications and the framework share: template contexts and names.

The installers and project templates that Pylons kept here are left out: see the differences
page. Nothing here knows about the request.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any


class ContextObj:
    """The template context ``c``: an attribute that nobody set is an AttributeError."""

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in sorted(vars(self).items()))
        return f"<{type(self).__name__} {inside}>"


class AttribSafeContextObj(ContextObj):
    """The template context ``c`` where an attribute that nobody set is an empty string."""

    def __getattr__(self, name: str) -> str:
        if name.startswith("__"):  # copy, pickle and inspect ask for these, and want an honest no
            raise AttributeError(name)
        return ""


def class_name_from_module_name(module_name: str) -> str:
    """Return the camel-cased class name for a module name: ``user-home`` gives ``UserHome``."""
    words = module_name.replace("-", "_").split("_")
    return "".join(word[:1].upper() + word[1:] for word in words)


def resolve_dotted(name: str) -> Any:
    """Return the object that ``package.module:name`` or ``package.module.name`` means.

    :raises ImportError: if no such module can be imported.
    :raises AttributeError: if the module has no such name.
    """
    if ":" in name:
        module_name, _, path = name.partition(":")
        obj: Any = importlib.import_module(module_name)
        for part in path.split("."):
            obj = getattr(obj, part)
        return obj
    module_name, _, attribute = name.rpartition(".")
    if not module_name:
        return importlib.import_module(name)
    return getattr(importlib.import_module(module_name), attribute)


def close(app_iter: object) -> None:
    """Call the iterable's ``close``, if it has one (PEP 3333)."""
    closer = getattr(app_iter, "close", None)
    if closer is not None:
        closer()


class StatusWatch:
    """A ``start_response`` that holds back the statuses that begin with one of `catch`.

    Layers that decide by the status pass it on. One object per request.
    """

    __slots__ = ("_catch", "caught", "exc_info", "headers", "passed_to", "status", "written")

    def __init__(self, catch: tuple[str, ...], start_response: Callable[..., Any]) -> None:
        self._catch = catch
        self.passed_to = start_response
        self.status = ""  # until there is one
        self.caught = False

    def __call__(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        """Pass the start of a response on, or keep it (WSGI)."""
        # What has been passed on can't be taken back: a second call is the server's to judge.
        passed = self.status and not self.caught
        self.status = status
        self.caught = not passed and status.startswith(self._catch)
        if self.caught:
            self.headers, self.exc_info = headers, exc_info
            self.written: list[bytes] = []
            return self.written.append
        return self.passed_to(status, headers, exc_info)

    def release(self) -> list[bytes]:
        """Pass on what was kept, and return what was written meanwhile."""
        self.caught = False
        self(self.status, self.headers, self.exc_info)
        return self.written


def call_wsgi_application(
    application: Callable[..., Iterable[bytes]],
    environ: dict[str, Any],
    catch_exc_info: bool = False,
) -> tuple[Any, ...]:
    """Call a WSGI application and return ``(status, headers, app_iter)``.

    For applications that answer at once, or with their first chunk. One that waits can't be
    called this way; ``pylons.controllers.util.forward`` can pass its response on.

    :param catch_exc_info: if true, a fourth item is the `exc_info` of its ``start_response``, or
        None; otherwise it is raised.
    :raises RuntimeError: if the application waits, or never calls ``start_response``.
    """
    watch = StatusWatch(("",), _never)
    app_iter = application(environ, watch)
    if not watch.status:
        iterator = iter(app_iter)
        first = next(iterator, b"")
        app_iter = primed(_rejoined(first, iterator, app_iter))
    if not watch.status:
        close(app_iter)
        raise RuntimeError(
            f"{application!r} has not called start_response with its first chunk: it waits for "
            f"something, and only the server can let it. Use pylons.controllers.util.forward."
        )
    if watch.written:
        app_iter = [*watch.written, *app_iter]
    if catch_exc_info:
        return watch.status, watch.headers, app_iter, watch.exc_info
    if watch.exc_info is not None:
        raise watch.exc_info[1].with_traceback(watch.exc_info[2])
    return watch.status, watch.headers, app_iter


def primed(steps: Iterator[bytes]) -> Iterator[bytes]:
    """Advance a generator to its first ``yield b""``, which nobody sees, and return it.

    ``close()`` of a generator that was never begun skips its ``finally`` clauses, and the
    iterable that it was to close would stay open.
    """
    next(steps)
    return steps


def _rejoined(
    first: bytes, iterator: Iterator[bytes], app_iter: Iterable[bytes]
) -> Iterator[bytes]:
    try:
        yield b""  # see primed
        yield first
        for chunk in iterator:  # noqa: UP028  (`yield from` would close it a second time)
            yield chunk
    finally:
        close(app_iter)


def _never(*args: Any) -> Any:
    raise AssertionError("a StatusWatch that catches all passes nothing on")

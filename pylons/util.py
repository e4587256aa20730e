"""Small things that applications and the framework share: template contexts and names.

The installers and project templates that Pylons kept here are left out: see the differences
page. Nothing here knows about the request.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
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

    Layers that decide by the status pass its :meth:`start_response` on. One object per request.
    """

    __slots__ = ("_catch", "_start_response", "caught", "headers", "status", "written", "_exc_info")

    def __init__(self, catch: tuple[str, ...], start_response: Callable[..., Any]) -> None:
        self._catch = catch
        self._start_response = start_response
        self.status: str | None = None
        self.caught = False

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        """Pass the start of a response on, or keep it (WSGI)."""
        # What has been passed on can't be taken back: a second call is the server's to judge.
        passed = self.status is not None and not self.caught
        self.status = status
        self.caught = not passed and status.startswith(self._catch)
        if self.caught:
            self.headers, self._exc_info = headers, exc_info
            self.written: list[bytes] = []
            return self.written.append
        # The two-argument form where it will do: a server may offer no more (PEP 3333 asks for
        # three, and many a test double has two).
        if exc_info is None:
            return self._start_response(status, headers)
        return self._start_response(status, headers, exc_info)

    def release(self) -> list[bytes]:
        """Pass on what was kept, and return what was written meanwhile."""
        self._catch = ()
        self.caught = False
        self.start_response(self.status or "", self.headers, self._exc_info)
        return self.written

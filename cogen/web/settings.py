"""The options of ``[server:main]``, in one typed table, with their limits and what they are for.

Everything a deployment can set is here and nowhere else: the ini file, the documentation's table
and the server all read :data:`OPTIONS`. An option that is not in the table is an error, and the
error suggests the nearest name.
"""

from __future__ import annotations

import difflib
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

__all__ = ["OPTIONS", "Option", "Settings", "asbool", "split_options", "tell_without_effect"]

log = logging.getLogger("cogen.web")


def asbool(value: object) -> bool:
    """Return the boolean that an ini file's text means.

    :raises ValueError: if it is none of true/false, yes/no, on/off, y/n, t/f, 1/0.
    """
    if isinstance(value, str):
        word = value.strip().lower()
        if word in ("true", "yes", "on", "y", "t", "1"):
            return True
        if word in ("false", "no", "off", "n", "f", "0"):
            return False
        raise ValueError(f"{value!r} is neither true nor false")
    return bool(value)


def count(value: object) -> int:
    """Return a whole number that is not negative."""
    digits = str(value).strip()
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("a whole number from 0 up is needed")
    return int(digits)


def small(value: object) -> int:
    """Return a whole number that the C interfaces behind these options can take."""
    number = count(value)
    if number > 2147483647:
        raise ValueError("a whole number from 0 to 2147483647 is needed")
    return number


def positive(value: object) -> int:
    """Return a whole number from 1 up."""
    number = count(value)
    if not number:
        raise ValueError("a whole number from 1 up is needed")
    return number


def seconds(value: object) -> float:
    """Return a number of seconds, 0 for no limit; -1, which 2008 used for that, is 0 too."""
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if number == -1:
        return 0.0
    if not 0 <= number < 1e9:
        raise ValueError("a number of seconds from 0 up is needed")
    return number


def text(value: object) -> str:
    return str(value).strip()


class Option(NamedTuple):
    """One option: its name, how its text is read, its default, and what it does."""

    name: str
    type: Callable[[Any], Any]
    default: Any
    help: str


OPTIONS: tuple[Option, ...] = (
    Option("server_name", text, "", "SERVER_NAME in environ; the host if empty"),
    Option("request_queue_size", small, 1024, "length of the kernel's queue of new connections"),
    Option("max_connections", positive, 20000, "connections at a time; accepting pauses above it"),
    Option("max_header_bytes", positive, 32768, "size of a request's header fields; more is 431"),
    Option("max_headers", positive, 100, "number of different header fields; more is 431"),
    Option("max_target_bytes", positive, 8192, "size of a request target; more is 414"),
    Option("max_body_bytes", count, 10485760, "size of a request's body, 0 for any; more is 413"),
    Option("header_timeout", seconds, 15.0, "seconds for a request's head to arrive; then 408"),
    Option("body_timeout", seconds, 60.0, "seconds for a request's body to arrive; then 408"),
    Option("keepalive_timeout", seconds, 75.0, "seconds that a connection may idle; then closed"),
    Option("write_timeout", seconds, 60.0, "seconds for a client to read what waits; then closed"),
    Option("request_timeout", seconds, 0.0, "seconds for a request as a whole; then cancelled"),
    Option("shutdown_timeout", seconds, 10.0, "seconds that running requests have at shutdown"),
    Option("workers", positive, 1000, "greenlets that run applications; those blocked count too"),
    Option("gc_threshold", small, 100000, "young objects before a garbage collection, 0: Python's"),
    Option("early_headers", asbool, False, "send headers at the first empty chunk, as in 2008"),
    Option("access_log", asbool, False, "log each request to cogen.access, combined format"),
    Option("status", text, "", "loopback host:port of a status page and Prometheus metrics"),
    Option("certfile", text, "", "file with the TLS certificate chain; plain HTTP if empty"),
    Option("keyfile", text, "", "file with the TLS key, if it is not in certfile"),
    Option("debug", asbool, False, "show tracebacks to clients; never on a public address"),
    Option("monkey_patch", asbool, True, "let `paster serve` call gevent.monkey.patch_all()"),
)

_BY_NAME = {option.name: option for option in OPTIONS}


class Settings:
    """The options of one server, checked; each is an attribute under its name in the ini file."""

    server_name: str
    request_queue_size: int
    max_connections: int
    max_header_bytes: int
    max_headers: int
    max_target_bytes: int
    max_body_bytes: int
    header_timeout: float
    body_timeout: float
    keepalive_timeout: float
    write_timeout: float
    request_timeout: float
    shutdown_timeout: float
    workers: int
    gc_threshold: int
    early_headers: bool
    access_log: bool
    status: str
    certfile: str
    keyfile: str
    debug: bool
    monkey_patch: bool

    def __init__(self, **options: Any) -> None:
        """Take options as keywords.

        :raises ValueError: for an option that does not exist or a value that it can't have.
        """
        for option in OPTIONS:
            setattr(self, option.name, option.default)
        self.update(options)
        if self.keyfile and not self.certfile:
            raise ValueError("server option keyfile without certfile: it would be plain HTTP")

    def update(self, options: Mapping[str, Any]) -> None:
        """Set options from their ini text or value."""
        for name, value in options.items():
            if name not in _BY_NAME:
                raise ValueError(unknown(name, _BY_NAME))
            try:
                setattr(self, name, _BY_NAME[name].type(value))
            except ValueError as error:
                raise ValueError(f"server option {name} = {value}: {error}") from None

    def timeouts(self) -> list[float]:
        """Return every time limit, in seconds, 0 for none."""
        return [getattr(self, option.name) for option in OPTIONS if option.type is seconds]


#: Options of cogen 0.2's factory that the scheduler takes: name there, how to read it.
_FOR_SCHEDULER: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "sched_default_priority": ("default_priority", int),
    "sched_default_timeout": ("default_timeout", seconds),
    "proactor_resolution": ("proactor_resolution", float),
    "proactor_greedy": ("proactor_greedy", asbool),
    "proactor_multiplex_first": ("proactor_multiplex_first", asbool),
    "ops_greedy": ("ops_greedy", asbool),
}
#: Options of cogen 0.2's factory that are several limits today; the more special one is first.
_SPLIT = {
    "sendfile_timeout": ("write_timeout",),
    "sockoper_timeout": ("header_timeout", "body_timeout", "keepalive_timeout", "write_timeout"),
}
_WITHOUT_EFFECT = {
    "sockaccept_greedy": "connections are accepted until none waits or 64 have been",
}


def split_options(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the scheduler's and the server's part of an ini file's options.

    All options of cogen 0.2 are known; :func:`tell_without_effect` names those that mean nothing.

    :raises ValueError: for a value that can't be read.
    """
    of_scheduler: dict[str, Any] = {}
    of_server: dict[str, Any] = {}
    for name, value in options.items():
        if name in _FOR_SCHEDULER:
            ours, read = _FOR_SCHEDULER[name]
            try:
                of_scheduler[ours] = read(value)
            except ValueError as error:
                raise ValueError(f"server option {name} = {value}: {error}") from None
        elif name == "proactor":
            _check_proactor(text(value))
        elif name not in _SPLIT and name not in _WITHOUT_EFFECT:
            of_server[name] = value
    for name, limits in _SPLIT.items():
        for ours in limits if name in options else ():
            of_server.setdefault(ours, options[name])
    return of_scheduler, of_server


def tell_without_effect(options: Mapping[str, Any]) -> None:
    """Log the options of cogen 0.2 that mean nothing any more."""
    for name, reason in _WITHOUT_EFFECT.items():
        if name in options:
            log.info("server option %s has no effect: %s", name, reason)


def _check_proactor(name: str) -> None:
    from cogen.core import proactors

    has = getattr(proactors, f"has_{name}", None)
    if has is None or has() is None:
        raise ValueError(f"server option proactor = {name}: not available here; use any")


def unknown(name: str, known: Mapping[str, object]) -> str:
    """Return what to tell someone who set an option that does not exist."""
    near = difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"
    return f"unknown server option {name}{hint}"

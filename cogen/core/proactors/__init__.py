"""Proactors: who waits for sockets.

In 2008 there was one for each system call (select, poll, epoll, kqueue, ...).
Now gevent's loop does the polling, and a proactor keeps the watchers of one
scheduler on it. The names remain, to choose gevent's backend: ``has_epoll()``
gives a class for ``Scheduler(proactor=...)`` if gevent has that backend here.

A thread has one loop, so that the choice must be made before anything else uses
gevent in that thread; where it comes too late it is refused, with the reason.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent.core
import gevent.hub
from gevent._hub_local import get_hub_if_exists

from cogen.core.sockets import ConnectionClosed, SocketError, SocketOperation

if TYPE_CHECKING:
    from cogen.core.schedulers import Scheduler

__all__ = [
    "DefaultProactor",
    "ProactorBase",
    "get_first",
    "has_any",
    "has_ctypes_iocp",
    "has_epoll",
    "has_iocp",
    "has_kqueue",
    "has_poll",
    "has_select",
    "has_stdlib_epoll",
    "has_stdlib_kqueue",
]

READ, WRITE = 1, 2
#: What means that the peer is gone, for whatever is sent or received.
_GONE = frozenset((errno.EPIPE, errno.ECONNRESET, errno.ESHUTDOWN))


class ProactorBase:
    """Wait for the sockets of a scheduler, with watchers of gevent's loop.

    ``multiplex_first``: try the system call before waiting for the socket to
    be ready. ``resolution`` and ``default_size`` are taken for compatibility,
    gevent's loop has no use for them.
    """

    #: The name of gevent's backend; None takes the one that gevent chooses.
    backend: str | None = None
    supports_multiplex_first = True

    def __init__(
        self,
        scheduler: Scheduler,
        resolution: float,
        multiplex_first: bool = True,
        default_size: int | None = None,
    ) -> None:
        self.scheduler = scheduler
        self.resolution = resolution
        self.multiplex_first = multiplex_first
        #: The watcher of each operation that waits.
        self.tokens: dict[SocketOperation, Any] = {}

    def hub(self) -> Any:
        """Return gevent's hub of this thread, with the backend of this class."""
        if self.backend is not None and get_hub_if_exists() is None:
            gevent.hub.set_hub(gevent.hub.Hub(self.backend))
        hub = gevent.get_hub()
        if self.backend not in (None, hub.loop.backend):
            raise RuntimeError(
                f"{type(self).__name__} needs gevent's {self.backend} backend, but gevent uses "
                f"{hub.loop.backend} in this thread already: set GEVENT_BACKEND={self.backend}"
            )
        return hub

    def request_generic(
        self, act: Any, coro: Any, perform: Callable[[Any], Any] | None = None
    ) -> tuple[Any, Any] | None:
        """Complete ``act`` for ``coro`` now, or wait until its socket is ready.

        ``perform(act)``, by default the method of that name, makes the system
        call and returns whether that completed it.
        """
        perform = perform or type(act).perform
        if self.multiplex_first and self.attempt(act, perform):
            return act, coro
        self.add_token(act, coro, perform)
        return None

    request_recv = request_send = request_sendall = request_generic
    request_accept = request_connect = request_sendfile = request_generic

    def attempt(self, act: Any, perform: Callable[[Any], Any]) -> Any:
        """Return whether ``perform`` completed ``act``; errors of the system are SocketErrors."""
        try:
            return perform(act)
        except (BlockingIOError, InterruptedError):
            return False
        except SocketError:
            raise
        except OSError as exc:
            kind = ConnectionClosed if exc.errno in _GONE else SocketError
            raise kind(exc.errno, exc.strerror) from exc

    def add_token(self, act: Any, coro: Any, perform: Callable[[Any], Any]) -> None:
        """Let ``coro`` wait until the socket of ``act`` is ready."""
        sched = self.scheduler
        watcher = sched.loop.io(act.fileno(), WRITE if act.writes else READ)
        sched.wait(act, coro)
        sched.hold()
        self.tokens[act] = watcher
        act.sock._waiting[act] = None
        watcher.start(self._is_ready, act, perform)

    def remove_token(self, act: Any) -> bool:
        """Stop waiting for the socket of ``act``; return whether anyone did."""
        watcher = self.tokens.pop(act, None)
        if watcher is None:
            return False
        watcher.stop()
        watcher.close()
        del act.sock._waiting[act]
        self.scheduler.release()
        return True

    def _is_ready(self, act: Any, perform: Callable[[Any], Any]) -> None:
        """Called by the loop: go on with the operation, and wake its coroutine at the end."""
        try:
            if not self.attempt(act, perform):
                return
        except Exception as exc:  # noqa: BLE001 - raised in the coroutine that waits
            self.remove_token(act)
            self.scheduler.fail(act, act.caller, exc)
        else:
            self.remove_token(act)
            self.scheduler.arrive(act, act.caller)

    def close(self) -> None:
        """Forget all operations."""
        for act in list(self.tokens):
            self.remove_token(act)

    def __len__(self) -> int:
        return len(self.tokens)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} with {len(self)} operations>"


class SelectProactor(ProactorBase):
    """gevent's loop on select(2)."""

    backend = "select"


class PollProactor(ProactorBase):
    """gevent's loop on poll(2)."""

    backend = "poll"


class EpollProactor(ProactorBase):
    """gevent's loop on epoll(7)."""

    backend = "epoll"


class KQueueProactor(ProactorBase):
    """gevent's loop on kqueue(2)."""

    backend = "kqueue"


Found = type[ProactorBase] | None


def _if_supported(proactor: type[ProactorBase]) -> Found:
    return proactor if proactor.backend in gevent.core.supported_backends() else None


def has_select() -> Found:
    """Return a proactor for select(2), or None if gevent has no such backend here."""
    return _if_supported(SelectProactor)


def has_poll() -> Found:
    """Return a proactor for poll(2), or None if gevent has no such backend here."""
    return _if_supported(PollProactor)


def has_epoll() -> Found:
    """Return a proactor for epoll(7), or None if gevent has no such backend here."""
    return _if_supported(EpollProactor)


def has_kqueue() -> Found:
    """Return a proactor for kqueue(2), or None if gevent has no such backend here."""
    return _if_supported(KQueueProactor)


# In 2008 there was one for each of the extension modules of the time as well.
has_stdlib_epoll = has_epoll
has_stdlib_kqueue = has_kqueue


def has_iocp() -> Found:
    """Return None: gevent has no backend for I/O completion ports."""
    return None


has_ctypes_iocp = has_iocp


def get_first(*imps: Callable[[], Any]) -> Any:
    """Return the first true result of the functions, or None."""
    return next(filter(None, (imp() for imp in imps)), None)


def has_any() -> type[ProactorBase]:
    """Return the proactor for the backend that gevent chose, which is the best one here."""
    return ProactorBase


DefaultProactor = has_any()

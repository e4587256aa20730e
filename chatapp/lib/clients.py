"""Who is in the chat: the live clients, each under the id that its session keeps.

A session is stored as text, so it can't hold a live client as it did in 2008: it holds an id, and
this registry the client. One that has not pulled for ``idle_timeout`` seconds is taken out, and
its coroutine ended, by a coroutine that looks ten times in that period: so it is gone after at
most 1.1 times as long, and going through all the clients costs next to nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any

from cogen.core import events
from cogen.core.coroutines import coro


class Clients:
    """The clients by id. A client has a ``pulled``, which is set here, and a ``leave()``."""

    def __init__(self, idle_timeout: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.idle_timeout = idle_timeout
        self._clock = clock
        self._clients: dict[Hashable, Any] = {}

    def __len__(self) -> int:
        return len(self._clients)

    def get(self, key: Hashable) -> Any:
        """Return the client of this id, or None."""
        return self._clients.get(key)

    def add(self, key: Hashable, client: Any) -> bool:
        """Register a client, instead of the one that had this id.

        Return whether it is the only one, so that :meth:`expire` is to be started.
        """
        self.pulled(client)
        self._clients[key] = client
        return len(self._clients) == 1

    def pulled(self, client: Any) -> None:
        """Note that a client has pulled just now."""
        client.pulled = self._clock()

    @coro
    def expire(self):
        """Take out the clients that have been idle for too long, until there is none left."""
        while True:
            oldest = self._clock() - self.idle_timeout
            # A copy: on a server with threads others register meanwhile.
            for key, client in list(self._clients.items()):
                if client.pulled <= oldest:
                    self._clients.pop(key)
                    client.leave()
            if not self._clients:
                break
            yield events.Sleep(self.idle_timeout / 10)

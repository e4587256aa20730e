"""A crowd of long-polling listeners in one process, cheap enough to outrun the server.

Raw descriptors on epoll, requests built beforehand, and of a response only what must be known:
whether it is whole, and whether the message is in it. Most of what a delivery costs here is the
kernel's; the caller compares the processor time of both sides to be sure that the server was
the slower one.
"""

import os
import secrets
import select
import socket
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from .wire import SILENCE_SECONDS, BadResponse, ask, connections, cookies, is_whole, request

READ = 4096  # more than a response; a longer one takes two reads
QUIET_SECONDS = 0.2
BATCH = 64  # connections opened at once: fewer than any server's backlog


class Crowd:
    """`count` listeners of the chat, each with a connection and a cookie of its own.

    Entered, it has registered all of them, and each one's poll waits.
    """

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._count = count
        self._polls: dict[int, bytes] = {}  # descriptor to the request it repeats
        self._heard: dict[int, int] = {}  # descriptor to the last message it has got
        self._part: dict[int, bytes] = {}  # descriptor to the beginning of an answer
        self._messages = 0
        self._name = secrets.token_hex(4).encode()  # the chat's history has other crowds' messages
        self._epoll = select.epoll()
        self._stack = ExitStack()
        self._stack.callback(self._epoll.close)

    def __enter__(self) -> Self:
        try:
            cookie = b""
            for first in range(0, self._count, BATCH):
                cookie = self._join(min(BATCH, self._count - first), first)
            self._cookie = cookie
            self._pusher = next(iter(connections(self._port, 1)))
            self._stack.enter_context(self._pusher)
            self._park()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def push(self) -> float:
        """Publish a message; return the seconds until the last listener has it.

        Every listener polls again as soon as it has been answered. Raises BadResponse where a
        message comes twice, or does not come within 20 seconds.
        """
        self._messages += 1
        marker = b"message %d of %s." % (self._messages, self._name)
        push = request("POST", "/chat/push", self._cookie, marker)
        began = time.perf_counter()
        self._pusher.sendall(push)
        self._collect(marker)
        took = time.perf_counter() - began
        ask([self._pusher], [b""])  # the push's own answer, sent along with the others
        return took

    def _join(self, count: int, first: int) -> bytes:
        """Register some listeners, send their first polls, and return the last one's cookie."""
        batch: list[socket.socket] = []
        for connection in connections(self._port, count):
            batch.append(self._stack.enter_context(connection))
        joins = [request("GET", f"/chat/pull/n{first + place}") for place in range(count)]
        cookie = b""
        for connection, answer in zip(batch, ask(batch, joins), strict=True):
            cookie = cookies(answer)
            if not cookie:
                raise BadResponse(f"no cookie to a new listener: {answer[:300]!r}")
            descriptor = connection.fileno()
            self._polls[descriptor] = request("GET", "/chat/pull", cookie)
            self._heard[descriptor] = 0
            connection.sendall(self._polls[descriptor])
            connection.setblocking(False)
            self._epoll.register(descriptor, select.EPOLLIN)
        return cookie

    def _park(self) -> None:
        """Answer what comes at once, such as the history of the chat, until all polls wait."""
        while events := self._epoll.poll(QUIET_SECONDS):
            self._read(events, b"no message says this")

    def _collect(self, marker: bytes) -> None:
        """Read answers and poll again until every listener has heard the message."""
        missing = self._count
        while missing:
            events = self._epoll.poll(SILENCE_SECONDS)
            if not events:
                raise BadResponse(f"{missing} of {self._count} listeners heard nothing")
            missing -= self._read(events, marker)

    def _read(self, events: list[tuple[int, int]], marker: bytes) -> int:
        """Read what has come and poll again; return how many answers had the message."""
        read, write, polls, heard, partial = os.read, os.write, self._polls, self._heard, self._part
        message, told = self._messages, 0
        for descriptor, _ in events:
            data = read(descriptor, READ)
            if not data:
                raise BadResponse("the server closed a listener's connection")
            if partial:
                data = partial.pop(descriptor, b"") + data
            if not is_whole(data):
                partial[descriptor] = data
                continue
            write(descriptor, polls[descriptor])
            if times := data.count(marker):
                if times > 1 or heard[descriptor] == message:
                    raise BadResponse(f"a listener heard {marker!r} twice")
                heard[descriptor] = message
                told += 1
        return told

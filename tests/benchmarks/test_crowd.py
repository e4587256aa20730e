"""The crowd against a chat that can misbehave: what it may not count it must refuse."""

import asyncio
import contextlib
import threading

import pytest

from benchmarks.crowd import Crowd
from benchmarks.wire import BadResponse

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n"


class Chat:
    """A chat in a thread; `spoil` turns a listener's answer into what is sent to it."""

    def __init__(self, spoil=lambda answer: answer):
        self._spoil = spoil
        self._waiting = []
        self._open = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def __enter__(self):
        starting = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(5)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *error):
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _stop(self):
        self._server.close()
        for writer in self._open:
            writer.close()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))

    async def _serve(self, reader, writer):
        self._open.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await self._answer(await reader.readuntil(b"\r\n\r\n"), reader, writer)

    async def _answer(self, head, reader, writer):
        if head.startswith(b"GET /chat/pull/"):
            writer.write(HEAD % 0 + b"Set-Cookie: id=1\r\n\r\n")
        elif head.startswith(b"GET /chat/pull "):
            self._waiting.append(writer)
        else:
            body = await reader.readexactly(int(head.rpartition(b"Length: ")[2]))
            writer.write(HEAD % 0 + b"\r\n")
            waiting, self._waiting = self._waiting, []
            for listener in waiting:
                listener.write(self._spoil(HEAD % len(body) + b"\r\n" + body))


def test_every_listener_hears_each_message():
    with Chat() as chat, Crowd(chat.port, 5) as crowd:
        assert 0 < crowd.push() < 5
        assert 0 < crowd.push() < 5


def test_an_answer_in_pieces_is_put_together(monkeypatch):
    monkeypatch.setattr("benchmarks.crowd.READ", 7)
    with Chat() as chat, Crowd(chat.port, 3) as crowd:
        assert crowd.push() > 0


def test_two_answers_to_one_poll_are_an_error():
    with Chat(lambda answer: answer + answer) as chat, Crowd(chat.port, 2) as crowd:
        with pytest.raises(BadResponse, match="more than one answer"):
            crowd.push()


def test_a_message_that_comes_twice_is_an_error():
    def twice(answer):
        body = 2 * answer.partition(b"\r\n\r\n")[2]
        return HEAD % len(body) + b"\r\n" + body

    with Chat(twice) as chat, Crowd(chat.port, 2) as crowd:
        with pytest.raises(BadResponse, match="heard b'message 1 of .*' twice"):
            crowd.push()


def test_a_message_that_does_not_come_is_an_error(monkeypatch):
    monkeypatch.setattr("benchmarks.crowd.SILENCE_SECONDS", 0.2)
    lost = HEAD % 0 + b"\r\n"
    with Chat(lambda answer: lost) as chat, Crowd(chat.port, 2) as crowd:
        with pytest.raises(BadResponse, match="2 of 2 listeners heard nothing"):
            crowd.push()

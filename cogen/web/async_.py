"""Middleware for applications that wait, and, under one name, all that an application may import.

:class:`SynchronousInputMiddleware` and :class:`LazyStartResponseMiddleware` are the filters of
2008. :class:`InlineHost` (:mod:`cogen.web.inline`) provides the contract on any other WSGI server;
the objects of the contract are in :mod:`cogen.web.gate`. The server of this package is in
:mod:`cogen.web.wsgi`. This module was called ``async`` until that became a keyword.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

from .gate import Application, Gate, OperationLost, StartResponse
from .inline import InlineHost, InputBody, close, inline_host

__all__ = [
    "Application",
    "Gate",
    "InlineHost",
    "LazyStartResponseMiddleware",
    "OperationLost",
    "StartResponse",
    "SynchronousInputMiddleware",
    "inline_host",
    "lazy_sr",
    "sync_input",
]


class SynchronousInputMiddleware:
    """Read the request's body by operations before the application is called.

    A plain application can read ``wsgi.input`` on this server without it; with it, no greenlet is
    blocked while a slow client sends. The body is held in memory; the server limits its size.

    :param buffer_length: octets to read at a time.
    """

    def __init__(
        self, app: Application, global_conf: Any = None, buffer_length: int | str = 65536
    ) -> None:
        self.app = app
        self.buffer_length = int(buffer_length)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if not (environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING")):
            return self.app(environ, start_response)
        return self._read_and_call(environ, start_response)

    def _read_and_call(
        self, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterator[bytes]:
        gate = environ["cogen.wsgi"]
        body = io.BytesIO()
        while True:
            yield environ["cogen.input"].read(self.buffer_length)
            if gate.exception is not None:
                raise gate.result
            body.write(gate.result)
            if len(gate.result) < self.buffer_length:
                break
        # The body is here whole, however it came.
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["CONTENT_LENGTH"] = str(body.tell())
        body.seek(0)
        environ["wsgi.input"] = body
        gate.body = InputBody(body)
        result = self.app(environ, start_response)
        try:
            yield from iter(result)
        finally:
            close(result)


class LazyStartResponseMiddleware:
    """Delay start_response until the first data, for middleware that calls it too early.

    This server sends headers late anyway; what this adds is that everything outside it sees
    start_response late too, so that a session set after a wait can still set its cookie.
    """

    def __init__(self, app: Application, global_conf: Any = None) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterator[bytes]:
        late = _LateStart(start_response)
        result = self.app(environ, late)
        try:
            for chunk in result:
                if chunk or late.written:
                    late.start()
                yield chunk
            late.start()
        finally:
            close(result)


class _LateStart:
    """The start_response of one request, which is passed on when there is data.

    :ivar written: what ``write()`` was given before that.
    """

    def __init__(self, start_response: StartResponse) -> None:
        self.written: list[bytes] = []
        self._start_response = start_response
        self._head: tuple[str, list[tuple[str, str]]] | None = None
        self._started = False
        self._write: Any = None

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if self._started:
            return self._start_response(status, headers, exc_info)
        if self._head is not None and exc_info is None:
            raise RuntimeError("start_response was called twice without exc_info")
        self._head = status, headers
        return self.write

    def write(self, data: bytes) -> None:
        if self._started:
            self._write(data)
        else:
            self.written.append(data)

    def start(self) -> None:
        """Call the real start_response, unless that has been done or there is nothing to tell."""
        if self._head is None or self._started:
            return
        self._started = True
        self._write = self._start_response(*self._head)
        for data in self.written:
            self._write(data)
        self.written.clear()


sync_input = SynchronousInputMiddleware
lazy_sr = LazyStartResponseMiddleware

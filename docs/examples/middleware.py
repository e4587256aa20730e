"""Two middlewares: one that keeps PEP 3333's rule about block boundaries, one that does not."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any


class Upper:
    """Pass every chunk on, one to one, in upper case; an empty one stays empty."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return _Upper(self.app(environ, start_response))


class _Upper:
    """The response of one request: what belongs to it is kept here, not on the middleware."""

    def __init__(self, result: Iterable[bytes]) -> None:
        self.result = result
        self.chunks = iter(result)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self.chunks).upper()

    def close(self) -> None:
        if hasattr(self.result, "close"):
            self.result.close()


class Joined:
    """Break the rule: iterate over the whole response before any of it goes on."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return [b"".join(self.app(environ, start_response))]


def collected(chunks: Iterable[bytes], change: Callable[[bytes], bytes]) -> Iterator[bytes]:
    """Yield `change` of the whole body at its end, and an empty chunk for each before it."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        yield b""
    yield change(bytes(body))

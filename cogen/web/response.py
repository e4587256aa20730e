"""The response side of HTTP as values: status, headers and chunks in, bytes out. It does no I/O.

It refuses what the application must not send (PEP 3333): control characters in a header, which
would let a value inject another header, fields that describe the connection, a body where there
is none. It chooses the framing (RFC 9112, section 6) so that the client always knows where the
response ends. :mod:`cogen.web.exchange` drives it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Final, NamedTuple

__all__ = ["PIECE", "Pieces", "Response", "ResponseError", "simple_response"]

ExcInfo = tuple[type[BaseException], BaseException, Any]

#: Octets of a chunk that are handed out at a time, and all that a client which does not read costs:
#: of a larger chunk, which others may be reading too, a connection would need a copy of its own.
PIECE: Final = 262144

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_STATUS = re.compile(r"[2-5][0-9][0-9] [\t\x20-\x7e\x80-\xff]*")
_NOT_IN_VALUES = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_SERVER: Final = "Server: cogen\r\n"

#: Fields that say something about the connection, which is the server's (RFC 9110, 7.6.1).
_HOP_BY_HOP: Final = frozenset(
    "keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer "
    "transfer-encoding upgrade".split()
)
_INTERESTING: Final = frozenset(("content-length", "date", "server", "connection"))

#: What is known of a field name that an application used: its lower-case form if the server acts
#: on it, else "". Bounded; a look-up takes 30 ns, checking a name 400 ns.
_names: dict[str, str] = {}
_statuses: set[str] = set()
_MOST_KNOWN: Final = 1000


class ResponseError(Exception):
    """Refuse what the application answered: the application is at fault."""


def _known_name(name: object) -> str:
    if not isinstance(name, str) or _TOKEN.fullmatch(name) is None:
        raise ResponseError(f"{name!r} is not the name of a header field")
    lower = name.lower()
    if lower in _HOP_BY_HOP:
        raise ResponseError(f"the header {name} is the server's, not the application's")
    kind = lower if lower in _INTERESTING else ""
    if len(_names) < _MOST_KNOWN:
        _names[name] = kind
    return kind


def _check_status(status: object) -> None:
    if not isinstance(status, str) or _STATUS.fullmatch(status) is None:
        raise ResponseError(f"{status!r} is not a status such as '200 OK'")
    if len(_statuses) < _MOST_KNOWN:
        _statuses.add(status)


class _Rendered(NamedTuple):
    """A head as it is sent, and what it settles about the body."""

    octets: bytes
    left: int | None
    chunked: bool
    bodiless: bool
    keep_alive: bool


class _ThisSecond:
    """The Date field of this second, and the heads that have it by what they were made of.

    Formatting a date takes 2 µs, rendering a head 1.7; looking both up takes 0.5, and most
    responses of a second have the same few heads. What is kept is gone with the next second.
    """

    def __init__(self) -> None:
        self.date = ""
        self._second = 0
        self._heads: dict[Any, _Rendered] = {}

    def heads(self) -> dict[Any, _Rendered]:
        """Return the heads of this second, with `date` being up to date."""
        now = int(time.time())
        if now != self._second:
            self._second = now
            self.date = f"Date: {formatdate(now, usegmt=True)}\r\n"
            self._heads = {}
        return self._heads


_this_second = _ThisSecond()
_MOST_HEADS: Final = 256
_LONGEST_KEPT: Final = 1024


class Response:
    """One response: its status and headers, and how its body is framed.

    :ivar status: the status line's code and phrase, None before start_response.
    :ivar head_sent: whether the head has been handed out, so that nothing in it can change.
    :ivar keep_alive: whether the connection can go on after this response.
    :ivar body_size: octets of the body that have been handed out.
    :ivar overrun: octets that the application yielded beyond its Content-Length.
    """

    __slots__ = (
        "status",
        "headers",
        "head_sent",
        "keep_alive",
        "body_size",
        "overrun",
        "_version",
        "_is_head",
        "_left",
        "_chunked",
        "_bodiless",
    )

    def __init__(self, method: str, version: str, keep_alive: bool) -> None:
        self.status: str | None = None
        self.headers: list[tuple[str, str]] = []
        self.head_sent = False
        self.keep_alive = keep_alive
        self.body_size = 0
        self.overrun = 0
        self._version = version
        self._is_head = method == "HEAD"
        self._left: int | None = None
        self._chunked = False
        self._bodiless = self._is_head

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> None:
        """Take status and headers (PEP 3333, "The start_response() Callable").

        :raises ResponseError: if called again without `exc_info`, or for an impossible status.
        """
        if exc_info is not None:
            try:
                if self.head_sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # PEP 3333: a traceback's frames would make a reference cycle
        elif self.status is not None:
            raise ResponseError("start_response was called twice without exc_info")
        if status not in _statuses:
            _check_status(status)
        self.status = status
        self.headers = headers

    def data(self, chunk: bytes, is_all: bool = False) -> bytes:
        """Return what to send for a non-empty chunk, the head before it if it is the first.

        :param is_all: the chunk is the whole body, so its length can be told.
        :raises ResponseError: if start_response has not been called, or `chunk` is not bytes.
        """
        if type(chunk) is not bytes:
            chunk = _as_bytes(chunk)
        head = b"" if self.head_sent else self.head(len(chunk) if is_all else None)
        if self._bodiless:
            return head
        self.body_size += len(chunk)
        if self._chunked:
            return b"%s%x\r\n%s\r\n" % (head, len(chunk), chunk)
        left = self._left
        if left is not None:
            if len(chunk) > left:
                self.overrun += len(chunk) - left
                self.body_size -= len(chunk) - left
                chunk = chunk[:left]
            self._left = left = left - len(chunk)
            if is_all and left:
                self.keep_alive = False
        return head + chunk

    def end(self) -> bytes:
        """Return what to send after the last chunk; afterwards `keep_alive` is final."""
        rest = b"" if self.head_sent else self.head(0)
        if self._bodiless:
            return rest
        if self._chunked:
            return b"0\r\n\r\n"
        if self._left:
            self.keep_alive = False
        return rest

    @property
    def missing(self) -> int:
        """The octets of the announced Content-Length that have not come."""
        return 0 if self._bodiless else self._left or 0

    @property
    def sends_file_as_is(self) -> bool:
        """Whether a body may bypass :meth:`data`: it is neither chunked nor left out."""
        return not self._chunked and not self._bodiless

    def file_part(self, size: int) -> int:
        """Return how many of `size` octets the announced length has room for, and count them."""
        if self._left is not None:
            size = min(size, self._left)
            self._left -= size
        self.body_size += size
        return size

    def head(self, body_length: int | None) -> bytes:
        """Return status line and header fields, and settle how the body is framed.

        :raises ResponseError: for a header that must not be sent.
        """
        status = self.status
        if status is None:
            raise ResponseError("the application gave data before it called start_response")
        headers = tuple(self.headers)
        key = status, headers, self._version, self._is_head, self.keep_alive, body_length
        heads = _this_second.heads()
        room = _MOST_HEADS
        try:
            rendered = heads.get(key)
        except TypeError:  # a header is no tuple of two strings
            rendered, room = None, 0
        if rendered is None:
            rendered = _render(*key)
            if len(heads) < room and _may_come_again(rendered.octets):
                heads[key] = rendered
        octets, self._left, self._chunked, self._bodiless, self.keep_alive = rendered
        self.head_sent = True
        return octets


def _may_come_again(head: bytes) -> bool:
    """Tell whether a head is short, and not one client's own."""
    return len(head) <= _LONGEST_KEPT and b"\r\nSet-Cookie: " not in head


def _render(
    status: str,
    headers: Iterable[tuple[str, str]],
    version: str,
    is_head: bool,
    keep_alive: bool,
    body_length: int | None,
) -> _Rendered:
    """Return a response's head.

    1. 204 and 304 have no body, nor has the answer to HEAD.
    2. A Content-Length that the application gave stands; 204 has none (RFC 9110, 8.6).
    3. A body whose length is known now gets one.
    4. HTTP/1.1 without a length is chunked.
    5. HTTP/1.0 without a length ends with the connection.

    :param body_length: octets of the body, None if that can't be known yet.
    :raises ResponseError: for a header that must not be sent.
    """
    lines = [f"HTTP/1.1 {status}\r\n"]
    special = _add_fields(lines, headers)
    has_content = not status.startswith(("204", "304"))
    bodiless = is_head or not has_content
    left: int | None = None
    chunked = False
    if "content-length" in special:
        left = _content_length(special["content-length"])
    elif has_content and (body_length or not is_head):
        left = body_length
    if left is not None:
        if not status.startswith("204"):
            lines.append(f"Content-Length: {left}\r\n")
    elif bodiless:
        pass
    elif version == "1.1":
        chunked = True
        lines.append("Transfer-Encoding: chunked\r\n")
    else:
        keep_alive = False
    if "date" not in special:
        lines.append(_this_second.date)
    if "server" not in special:
        lines.append(_SERVER)
    if not keep_alive or special.get("connection", "").lower() == "close":
        keep_alive = False
        lines.append("Connection: close\r\n")
    elif version == "1.0":
        lines.append("Connection: keep-alive\r\n")
    lines.append("\r\n")
    return _Rendered("".join(lines).encode("latin-1"), left, chunked, bodiless, keep_alive)


def _add_fields(lines: list[str], headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Add the application's fields to `lines`; return those that the server acts on."""
    special: dict[str, str] = {}
    for name, value in headers:
        kind = _names.get(name) if isinstance(name, str) else None
        if kind is None:
            kind = _known_name(name)
        if not isinstance(value, str) or _NOT_IN_VALUES.search(value) is not None:
            raise ResponseError(f"the value of the header {name} can't be sent: {value!r}")
        if kind:
            if kind in special:
                raise ResponseError(f"the header {name} was given twice")
            special[kind] = value
            if kind in ("connection", "content-length"):
                continue
        lines.append(f"{name}: {value}\r\n")
    return special


class Pieces(Iterator[bytes]):
    """Iterate over an application's chunks, of which the large ones come in pieces.

    :param chunk: the chunk that is first.
    """

    def __init__(self, chunk: bytes, rest: Iterator[bytes]) -> None:
        self._chunk = memoryview(_as_bytes(chunk))
        self._rest = rest

    def __next__(self) -> bytes:
        if not self._chunk:
            chunk = next(self._rest)
            if len(chunk) <= PIECE:
                return chunk
            self._chunk = memoryview(_as_bytes(chunk))
        piece, self._chunk = self._chunk[:PIECE], self._chunk[PIECE:]
        return bytes(piece)


def _as_bytes(chunk: object) -> bytes:
    if isinstance(chunk, (bytes, bytearray, memoryview)):
        return bytes(chunk)
    raise ResponseError(f"an application yields bytes, not {type(chunk).__name__}")


def _content_length(value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise ResponseError(f"Content-Length: {value!r} is not a number")
    return int(value)


def simple_response(
    status: str, text: str, keep_alive: bool = False, method: str = "GET", version: str = "1.1"
) -> bytes:
    """Return a whole response of the server's own, in plain text."""
    body = f"{status}\n\n{text}\n".encode()
    response = Response(method, version, keep_alive)
    response.start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return response.data(body, is_all=True) + response.end()


INTERNAL_ERROR: Final = f"500 {HTTPStatus.INTERNAL_SERVER_ERROR.phrase}"

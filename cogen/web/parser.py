"""The HTTP parser's seam: bytes in, request heads and bodies out. It does no I/O.

llhttp (through httptools) knows the grammar; this module adds what it leaves to its user: limits,
versions and methods, and the CGI names that WSGI wants. What targets, hosts and framings may be is
in :mod:`cogen.web.head`.

A :class:`RequestParser` is fed and answers with a list of events, in the order of the wire:

* a :class:`RequestHead`,
* ``bytes``, a piece of the body that belongs to the last head,
* :data:`END`, the end of that body; a head that announces none is not followed by it,
* an :class:`HTTPError`, which is always the last event there will ever be.

What a connection does with them is in :mod:`cogen.web.connection`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from time import monotonic
from types import MappingProxyType
from typing import Any, Final

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from .head import (
    METHODS,
    HTTPError,
    RequestHead,
    bad_request,
    body_length,
    check_host,
    expectation,
    split_target,
    too_large_body,
    too_large_head,
)
from .settings import Settings

__all__ = ["END", "Event", "Parsers", "RequestParser"]


class _End:
    def __repr__(self) -> str:
        return "END"


END: Final = _End()

# The room that the framing of one chunk may take: 16 digits of size and two line ends.
_CHUNK_FRAME: Final = 20


_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})

Event = RequestHead | bytes | _End | HTTPError

#: CGI names by field name as sent; a field whose name holds an underscore has None, it is dropped
#: as nginx and waitress do, since ``Content_Length`` would stand in for ``Content-Length``.
#: Looking a name up takes 30 ns, making its CGI name 350 ns; a client can make it hold no more
#: than `_MOST_NAMES` entries.
_cgi_names: dict[bytes, str | None] = {}
_MOST_NAMES: Final = 1000

#: Requests to remember, and the octets of the longest: a client that polls sends the same octets
#: each time. Looking them up takes 0.2 µs, parsing them 3. They take 1 to 3 MB, at worst 10.
_MOST_REMEMBERED: Final = 1024
_LONGEST_REMEMBERED: Final = 1024
_REMEMBERED_SECONDS: Final = 60.0


def _text(value: bytes) -> str:
    return value.decode("latin-1").rstrip(" \t")


#: Browsers send much the same: looking a value up takes less time than decoding it, and one string
#: of each saves 700 bytes of the 1,800 that a browser's fields take in each request that waits.
#: (Not by ``sys.intern``: up to Python 3.12.4 what it is given stays for ever.)
_known_text = lru_cache(maxsize=1024)(_text)
_LONGEST_VALUE: Final = 256


def cgi_name(name: bytes) -> str | None:
    """Return the environ key of a header field, or None if it must not get into environ."""
    if b"_" in name:
        key = None
    else:
        key = name.decode("latin-1").upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
    if len(_cgi_names) < _MOST_NAMES:
        _cgi_names[name] = key
    return key


class RequestParser:
    """Turn the bytes of one connection into requests, refusing what is ambiguous or too large.

    At the end of a message it is as good as new (:attr:`between_messages`), so that connections
    can share a few of them: :class:`Parsers`.

    :param environ: what the environ of every request begins with.
    :ivar in_message: whether a request has begun, and not ended.
    """

    __slots__ = (
        "_settings",
        "_llhttp",
        "_events",
        "_target",
        "_base",
        "_most_keys",
        "_environ",
        "_head_size",
        "_fed",
        "_body_size",
        "_chunks",
        "_head",
        "_silent_head",
        "in_message",
        "_ended",
    )

    def __init__(self, settings: Settings, environ: Mapping[str, Any] = _NOTHING) -> None:
        self._settings = settings
        self._base = environ
        self._most_keys = settings.max_headers + len(environ)
        self._llhttp: Any = HttpRequestParser(self)
        self._events: list[Event] = []
        self._silent_head = False
        self._ended = False
        self._expect_head()

    def _expect_head(self) -> None:
        self._head: RequestHead | None = None
        self._target = b""
        self._environ: dict[str, Any] = {}
        self._head_size = self._fed = self._body_size = self._chunks = 0
        self.in_message = False

    @property
    def between_messages(self) -> bool:
        """Whether nothing is unfinished, so that another connection may use this parser."""
        return not (self.in_message or self._fed or self._ended)

    def feed(self, data: bytes) -> list[Event]:
        """Parse `data` and return the events that it completes.

        After an error, or a request after which the connection ends, there are none.
        """
        events: list[Event] = []
        if self._llhttp is None:
            return events
        self._events = events
        self._fed += len(data)
        try:
            self._feed_llhttp(data)
            if self._fed:
                self._check_what_is_unfinished()
        except HttpParserCallbackError as error:
            self._fail(error.__context__, error)
        except HTTPError as error:
            self._fail(error, error)
        except HttpParserError as error:
            self._fail(bad_request(f"This is not HTTP/1.1: {error}."), error)
        if self._ended:
            self._llhttp = None  # it refers to this parser's callbacks, which would be a cycle
        return events

    def _feed_llhttp(self, data: bytes) -> None:
        rest: bytes | memoryview = data
        while not self._ended:
            try:
                self._llhttp.feed_data(rest)
            except HttpParserUpgrade as upgrade:
                rest = memoryview(rest)[upgrade.args[0] :]
                self._go_on_without_upgrade()
            else:
                break

    def _fail(self, error: BaseException | None, cause: BaseException) -> None:
        if not isinstance(error, HTTPError):
            raise cause
        if not self._ended:  # llhttp objects to what follows a "Connection: close"; we ignore it
            self._ended = True
            # Without its frames, which refer to this parser: they would be a reference cycle.
            error.__context__ = None
            self._events.append(error.with_traceback(None))

    def _check_what_is_unfinished(self) -> None:
        """Refuse what grows without a callback: an endless field, chunk extension or trailer.

        Octets are counted per piece that was fed, so it may come a piece late.
        """
        limit = self._settings.max_header_bytes + self._settings.max_target_bytes
        head = self._head
        if head is None:
            if self._fed > limit:
                raise too_large_head()
        elif head.length < 0:
            framing = self._fed - self._body_size - self._chunks * _CHUNK_FRAME
            if framing > 2 * limit:
                raise bad_request("The framing of the chunked body is too large.")

    def _go_on_without_upgrade(self) -> None:
        """Ignore an Upgrade, as RFC 9110, section 7.8, allows, and read the body all the same.

        llhttp ends the message at its head. A new parser is put into the body's state by a head of
        our own making, whose events are not told.
        """
        head = self._head
        self._llhttp = HttpRequestParser(self)
        if head is not None:
            self._silent_head = True
            framing = b"Transfer-Encoding: chunked"
            if head.length > 0:
                framing = b"Content-Length: %d" % head.length
            if not head.keep_alive:
                framing += b"\r\nConnection: close"
            self._llhttp.feed_data(b"POST / HTTP/1.1\r\nHost: h\r\n%s\r\n\r\n" % framing)

    # The callbacks of httptools, in the order in which they come.

    def on_message_begin(self) -> None:
        self.in_message = True
        self._environ = dict(self._base)

    def on_url(self, piece: bytes) -> None:
        if self._silent_head:
            return
        self._target += piece
        if len(self._target) > self._settings.max_target_bytes:
            raise HTTPError("414 URI Too Long", "The request target is too long.")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head is not None:
            return  # a trailer field, or our own head after an Upgrade: neither is for environ
        environ = self._environ
        self._head_size = size = self._head_size + len(name) + len(value) + 4
        if size > self._settings.max_header_bytes or len(environ) >= self._most_keys:
            raise too_large_head()
        try:
            key = _cgi_names[name]
        except KeyError:
            key = cgi_name(name)
        if key is None:
            return
        if len(value) <= _LONGEST_VALUE and key != "HTTP_COOKIE":
            text = _known_text(value)
        else:
            text = _text(value)
        if key not in environ:
            environ[key] = text
        elif key in ("HTTP_HOST", "CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"):
            raise bad_request(f"The field {name.decode('latin-1')} came twice.")
        else:
            # RFC 9110, section 5.3; Cookie has its own separator (RFC 6265, section 5.4).
            environ[key] += ("; " if key == "HTTP_COOKIE" else ", ") + text

    def on_headers_complete(self) -> None:
        if self._silent_head:
            self._silent_head = False
            return
        head = RequestHead()
        llhttp = self._llhttp
        head.method = _known_text(llhttp.get_method())
        head.version = version = llhttp.get_http_version()
        head.keep_alive = llhttp.should_keep_alive()
        head.environ = environ = self._environ
        if version not in ("1.1", "1.0"):
            raise HTTPError("505 HTTP Version Not Supported", "This server speaks HTTP/1.1.")
        if head.method not in METHODS:
            raise HTTPError("501 Not Implemented", f"The method {head.method} is not served.")
        check_host(head)
        split_target(head, self._target)
        head.length = body_length(environ, version)
        limit = self._settings.max_body_bytes
        if limit and head.length > limit:
            raise too_large_body(limit)
        head.expects_continue = "HTTP_EXPECT" in environ and expectation(environ, version)
        self._head = head
        self._events.append(head)

    def on_chunk_header(self) -> None:
        self._chunks += 1

    def on_body(self, piece: bytes) -> None:
        self._body_size += len(piece)
        limit = self._settings.max_body_bytes
        if limit and self._body_size > limit:
            raise too_large_body(limit)
        self._events.append(piece)

    def on_message_complete(self) -> None:
        head = self._head
        if head is not None and head.length and self._llhttp.should_upgrade():
            return  # llhttp ends an upgrade at its head, though its body is still to come
        if head is not None:
            if head.length:
                self._events.append(END)
            if not head.keep_alive:
                self._ended = True
        self._expect_head()


class Parsers:
    """The parsers of a server, and the requests that it remembers.

    A connection holds a parser only while a message is unfinished. What comes whole, alone and
    without a body, and came before, needs none: the same octets mean the same again. Once the
    memory is full it stays as it is for a while: with more clients than it holds, always replacing
    the oldest would help none of them and cost each.

    :param environ: what the environ of every request begins with.
    :ivar remembered: the heads, by the octets of their requests.
    """

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, Any] = _NOTHING,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.remembered: dict[bytes, RequestHead] = {}
        self._settings = settings
        self._environ = environ
        self._idle: list[RequestParser] = []
        self._clock = clock
        self._since = clock()

    def __len__(self) -> int:
        """Return the number of parsers that no connection holds."""
        return len(self._idle)

    def feed(
        self, parser: RequestParser | None, data: bytes
    ) -> tuple[Sequence[Event], RequestParser | None]:
        """Return the events that `data` completes, and the parser that wants what comes next.

        :param parser: the one that this returned for what came before, None at the beginning.
        """
        if parser is not None:
            events: Sequence[Event] = parser.feed(data)
        else:
            short = len(data) <= _LONGEST_REMEMBERED
            if short and data in self.remembered:
                return (self.remembered[data],), None
            parser = self._borrow()
            events = parser.feed(data)
            if short and len(events) == 1 and parser.between_messages:
                self._remember(data, events[0])
        if not parser.between_messages:
            return events, parser
        self._idle.append(parser)
        return events, None

    def _borrow(self) -> RequestParser:
        return self._idle.pop() if self._idle else RequestParser(self._settings, self._environ)

    def _remember(self, data: bytes, event: Event) -> None:
        """Remember a request if there is room."""
        if not isinstance(event, RequestHead):
            return
        if len(self.remembered) >= _MOST_REMEMBERED:
            now = self._clock()
            if now - self._since < _REMEMBERED_SECONDS:
                return
            self.remembered.clear()
            self._since = now
        self.remembered[data] = event

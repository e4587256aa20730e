"""A request's head, and what RFC 9112 demands of it beyond its grammar.

llhttp knows which octets may stand where; here is what they may mean: the forms of a request
target, the Host field, the one framing that a body can have. Whatever could be read in two ways is
refused with an :class:`HTTPError`, because a proxy in front may read it the other way (RFC 9112,
section 11.2, "Request Smuggling"). :mod:`cogen.web.parser` calls these for each head.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote_to_bytes

__all__ = ["HTTPError", "RequestHead"]


class HTTPError(Exception):
    """Refuse a request: the client is at fault and is told so with `status`.

    :param status: the status line's code and phrase, such as ``"400 Bad Request"``.
    :param reason: one sentence for the client, plain text.
    """

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


def bad_request(reason: str) -> HTTPError:
    return HTTPError("400 Bad Request", reason)


#: The methods of RFC 9110, RFC 5789 and of WebDAV's family that llhttp knows. Its RTSP and ICE
#: methods are left out, and CONNECT, which asks for a tunnel.
METHODS: Final = frozenset(
    "GET HEAD POST PUT DELETE OPTIONS TRACE PATCH COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH "
    "UNLOCK BIND REBIND UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE "
    "UNSUBSCRIBE PURGE MKCALENDAR LINK UNLINK QUERY".split()
)

# RFC 3986, section 3.2, as far as a server must care: a bracketed IP literal or a reg-name, a port.
_AUTHORITY = re.compile(r"(?:\[[0-9A-Fa-f:.vV]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::([0-9]{0,5}))?")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})|%00")
_NUMBER_SIGN: Final = ord("#")  # to look for a number in bytes takes 0.02 µs, for bytes 0.14
_ABSOLUTE = re.compile(rb"(https?)://([^/?#]*)([^#]*)", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{1,18}")


class RequestHead:
    """What stands before a request's body.

    :ivar method: such as ``"GET"``.
    :ivar target: the request target as it was sent, each byte a latin-1 character.
    :ivar path: the path, percent-decoded, each byte a latin-1 character (PEP 3333).
    :ivar query: the query as it was sent, without the question mark.
    :ivar version: ``"1.0"`` or ``"1.1"``.
    :ivar environ: the header fields under their CGI names (``HTTP_HOST``, ``CONTENT_TYPE``), added
        to what all requests of the server have.
    :ivar length: octets of the body, 0 if there is none, -1 if it is chunked.
    :ivar keep_alive: whether the client can send another request afterwards.
    :ivar expects_continue: whether the client waits for ``100 Continue``.
    """

    __slots__ = (
        "method",
        "target",
        "path",
        "query",
        "version",
        "environ",
        "length",
        "keep_alive",
        "expects_continue",
    )

    method: str
    target: str
    path: str
    query: str
    version: str
    environ: dict[str, Any]
    length: int
    keep_alive: bool
    expects_continue: bool

    def __repr__(self) -> str:
        return f"<RequestHead {self.method} {self.target} HTTP/{self.version}>"


def too_large_head() -> HTTPError:
    return HTTPError("431 Request Header Fields Too Large", "The request's head is too large.")


def too_large_body(limit: int) -> HTTPError:
    return HTTPError("413 Content Too Large", f"A request's body may have {limit} bytes.")


def split_target(head: RequestHead, target: bytes) -> None:
    """Set target, path and query of `head` (RFC 9112, section 3.2).

    :raises HTTPError: 400 for a form that this method or any server must not accept.
    """
    origin = target if target[:1] == b"/" else _path_of_other_forms(head, target)
    if _NUMBER_SIGN in origin:
        raise bad_request("A request target has no fragment.")
    path, _, query = origin.partition(b"?")
    head.target, head.path = _known_path(path) if len(path) <= _LONGEST_KNOWN else _path(path)
    head.query = query.decode("latin-1") if query else ""
    if len(path) < len(target):
        head.target = target.decode("latin-1")


def _path(path: bytes) -> tuple[str, str]:
    """Return a path as it was sent, and decoded."""
    sent = path.decode("latin-1")
    if b"%" not in path:
        return sent, sent
    if _BAD_ESCAPE.search(path) is not None:
        raise bad_request("The path has a percent sign without a code, or the code of NUL.")
    return sent, unquote_to_bytes(path).decode("latin-1")


#: Requests have few different hosts and not many paths: a look-up takes 0.1 µs, matching a host
#: 0.5, and thousands of polls that wait share one string.
_known_path = lru_cache(maxsize=512)(_path)
_LONGEST_KNOWN: Final = 256


def _path_of_other_forms(head: RequestHead, target: bytes) -> bytes:
    if target == b"*" and head.method == "OPTIONS":
        return b"*"
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise bad_request("The request target is neither a path nor an http URL.")
    authority = absolute[2].decode("latin-1")
    if not is_authority(authority):
        raise bad_request("The request target's authority is not a host.")
    # RFC 9112, section 3.2.2: the target's host stands, whatever the Host field said.
    head.environ["HTTP_HOST"] = authority
    rest = absolute[3]
    return rest if rest[:1] == b"/" else b"/" + rest


def is_authority(text: str) -> bool:
    """Return whether `text` is a host, with a port or without, and has no user information."""
    return _is_known_authority(text) if len(text) <= _LONGEST_KNOWN else _is_authority(text)


def _is_authority(text: str) -> bool:
    authority = _AUTHORITY.fullmatch(text)
    return authority is not None and int(authority[1] or 0) < 65536


_is_known_authority = lru_cache(maxsize=512)(_is_authority)


def check_host(head: RequestHead) -> None:
    """Refuse a missing or impossible Host field (RFC 9112, section 3.2); it may be empty."""
    host = head.environ.get("HTTP_HOST")
    if host is None:
        if head.version == "1.1":
            raise bad_request("An HTTP/1.1 request needs a Host field.")
    elif host and not is_authority(host):
        raise bad_request("The Host field is not a host.")


def body_length(environ: dict[str, Any], version: str) -> int:
    """Return the body's octets, -1 if chunked (RFC 9112, section 6.3, for requests).

    1. Transfer-Encoding and Content-Length together may be an attempt at smuggling: refused.
    2. A coding other than one "chunked" leaves the end of the body unknown: refused.
    3. Transfer-Encoding does not exist in HTTP/1.0: refused.
    4. Content-Length is a plain number: anything else is refused.
    """
    coding: str | None = environ.get("HTTP_TRANSFER_ENCODING")
    length: str | None = environ.get("CONTENT_LENGTH")
    if coding is None:
        if length is None:
            return 0
        if _DIGITS.fullmatch(length) is None:
            raise bad_request("Content-Length is not a number.")
        return int(length)
    if length is not None:
        raise bad_request("Content-Length and Transfer-Encoding exclude each other.")
    if version == "1.0":
        raise bad_request("HTTP/1.0 has no Transfer-Encoding.")
    if coding.lower() != "chunked":
        raise bad_request("The only transfer coding that is understood is a single chunked.")
    return -1


def expectation(environ: dict[str, Any], version: str) -> bool:
    """Return whether the client waits for 100 Continue (RFC 9110, section 10.1.1)."""
    if environ["HTTP_EXPECT"].lower() != "100-continue":
        raise HTTPError("417 Expectation Failed", "Only 100-continue can be expected.")
    return version == "1.1"

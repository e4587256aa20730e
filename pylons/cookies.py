"""Cookie values that a client can read but not make: signed data, and the session's id.

Pylons pickled the data of a signed cookie and signed it with HMAC-SHA1. Unpickling what a client
sends makes the secret a key to run code, so here it is JSON under HMAC-SHA512 (WebOb's
``SignedSerializer``); cookies of 2008 are not accepted. The cookie's name is part of the signature:
a value can't be moved to another cookie. The session's cookie is Beaker's to the letter.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from http.cookies import SimpleCookie
from typing import Any

from webob.cookies import SignedSerializer

#: Longer Cookie headers are read each time, so that what is remembered stays below 15 MB.
_LONGEST_REMEMBERED = 512


def dumps(data: Any, name: str, secret: str) -> str:
    """Return `data` as the value of the cookie `name`, signed with `secret`.

    :raises TypeError: if JSON can't carry `data`.
    """
    return _serializer(name, secret).dumps(data).decode("ascii")


def loads(value: str | None, name: str, secret: str) -> Any:
    """Return the data in the cookie's `value`, or None if it is absent or not genuine."""
    if not value:
        return None
    try:
        return _serializer(name, secret).loads(value.encode("utf-8"))
    except ValueError:
        return None


def _serializer(name: str, secret: str) -> SignedSerializer:
    if not secret:
        raise ValueError("A signed cookie needs a secret: pass one that only the server knows")
    return SignedSerializer(secret, salt=f"pylons.signed_cookie.{name}")


class SessionCookie:
    """Beaker's session cookie: 40 hex digits of HMAC-SHA1, and the 32 of the id.

    :param options: Beaker's ``key``, ``secret`` and those of the cookie's attributes.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.key: str = options["key"]
        self._secret = options["secret"].encode("utf-8") if options["secret"] else None
        self._options = options
        self._remembered = lru_cache(maxsize=16384)(self._read)

    def find(self, header: str | None) -> str | None:
        """Return the id in a Cookie header, or None if there is none that we signed.

        Of several cookies of our name (another path or domain may have set one) the first that
        is genuine counts.
        """
        if header is None:
            return None
        # A client sends the same header each time. Remembered it takes 0.2 µs, read 3 µs (two
        # thirds of it the signature), read by http.cookies as in Beaker 15 µs.
        if len(header) <= _LONGEST_REMEMBERED:
            return self._remembered(header)
        return self._read(header)

    def _read(self, header: str) -> str | None:
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            if name == self.key:
                id = self._verified(value.strip('"'))
                if id is not None:
                    return id
        return None

    def value(self, id: str) -> str:
        """Return the Set-Cookie value that gives the client this session."""
        expires = self._options["cookie_expires"]
        if expires is True:
            return self._set_cookie(id, None)
        if expires is False:
            return self._set_cookie(id, datetime.fromtimestamp(0x7FFFFFFF, UTC))
        if isinstance(expires, timedelta):
            return self._set_cookie(id, datetime.now(UTC) + expires)
        return self._set_cookie(id, expires)

    def expired(self) -> str:
        """Return the Set-Cookie value that makes the client forget its session."""
        return self._set_cookie("", datetime.fromtimestamp(0, UTC))

    def _verified(self, value: str) -> str | None:
        id = value[-32:]
        # A storage may make a file name of it, so nothing but what we make is an id.
        if not (len(id) == 32 and id.isascii() and id.isalnum()):
            return None
        given = value[:-32].encode("ascii", "replace")
        return id if hmac.compare_digest(given, self._signature(id)) else None

    def _signature(self, id: str) -> bytes:
        if self._secret is None:
            return b""
        return hmac.digest(self._secret, id.encode("ascii"), "sha1").hex().encode("ascii")

    def _set_cookie(self, id: str, expires: datetime | None) -> str:
        cookie: SimpleCookie = SimpleCookie()
        cookie[self.key] = self._signature(id).decode("ascii") + id
        morsel = cookie[self.key]
        morsel["path"] = self._options["cookie_path"]
        if self._options["cookie_domain"]:
            morsel["domain"] = self._options["cookie_domain"]
        if self._options["samesite"]:
            morsel["samesite"] = self._options["samesite"]
        morsel["httponly"] = self._options["httponly"]
        morsel["secure"] = self._options["secure"]
        if expires is not None:
            morsel["expires"] = format_datetime(expires.astimezone(UTC), usegmt=True)
        return morsel.OutputString()

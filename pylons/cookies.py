"""Signed cookie values: JSON under an HMAC, so that a client can read them but not make them.

Pylons pickled the data and signed it with HMAC-SHA1. Unpickling what a client sends makes the
secret a remote-execution key, so these are JSON with HMAC-SHA512 (WebOb's ``SignedSerializer``);
cookies of 2008 are not accepted. The cookie's name is part of the signature: a value can't be
moved to another cookie.
"""

from __future__ import annotations

from typing import Any

from webob.cookies import SignedSerializer


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

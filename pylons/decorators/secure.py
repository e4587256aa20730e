"""Decorators for security: forms that only this site's pages can send, and https.

A form carries the session's token in a hidden field::

    <input type="hidden" name="${token_key}" value="${authentication_token()}">

WebHelpers, whose ``secure_form`` made that field, is gone; these two names are here instead.
"""

from __future__ import annotations

import functools
import hmac
import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any, cast

from pylons import request, session, url
from pylons.controllers.util import abort, redirect
from pylons.decorators.base import Action

log = logging.getLogger(__name__)

#: The name of the form's field, and of the session's entry.
token_key = "_authentication_token"


def authentication_token() -> str:
    """Return this session's token, making one (and saving the session) if it has none."""
    if token_key not in session:
        session[token_key] = secrets.token_hex(20)
        session.save()
    return str(session[token_key])


def authenticated_form(params: Mapping[str, Any]) -> bool:
    """Tell whether a form's `params` carry this session's token."""
    expected, given = session.get(token_key), params.get(token_key)
    if not expected or not isinstance(given, str):
        return False
    return hmac.compare_digest(expected.encode(), given.encode())


def authenticate_form(func: Action) -> Action:
    """Answer 403 unless the posted form carries the session's token.

    The token is taken out of ``request.POST``, so that the action sees its own fields only.
    """

    @functools.wraps(func)
    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not authenticated_form(request.POST):
            log.warning("Form without the session's token refused: %s", request.path)
            abort(403, detail="This form has expired or was sent by another site: load it again")
        del request.POST[token_key]
        return func(self, *args, **kwargs)

    return cast(Action, checked)


def https(url_or_callable: str | Callable[[], str] | None = None) -> Callable[[Action], Action]:
    """Send a GET or HEAD over plain http to https, and answer 405 to other methods.

    :param url_or_callable: where to; a callable is asked at each request, None means the same
        URL. It may be a path, which is made absolute.
    """

    def decorator(func: Action) -> Action:
        @functools.wraps(func)
        def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
            if request.scheme == "https":
                return func(self, *args, **kwargs)
            if request.method not in ("GET", "HEAD"):
                abort(405, headers=[("Allow", "GET, HEAD")])
            target = url_or_callable() if callable(url_or_callable) else url_or_callable
            if target is None:
                redirect(f"https{request.url.removeprefix('http')}")
            redirect(target if "://" in target else url(target, protocol="https", qualified=True))

        return cast(Action, checked)

    return decorator

"""What actions call: ways to end with another response, URLs, and other applications.

``abort``, ``redirect`` and ``redirect_to`` raise WebOb's HTTP exceptions; raised anywhere in an
action, in a generator before its first data too, they become the response. URLs are made by
``environ['routes.url']``: Routes' thread-local configuration is never used.
"""

from __future__ import annotations

from typing import Any, NoReturn
from urllib.parse import quote

from webob.exc import WSGIHTTPException, status_map
from webob.util import status_generic_reasons, status_reasons

from pylons import request, response, url
from pylons.controllers.results import Forwarded
from pylons.http import Request, Response, WSGIApp

__all__ = [
    "Request",
    "Response",
    "abort",
    "etag_cache",
    "forward",
    "redirect",
    "redirect_to",
    "url_for",
]


def abort(
    status_code: int,
    detail: str = "",
    headers: Any = None,
    comment: str | None = None,
) -> NoReturn:
    """End the action with an error status, by raising its HTTP exception.

    :param detail: a text for the client, put in the error page.
    :param headers: more headers, a mapping or a list of pairs.
    :param comment: a text for the page's source, as an HTML comment.
    :raises ValueError: if `status_code` is no HTTP status.
    """
    if not isinstance(status_code, int) or not 300 <= status_code <= 599:
        raise ValueError(f"abort({status_code!r}): a status from 300 to 599 is needed")
    exception = status_map.get(status_code) or _exception_for(status_code)
    if isinstance(headers, dict):
        headers = list(headers.items())
    raise exception(detail=detail or None, headers=headers, comment=comment)


def _exception_for(status_code: int) -> type[WSGIHTTPException]:
    """Return an exception class for a status that WebOb has none for, such as 418."""
    title = status_reasons.get(status_code) or status_generic_reasons[status_code // 100]
    return type(f"HTTP{status_code}", (WSGIHTTPException,), {"code": status_code, "title": title})


def redirect(url: str, code: int = 302) -> NoReturn:
    """End the action by sending the client to `url`, by raising the HTTP exception for `code`.

    Characters that a URL can't hold are percent-encoded (as UTF-8).

    :raises ValueError: if `code` is no redirect, or `url` has control characters.
    """
    exception = status_map.get(code)
    if exception is None or code // 100 != 3 or code == 304:
        raise ValueError(f"redirect(code={code!r}): use 301, 302, 303, 307 or 308")
    if any(ord(character) < 32 or ord(character) == 127 for character in url):
        raise ValueError(f"redirect({url!r}): a URL has no control characters")
    raise exception(location=quote(url, safe="%/:=&?~#+!$,;'@()*[]"))


def url_for(*args: Any, **kwargs: Any) -> str:
    """Return the URL of a route, by its name or its variables (the name of 0.9.7).

    With a mapper that is not ``explicit``, what isn't given is taken from the current request's
    match, as it was then. ``url(...)`` is the same without that memory.
    """
    if not url.mapper.explicit:
        kwargs["_use_current"] = True
    return str(url(*args, **kwargs))


def redirect_to(*args: Any, **kwargs: Any) -> NoReturn:
    """Redirect to ``url_for(*args, **kwargs)`` (the name of 0.9.7); ``_code`` sets the status."""
    code = kwargs.pop("_code", 302)
    redirect(url_for(*args, **kwargs), code=code)


def etag_cache(key: str) -> None:
    """Set the response's ETag, and end the action with 304 if the client has that already.

    Call it before the work that it is to save. The default ``no-cache`` headers stay: they make
    the client ask each time, which is what an ETag is for.
    """
    response.etag = str(key)
    if str(key) in request.if_none_match:
        raise status_map[304](headers=[("ETag", response.headers["ETag"])])


def forward(wsgi_app: WSGIApp) -> Forwarded:
    """Answer with another WSGI application: ``return forward(app)``.

    It gets a copy of this request's environ, so that what it sets there doesn't change this
    request; its response is passed on as it is, chunk by chunk.

    :raises RuntimeError: if no controller runs.
    """
    environ = request.environ
    controller: Any = environ.get("pylons.controller")
    if not hasattr(controller, "start_response"):
        raise RuntimeError("forward() works in an action of a WSGIController only")
    return Forwarded(wsgi_app(dict(environ), controller.start_response))

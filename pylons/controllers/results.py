"""What an action's result means as a response.

One place for it, because a plain action returns its result and a generator action ends with it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from types import GeneratorType
from typing import Any

import webob
from webob.exc import HTTPException

from pylons.context import RequestContext, unwrapped
from pylons.http import Environ, Response
from pylons.registry import file_wrapper

#: A whole response, whose status and headers are its own.
RESPONSE_TYPES = (webob.Response, HTTPException)


class Forwarded:
    """Another application's response, whose status went to start_response by itself.

    What ``pylons.controllers.util.forward`` returns.
    """

    def __init__(self, app_iter: Iterable[bytes]) -> None:
        self.app_iter = app_iter

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.app_iter)


def is_stream(result: Any, environ: Environ) -> bool:
    """Tell whether `result` is an iterable to be stepped: a generator, or nothing else known."""
    if isinstance(result, GeneratorType):
        return True
    if result is None or isinstance(result, _WHOLE):
        return False
    result = unwrapped(result)
    return isinstance(result, Iterable) and not isinstance(result, (*_WHOLE, file_wrapper(environ)))


_WHOLE = (str, bytes, list, tuple, Mapping, Forwarded, *RESPONSE_TYPES)


def as_response(context: RequestContext, result: Any) -> Any:
    """Return the response that a plain `result` means, to be called as a WSGI application.

    :raises TypeError: if it means none.
    """
    result = unwrapped(result)
    response: Response = context.response
    if isinstance(result, RESPONSE_TYPES):
        if result is not response:
            result = _with_headers(result, response.headerlist)
        response = result
    elif isinstance(result, str | bytes):
        response.append(result)
    elif isinstance(result, (list, tuple, file_wrapper(context.environ))):
        response.app_iter = list(result) if isinstance(result, tuple) else result
    elif result is not None:
        raise TypeError(
            f"An action returned {result!r:.200}. Return str, bytes, a list or generator of them, "
            f"a response, or None for pylons.response as it stands; use pylons.decorators.jsonify "
            f"for data, and pylons.controllers.util.forward(app) for another WSGI application"
        )
    variables = context.environ.get("paste.testing_variables")
    if variables is not None:
        variables["response"] = response
    return response


def as_rest(context: RequestContext, result: Any) -> Iterable[bytes]:
    """Return what a `result` adds to a response that has been started.

    :raises TypeError: if it is a response, or nothing that can be sent.
    """
    if result is None:
        return ()
    if isinstance(result, Forwarded):
        return result.app_iter
    if isinstance(result, str | bytes):
        return [context.response.encoded(result)]
    if isinstance(result, list | tuple):
        return [context.response.encoded(chunk) for chunk in result]
    if isinstance(result, file_wrapper(context.environ)):
        return result
    if isinstance(result, HTTPException):
        raise result
    raise TypeError(
        f"An action whose response had been started returned {result!r:.200}; only str and bytes "
        f"can follow"
    )


def _with_headers(response: Any, more: list[tuple[str, str]]) -> Any:
    """Return a whole response with what the action had set on ``pylons.response``.

    Cookies are added, other headers only where the response has none of its own: an error or a
    redirect is often raised by code that knows nothing of the cookies set before it. The response
    itself stays as it is, unless it was raised: it may be one that all requests share.
    """
    if isinstance(response, HTTPException):
        headers = response.wsgi_response.headers
    else:
        response = copy.copy(response)
        response.headerlist = list(response.headerlist)
        headers = response.headers
    for name, value in more:
        if name.lower() == "set-cookie":
            headers.add(name, value)
        elif name.lower() not in ("content-type", "content-length"):
            headers.setdefault(name, value)
    return response

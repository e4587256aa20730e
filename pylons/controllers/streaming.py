"""The response of a generator action.

An action that yields may wait: each of its empty chunks goes to the server one to one, and the
server resumes it when the operation left in environ is done. So the response must not be started
before there is something to send, and :class:`ActionIterator` calls ``start_response``

* at the first chunk that is not empty, or
* at the generator's end, or
* never, if the generator fails first: that is a plain error, with nothing sent.

Until then the action may set status, headers, cookies and the session (which is saved, and its
cookie set, inside ``start_response``). Afterwards changing them is an error that says so.

The generator may end with ``return value``: text is the last chunk; a response, like an
``abort`` or ``redirect`` raised before the first data, becomes the response. Nothing is read
ahead, joined or held back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from webob.exc import HTTPException

from pylons.context import RequestContext
from pylons.util import close

if TYPE_CHECKING:
    from pylons.controllers.core import WSGIController


_NOTHING: Iterator[bytes] = iter(())
_TEXT = (str, bytes, type(None))


class ActionIterator:
    """The WSGI iterable of one generator action."""

    __slots__ = ("_after_due", "_app_iter", "_body", "_chunks", "_context", "_controller")

    def __init__(
        self, controller: WSGIController, context: RequestContext, chunks: Iterator[str | bytes]
    ) -> None:
        self._controller = controller
        self._context = context
        self._chunks: Iterator[Any] | None = chunks
        # The response that takes the action's place at its end, and its iterator.
        self._app_iter: Iterable[bytes] = ()
        self._body: Iterator[bytes] = _NOTHING
        self._after_due = True

    def __iter__(self) -> ActionIterator:
        return self

    def __next__(self) -> bytes:
        if self._chunks is None:
            return next(self._body)
        try:
            chunk = next(self._chunks)
        except StopIteration as end:
            return self._end(end.value)
        except BaseException as exc:
            if isinstance(exc, HTTPException) and not self._controller._started:
                return self._end(self._controller._caught(exc))
            self._after_due = False
            raise
        if type(chunk) is not bytes:
            chunk = self._encoded(chunk)
        if not chunk:
            return b""
        return chunk if self._controller._started else self._start(chunk)

    def close(self) -> None:
        """End the action, its ``__after__`` and the request's objects (WSGI)."""
        chunks, self._chunks = self._chunks, None
        try:
            if chunks is not None:
                close(chunks)
            if self._after_due:
                self._after_due = False
                self._controller._after(None)
        finally:
            close(self._app_iter)
            self._context.end()

    def _encoded(self, chunk: Any) -> bytes:
        try:
            return self._context.response.encoded(chunk)
        except TypeError as exc:
            action = self._context.environ["pylons.action_method"].__qualname__
            raise TypeError(
                f"The action {action} yielded {chunk!r:.200}; it may yield str and bytes. To wait "
                f"for an operation, leave it in environ and yield the empty chunk: "
                f"yield environ['cogen.call'](function)(...)"
            ) from exc

    def _start(self, chunk: bytes) -> bytes:
        """Call start_response for the first data, and return it; a HEAD has only this."""
        response, environ = self._context.response, self._context.environ
        if not response.is_untouched:  # response.write() before the first yield
            chunk = response.body + chunk
            response.content_length = None
        self._controller._started = True
        self._controller._start_response(response.status, response.head(environ))
        response.close_to_changes()
        if environ["REQUEST_METHOD"] == "HEAD" or response.is_bodyless:
            chunks, self._chunks = self._chunks, None
            close(chunks)
            raise StopIteration
        return chunk

    def _end(self, result: Any) -> bytes:
        """Answer with what the generator returned or raised, as a plain action would."""
        self._chunks = None
        self._after_due = False
        controller, context = self._controller, self._context
        result = controller._after(result)
        if type(result) in _TEXT and not context.has_response:
            # Nobody has asked for the response or will any more, so that none is made.
            text, prototype = result or b"", context.app.empty_response
            start_response = controller._start_response
            self._app_iter = prototype.send_text(text, context.environ, start_response)
        else:
            self._app_iter = controller._answer(result)
        self._body = iter(self._app_iter)
        return next(self._body)

"""WSGIController: from the match of a route to a response.

A request's life in a controller, in order:

1. ``__before__`` is called, if there is one.
2. The action that the route names is called, with those of the route's variables, ``environ``,
   ``start_response`` and ``pylons`` that its arguments ask for by name.
3. What it returns becomes the response: text is appended to ``pylons.response``, a response or
   an ``HTTPException`` is taken whole, None means ``pylons.response`` as it stands, and any
   iterable is the body. A generator is a first-class response, see ``streaming``.
4. ``__after__`` is called, for a generator action when the generator has ended.

Nothing here waits or knows about operations: a generator's empty chunks just go through.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from inspect import Parameter, signature
from types import GeneratorType, MethodType
from typing import Any

from webob.exc import HTTPException, HTTPNotFound

from pylons.context import RequestContext
from pylons.controllers.results import (
    RESPONSE_TYPES,
    Forwarded,
    as_response,
    as_rest,
    is_stream,
)
from pylons.controllers.streaming import ActionIterator
from pylons.http import Environ, StartResponse


class WSGIController:
    """The base class of controllers.

    A method is an action if its name doesn't begin with an underscore and this class has no
    attribute of that name. A dash in a URL's action means an underscore.
    """

    _py_object: RequestContext
    _started = False

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (WSGI); the instance is for this one request."""
        self._py_object = context = environ["pylons.pylons"]
        self._start_response = start_response
        result = self._before()
        if result is None:
            result = self._dispatch_call()
        if is_stream(result, environ):
            return ActionIterator(self, context, iter(result))
        return self._answer(self._after(result))

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Any:
        """Start the response by hand (WSGI), with the cookies of ``pylons.response``.

        For actions that call another WSGI application or serve as one. As in Pylons, the
        ``Set-Cookie`` and ``X-`` headers set on ``pylons.response`` are added.
        """
        self._started = True
        own = self._py_object.response.headerlist
        headers = headers + [pair for pair in own if pair[0].lower().startswith(_ADDED)]
        return self._start_response(status, headers, exc_info)

    def _before(self) -> Any:
        """Call ``__before__``; what it returns counts only if it is a whole response."""
        before = getattr(self, "__before__", None)
        if before is None:
            return None
        result = self._inspect_call(before)
        _refuse_generator(self, "__before__", result)
        return result if isinstance(result, RESPONSE_TYPES) else None

    def _after(self, result: Any) -> Any:
        """Call ``__after__`` and return `result`, or the response that ``__after__`` raised."""
        after = getattr(self, "__after__", None)
        if after is None:
            return result
        answer = self._inspect_call(after)
        _refuse_generator(self, "__after__", answer)
        return answer if isinstance(answer, HTTPException) else result

    def _answer(self, result: Any) -> Iterable[bytes]:
        """Start the response if the action hasn't, and return its body."""
        context = self._py_object
        if self._started or isinstance(result, Forwarded):  # which starts it in its own time
            return as_rest(context, result)
        return as_response(context, result)(context.environ, self._start_response)

    def _dispatch_call(self) -> Any:
        """Call the action that the route names, and return what it returns.

        :raises NotImplementedError: in debug mode, if there is no such action (else a 404).
        """
        routes_dict = self._py_object.environ["pylons.routes_dict"]
        action = routes_dict.get("action")
        if action is None:
            raise RuntimeError(
                f"The route that led to {type(self).__name__} names no action: give it "
                f"action='...' or an {{action}} in its path (it matched {routes_dict})"
            )
        method = self._find_action(action)
        if method is None:
            if self._py_object.config["debug"] and action[:1] not in ("_", "-"):
                raise NotImplementedError(
                    f"{type(self).__name__} has no action {action!r}: write the method "
                    f"{action.replace('-', '_')} (outside of debug mode this is a 404)"
                )
            return HTTPNotFound()
        self._py_object.environ["pylons.action_method"] = method
        return self._inspect_call(method)

    def _find_action(self, action: str) -> Callable[..., Any] | None:
        """Return the method for a URL's `action`, or None if that is none or private."""
        name = action.replace("-", "_")
        if name[:1] == "_" or name in _OWN:
            return None
        method = getattr(self, name, None)
        return method if callable(method) else None

    def _inspect_call(self, func: Callable[..., Any]) -> Any:
        """Call `func` with those of :meth:`_get_method_args` that its arguments name.

        An ``HTTPException`` that it raises is returned: it is a response.
        """
        bound = isinstance(func, MethodType)
        names, takes_all = _argument_names(getattr(func, "__func__", func), bound)
        args: dict[str, Any] = {}
        if names or takes_all:
            offered = self._get_method_args()
            if takes_all:
                args = offered
            else:
                for name in names:
                    if name in offered:
                        args[name] = offered[name]
            if self._py_object.config["pylons.tmpl_context_attach_args"]:
                for name, value in args.items():
                    setattr(self._py_object.tmpl_context, name, value)
        try:
            return self._perform_call(func, args)
        except HTTPException as exc:
            return self._caught(exc)

    def _caught(self, exc: HTTPException) -> HTTPException:
        """Note an exception that is a response, and return it."""
        # Its traceback's frames hold environ, and environ is about to hold it: without this the
        # request would be garbage that only the collector can free.
        exc.__traceback__ = None
        self._py_object.environ["pylons.controller.exception"] = exc
        return exc

    def _perform_call(self, func: Callable[..., Any], args: dict[str, Any]) -> Any:
        """Call `func` with `args`; the hook to put something around every action."""
        return func(**args)

    def _get_method_args(self) -> dict[str, Any]:
        """Return what actions may ask for by name."""
        environ = self._py_object.environ
        return {
            **environ["pylons.routes_dict"],
            "environ": environ,
            "start_response": self.start_response,
            "pylons": self._py_object,
        }


@functools.lru_cache(maxsize=1024)  # inspect.signature takes 8 µs
def _argument_names(func: Callable[..., Any], bound: bool) -> tuple[tuple[str, ...], bool]:
    """Return the names of `func`'s arguments, and whether it takes any (``**kwargs``).

    :param bound: leave out the first, which is ``self``.
    """
    parameters = list(signature(func).parameters.values())
    if bound and parameters[0].kind is not Parameter.VAR_POSITIONAL:
        del parameters[0]
    names = tuple(p.name for p in parameters if p.kind in _BY_NAME)
    return names, any(p.kind is Parameter.VAR_KEYWORD for p in parameters)


def _refuse_generator(controller: WSGIController, name: str, result: Any) -> None:
    if isinstance(result, GeneratorType):
        raise TypeError(
            f"{type(controller).__name__}.{name} is a generator, and nothing would step it: "
            f"operations belong in the action (`yield from self._helper()` shares them)"
        )


_ADDED = ("set-cookie", "x-")
_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
#: No attribute of the base class is an action, ``start_response`` least of all.
_OWN = frozenset(dir(WSGIController))

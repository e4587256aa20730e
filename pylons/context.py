"""The request being served, and the names that stand for its parts.

``from pylons import request`` gives a :class:`Proxy`: whatever is done to it is done to the
request that the running code serves. Which one that is says one context variable (PEP 567), so
it is right in threads, in greenlets, and in generators of several requests that take turns on
one thread, provided that each request's steps run in one ``contextvars.Context``: the server
sees to that where it offers ``environ['cogen.wsgi']``, ``pylons.registry`` everywhere else.

:class:`RequestContext` makes each part when it is first asked for, and a request that never
asks for its session or its template context never pays for them.

No thread-local is used, and nothing here is monkey-patched. Read ``pylons.wsgiapp`` next.
"""

from __future__ import annotations

import operator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from pylons.http import Environ, Request, Response
from pylons.util import AttribSafeContextObj, ContextObj

if TYPE_CHECKING:
    from pylons.configuration import PylonsConfig
    from pylons.wsgiapp import PylonsApp

#: What the running code serves: a RequestContext, or an Overlay of one.
current: ContextVar[Any] = ContextVar("pylons.current")
_current_or = current.get


class OutsideRequest(TypeError):
    """A proxy was used where no request is being served.

    A TypeError, because that is what programs of 2008 catch.
    """


class RequestContext:
    """One request's objects, most of them made when they are first asked for.

    Found in ``environ['pylons.pylons']`` while the request runs, by an action's argument
    ``pylons``, and by a controller as ``self._py_object``.
    """

    __slots__ = (
        "app",
        "app_globals",
        "cache",
        "config",
        "environ",
        "request",
        "session",
        "tmpl_context",
        "translator",
        "url",
        "_response",
    )

    app: PylonsApp
    environ: Environ
    config: PylonsConfig
    request: Request

    def __init__(self, app: PylonsApp, environ: Environ) -> None:
        self.app = app
        self.environ = environ
        self.config = app.config
        # Nearly every action uses these, and filling an empty slot takes 0.4 µs besides.
        self.request = request = Request(environ)
        if app.language != Request.language:
            request.language = app.language  # type: ignore[misc]  # WebOb's class has a __dict__
        self.app_globals = app.globals
        self._response: Response | None = None
        session = environ.get(app.session_key)
        if session is not None:
            self.session = session

    def __getattr__(self, name: str) -> Any:
        # Reached only while the slot `name` is empty.
        make = _PARTS.get(name)
        if make is None:
            raise AttributeError(f"A request has no {name!r}; its parts are {self.__slots__}")
        part = make(self)
        setattr(self, name, part)
        return part

    @property
    def response(self) -> Response:
        """The response. What only returns text need not have one, which takes 340 bytes."""
        if self._response is None:
            self._response = self.app.empty_response.fresh()
        return self._response

    @response.setter
    def response(self, response: Response) -> None:
        self._response = response

    @property
    def has_response(self) -> bool:
        """Whether somebody has asked for the response, and may have changed it."""
        return self._response is not None

    def end(self) -> None:
        """Take out of environ what leads from it back to itself, when the request has ended.

        An environ in a reference cycle waits for the cyclic collector, and a collector that has
        thousands of parked requests to walk is the largest single cost of long polling.
        """
        for key in _CYCLIC:
            self.environ.pop(key, None)


def _tmpl_context(context: RequestContext) -> ContextObj:
    if context.config["pylons.strict_tmpl_context"]:
        return ContextObj()
    return AttribSafeContextObj()


def _session(context: RequestContext) -> Any:
    remedy = "wrap it in pylons.sessions.SessionMiddleware"
    return _from_environ(context, context.app.session_key, "session", remedy)


def _url(context: RequestContext) -> Any:
    return _from_environ(context, "routes.url", "url", "wrap it in pylons.routing.RoutesMiddleware")


def _from_environ(context: RequestContext, key: str, name: str, remedy: str) -> Any:
    try:
        return context.environ[key]
    except KeyError:
        raise OutsideRequest(
            f"pylons.{name} needs environ[{key!r}], and no layer outside this application has "
            f"put it there: {remedy}"
        ) from None


def _cache(context: RequestContext) -> Any:
    manager = context.environ.get(context.app.cache_key)
    manager = manager or getattr(context.app_globals, "cache", None)
    if manager is None:
        raise OutsideRequest(
            "pylons.cache needs a beaker.cache.CacheManager: give your Globals class one as "
            "`self.cache`, or wrap the application in beaker.middleware.CacheMiddleware"
        )
    return manager


def _translator(context: RequestContext) -> Any:
    from pylons.i18n.translation import default_translator  # it imports this module's proxies

    return default_translator(context.config)


#: Keys whose values lead back to environ. WebOb's parsed query keeps environ, to be writable.
_CYCLIC = (
    "pylons.pylons",
    "pylons.controller",
    "pylons.action_method",
    "webob._parsed_query_vars",
)

_PARTS = {
    "cache": _cache,
    "session": _session,
    "tmpl_context": _tmpl_context,
    "translator": _translator,
    "url": _url,
}


class Overlay:
    """One object in front of the current context: what ``proxy._push_object`` leaves."""

    def __init__(self, below: Any, name: str, obj: object) -> None:
        self.below = below
        setattr(self, name, obj)

    def __getattr__(self, name: str) -> Any:
        below = self.__dict__.get("below")
        if below is None:
            raise _outside(name)
        return getattr(below, name)


class Proxy:
    """Stand for one part of the request that is being served.

    The three underscored methods are those of paste.registry's proxies, which tests and
    extensions of 2008 call.
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def _current_obj(self) -> Any:
        """Return the object itself.

        :raises OutsideRequest: if no request is being served here.
        """
        name = _name_of(self)
        return getattr(served(name), name)

    def _replace(self, obj: object) -> None:
        """Let the rest of this request have `obj` instead."""
        setattr(served(self._name), self._name, obj)

    def _push_object(self, obj: object) -> None:
        """Put `obj` in front until :meth:`_pop_object`, in this context only (for tests)."""
        current.set(Overlay(current.get(None), self._name, obj))

    def _pop_object(self, obj: object = None) -> None:
        """Take away what :meth:`_push_object` last put in front, of any proxy."""
        overlay = current.get(None)
        if not isinstance(overlay, Overlay):
            raise AssertionError(f"pylons.{self._name}: nothing has been pushed in this context")
        current.set(overlay.below)

    def __getattribute__(self, name: str) -> Any:
        # Not __getattr__, which is reached only when the usual look-up has failed and has made an
        # AttributeError of it: 0.2 µs against 0.55 µs, some six times in a request.
        if name in _OWN:
            return object.__getattribute__(self, name)
        context = _current_or(None)
        if context is None:
            raise _outside(_name_of(self))
        return getattr(getattr(context, _name_of(self)), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._current_obj(), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._current_obj(), name)

    def __dir__(self) -> list[str]:
        try:
            return dir(self._current_obj())
        except OutsideRequest:
            return dir(type(self))

    def __repr__(self) -> str:
        try:
            return repr(self._current_obj())
        except OutsideRequest:
            return f"<pylons.{self._name}: no request is being served here>"

    def __bool__(self) -> bool:
        try:
            return bool(self._current_obj())
        except OutsideRequest:
            return False

    def __eq__(self, other: object) -> bool:
        return bool(self._current_obj() == other)

    def __hash__(self) -> int:
        return hash(self._current_obj())

    def __str__(self) -> str:
        return str(self._current_obj())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._current_obj()(*args, **kwargs)

    def __getitem__(self, key: Any) -> Any:
        return self._current_obj()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._current_obj()[key] = value

    def __delitem__(self, key: Any) -> None:
        del self._current_obj()[key]

    def __contains__(self, key: object) -> bool:
        return operator.contains(self._current_obj(), key)

    def __iter__(self) -> Any:
        return iter(self._current_obj())

    def __len__(self) -> int:
        return len(self._current_obj())


#: What is a proxy's own; all else is its object's.
_OWN = frozenset(dir(Proxy))
_name_of = Proxy.__dict__["_name"].__get__


def served(name: str) -> Any:
    """Return the context of the request being served, wanted for its part `name`.

    :raises OutsideRequest: if no request is being served here.
    """
    context = current.get(None)
    if context is None:
        raise _outside(name)
    return context


def unwrapped(obj: Any) -> Any:
    """Return what `obj` stands for if it is a proxy, else `obj`."""
    return obj._current_obj() if isinstance(obj, Proxy) else obj


def _outside(name: str) -> OutsideRequest:
    return OutsideRequest(
        f"pylons.{name} was used where no request is being served. It is there while an action "
        f"runs, its generator included. Code that runs elsewhere (at import, in a coroutine, a "
        f"greenlet or a thread of its own) must be handed what it needs as an argument; a test "
        f"can put an object there with pylons.{name}._push_object(...). If this is an action, "
        f"see that the server runs every step of a request in one contextvars.Context, or wrap "
        f"the application in pylons.registry.RegistryManager."
    )

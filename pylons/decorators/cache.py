"""``beaker_cache``: keep what an action or a function returns."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Iterable
from types import GeneratorType
from typing import Any, cast

from pylons import cache, config, request, response
from pylons.configuration import asbool
from pylons.decorators.base import Action


def beaker_cache(
    key: str | list[str] = "cache_default",
    expire: float | str = "never",
    type: str | None = None,
    query_args: bool = False,
    cache_headers: Iterable[str] = ("content-type", "content-length"),
    invalidate_on_startup: bool = False,
    cache_response: bool = True,
    **b_kwargs: Any,
) -> Callable[[Action], Action]:
    """Keep the action's result in ``pylons.cache``, by its arguments.

    :param key: the arguments that matter; all of them by default, None for none.
    :param expire: seconds, or ``"never"``.
    :param type: the kind of Beaker cache: ``memory``, ``file`` and so on.
    :param query_args: let the query and form parameters matter too.
    :param cache_headers: the headers that are kept with it.
    :param invalidate_on_startup: forget what an earlier process kept.
    :param cache_response: keep status and headers besides the text; False for plain functions.
    :raises TypeError: for a generator action, whose result is made while it is sent.

    ``beaker.cache.enabled = false`` in the configuration turns it off.
    """
    since = time.time() if invalidate_on_startup else None
    kept = {name.lower() for name in cache_headers} if cache_response else None
    if type is not None:
        b_kwargs["type"] = type

    def decorator(func: Action) -> Action:
        signature = inspect.signature(func)

        @functools.wraps(func)
        def cached(*args: Any, **kwargs: Any) -> Any:
            if not asbool(config.get("beaker.cache.enabled", True)):
                return func(*args, **kwargs)
            named = dict(signature.bind_partial(*args, **kwargs).arguments)
            owner = named.pop("self", None)
            named.update(named.pop("kwargs", {}))
            if query_args:
                named.update(request.params.mixed())
            namespace, cache_key = create_cache_key(func, _chosen(named, key), owner)
            found = cache.get_cache(namespace, **b_kwargs).get_value(
                cache_key,
                createfunc=lambda: _made(func, args, kwargs, kept),
                expiretime=None if expire == "never" else expire,
                starttime=since,
            )
            if cache_response:
                response.status = found["status"]
                response.headers.update(found["headers"])
            return found["content"]

        return cast(Action, cached)

    return decorator


def _made(
    func: Callable[..., Any], args: Any, kwargs: dict[str, Any], kept: set[str] | None
) -> dict[str, Any]:
    """Call `func` and return what is cached of it, with the `kept` headers unless that is None."""
    content = func(*args, **kwargs)
    if isinstance(content, GeneratorType):
        raise TypeError(
            f"beaker_cache can't keep {func.__qualname__}: it is a generator, whose text is made "
            f"while it is sent. Cache the function that computes the data instead."
        )
    if kept is None:
        return {"content": content}
    headers = [pair for pair in response.headerlist if pair[0].lower() in kept]
    return {"content": content, "status": response.status, "headers": headers}


def create_cache_key(
    func: Callable[..., Any], key_dict: dict[str, Any] | None = None, self: Any = None
) -> tuple[str, str]:
    """Return the cache's namespace and key for a call of `func`.

    With them a kept result can be removed:
    ``cache.get_cache(namespace).remove_value(key)``.

    :param key_dict: the arguments that matter, by name.
    :param self: the object whose method `func` is; its class becomes part of the namespace.
    """
    if self is not None:
        namespace = f"{self.__class__.__module__}.{self.__class__.__name__}.{func.__name__}"
    else:
        namespace = f"{func.__module__}.{func.__qualname__}"
    if not key_dict:
        return namespace, "default"
    return namespace, " ".join(f"{name}={key_dict[name]!r}" for name in sorted(key_dict))


def _chosen(named: dict[str, Any], key: str | list[str] | None) -> dict[str, Any]:
    if key == "cache_default":
        return named
    names = [key] if isinstance(key, str) else key or []
    return {name: named[name] for name in names}

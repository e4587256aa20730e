"""Decorators by request method: ``restrict`` refuses the others, ``dispatch_on`` chooses."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

from pylons import request
from pylons.controllers.util import abort
from pylons.decorators.base import Action


def restrict(*methods: str) -> Callable[[Action], Action]:
    """Answer 405 with an ``Allow`` header unless the method is one of `methods`."""
    allowed = tuple(method.upper() for method in methods)

    def decorator(func: Action) -> Action:
        @functools.wraps(func)
        def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
            if request.environ["REQUEST_METHOD"] not in allowed:
                abort(405, headers=[("Allow", ", ".join(allowed))])
            return func(self, *args, **kwargs)

        return cast(Action, checked)

    return decorator


def dispatch_on(**method_map: str) -> Callable[[Action], Action]:
    """Let other methods of the controller serve some request methods.

    ``@dispatch_on(POST="save")`` on an action calls ``self.save`` for a POST, with the arguments
    that ``save`` names; private methods (``_save``) can be named, so that no URL reaches them.
    """
    chosen = {method.upper(): name for method, name in method_map.items()}

    def decorator(func: Action) -> Action:
        @functools.wraps(func)
        def dispatched(self: Any, *args: Any, **kwargs: Any) -> Any:
            name = chosen.get(request.method)
            if name is None:
                return func(self, *args, **kwargs)
            return self._inspect_call(getattr(self, name))

        return cast(Action, dispatched)

    return decorator

"""``jsonify``: an action that returns data and answers with JSON."""

from __future__ import annotations

import functools
import json
import warnings
from typing import Any, cast

from pylons import response
from pylons.decorators.base import Action, with_result


class JSONEncoder(json.JSONEncoder):
    """A JSON encoder that asks an object it doesn't know for its ``__json__()``."""

    def default(self, o: Any) -> Any:
        """Return what `o` says it is in JSON.

        :raises TypeError: if it has no ``__json__`` method.
        """
        if hasattr(o, "__json__"):
            return o.__json__()
        return super().default(o)


def jsonify(func: Action) -> Action:
    """Answer with the JSON of what the action returns, as ``application/json``.

    A generator action's ``return`` value is meant: it may wait first. A list at the top level is
    a warning, as in Pylons: old browsers let other sites read it. Use an object.
    """

    @functools.wraps(func)
    def answer(self: Any, *args: Any, **kwargs: Any) -> Any:
        return with_result(func(self, *args, **kwargs), _as_json)

    return cast(Action, answer)


def _as_json(data: Any) -> str:
    if isinstance(data, list | tuple):
        warnings.warn(
            "An action with jsonify returned a list; wrap it in an object, such as "
            "{'items': [...]}: old browsers let other sites read a JSON list",
            stacklevel=2,
        )
    response.headers["Content-Type"] = "application/json; charset=utf-8"
    return json.dumps(data, cls=JSONEncoder)

"""What this application's controllers extend and call."""

from typing import NoReturn

from webob.exc import status_map

from pylons.controllers import WSGIController


class BaseController(WSGIController):
    """A place for what all controllers of this application do: nothing, so far."""


def refuse(status: int, reason: str) -> NoReturn:
    """End an action with an error whose body is the reason alone, for programs to show.

    ``pylons.controllers.util.abort`` makes a page around it.
    """
    raise status_map[status](
        body=f"{reason}\n".encode(), content_type="text/plain", charset="utf-8"
    )

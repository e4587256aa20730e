"""Which URL leads to which action. The page and its files are no action: see ``public/``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routes import Mapper


def make_map(config: Mapping[str, Any]) -> Mapper:
    """Return the routes; the first that fits is taken."""
    map = Mapper(directory=config["pylons.paths"]["controllers"], always_scan=False)
    map.minimization = False
    map.explicit = True

    # The ErrorController makes the error pages; it stays at the top, so that it can be reached.
    map.connect("/error/{action}", controller="error")

    map.connect("/chat/push", controller="chat", action="push")
    map.connect("/chat/pull", controller="chat", action="pull")
    # A nick may have a slash in it, which has become a plain one before it comes here.
    map.connect(r"/chat/pull/{nick:[\s\S]+}", controller="chat", action="pull")

    return map

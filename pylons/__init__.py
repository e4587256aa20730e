"""Pylons 1.0's API on WebOb, Routes, Beaker and Mako.

The names below stand for parts of the request that the running code serves; import them once,
at the top of a module::

    from pylons import request, response, session, tmpl_context as c, url

A controller is in ``pylons.controllers``, the application object in ``pylons.wsgiapp``, the
layers around it in ``pylons.middleware``, ``pylons.sessions``, ``pylons.routing`` and
``pylons.registry``. Nothing in this package knows which server runs it.
"""

from typing import TYPE_CHECKING, Any, cast

from pylons.configuration import config
from pylons.context import OutsideRequest, Proxy
from pylons.http import Request, Response

if TYPE_CHECKING:
    from gettext import NullTranslations

__version__ = "1.0.3"

__all__ = [
    "OutsideRequest",
    "Request",
    "Response",
    "app_globals",
    "cache",
    "config",
    "request",
    "response",
    "session",
    "tmpl_context",
    "translator",
    "url",
]

# What each proxy stands for is also its type as far as a type checker goes.
request = cast(Request, Proxy("request"))
response = cast(Response, Proxy("response"))
translator = cast("NullTranslations", Proxy("translator"))
app_globals: Any = Proxy("app_globals")
cache: Any = Proxy("cache")
session: Any = Proxy("session")
tmpl_context: Any = Proxy("tmpl_context")
url: Any = Proxy("url")

# Pylons 0.9.7's names.
c = tmpl_context
g = app_globals

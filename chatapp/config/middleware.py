"""The onion: the layers that a request goes through, from the outside in, and why in this order.

``make_app`` reads from the inside out, as the layers are put around each other::

    SynchronousInput                the body is here before anything that can't wait for it
      Cascade                       a file of public/, else the application
        RegistryManager             each request in its own context
          StatusCodeRedirect        an error page for an error
            ErrorHandler            an exception is logged, and becomes an error
              SessionMiddleware     who asks
                RoutesMiddleware    what for
                  PylonsApp         the controller

In 2008 LazyStartResponse was among them, for the session's cookie. It is not needed: the framework
starts a generator action's response at its first data.
"""

from __future__ import annotations

import logging
import math
import secrets
from collections.abc import Mapping
from typing import Any

from chatapp.config.environment import load_environment
from cogen.web.async_ import SynchronousInputMiddleware
from pylons.configuration import asbool
from pylons.http import WSGIApp
from pylons.middleware import Cascade, ErrorHandler, StaticFiles, StatusCodeRedirect
from pylons.registry import RegistryManager
from pylons.routing import RoutesMiddleware
from pylons.sessions import SessionMiddleware
from pylons.wsgiapp import PylonsApp

log = logging.getLogger(__name__)

#: What ini files have for a secret before their owner has chosen one.
PLACEHOLDERS = frozenset({"", "somesecret", "changeme", "${app_instance_secret}"})


def make_app(
    global_conf: Mapping[str, Any],
    full_stack: bool | str = True,
    static_files: bool | str = True,
    **app_conf: Any,
) -> WSGIApp:
    """Return the application of an ini file (the ``paste.app_factory`` of this distribution).

    :param global_conf: the ``[DEFAULT]`` section.
    :param full_stack: whether to make error pages; not, if a layer outside does.
    :param static_files: whether to serve ``public/``; not, if a server outside does.
    :param app_conf: the ``[app:main]`` section.
    :raises ValueError: for an option that can't be right.
    """
    config = load_environment(global_conf, app_conf)

    # Innermost: calls the controller that the route names.
    app: WSGIApp = PylonsApp(config)

    # Inside the session, which a route never needs. No method override: no route asks for a method,
    # and to look for one in a form would mean to parse messages that call themselves forms.
    app = RoutesMiddleware(app, config["routes.map"], use_method_override=False)

    # Inside the error handler, because a storage can fail too. It saves the session when the
    # response starts, so nothing between it and the controller may start one too early.
    app = SessionMiddleware(app, session_options(config))

    if asbool(full_stack):
        # Outside all that can fail and inside the error pages, so that a 500 gets one.
        app = ErrorHandler(app, global_conf, **config["pylons.errorware"])

        # Pages for people. Not for 400 and 403, whose bodies tell programs what to do.
        app = StatusCodeRedirect(app, [404] if config["debug"] else [404, 500])

    # Outside everything that uses pylons.request and the like; passes through on a server that
    # gives each request a context.
    app = RegistryManager(app)

    if asbool(static_files):
        # Outside the application: a file needs no session and no error page.
        app = Cascade([StaticFiles(config["pylons.paths"]["static_files"]), app])

    # Outermost: a slow upload waits here, by operations, while nothing inside has begun.
    return SynchronousInputMiddleware(app)


def session_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ini file's ``beaker.session.*`` options over the defaults that are safe."""
    defaults = {
        "beaker.session.key": "chatapp",
        "beaker.session.type": "memory",
        # A session is worth as much as the clients it leads to.
        "beaker.session.timeout": math.ceil(2 * config["pylons.app_globals"].settings.idle_timeout),
    }
    options = {**defaults, **config}
    if options.get("beaker.session.secret", "") in PLACEHOLDERS:
        options["beaker.session.secret"] = secrets.token_hex(32)
        log.info(
            "beaker.session.secret is not set: signing cookies with a random one of this start"
        )
    return options

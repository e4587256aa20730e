"""What the application needs before it can serve: its configuration, from the ini file's values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from mako.lookup import TemplateLookup

import chatapp.lib.helpers
from chatapp.config.routing import make_map
from chatapp.lib.app_globals import Globals
from pylons.configuration import PylonsConfig


def load_environment(global_conf: Mapping[str, Any], app_conf: Mapping[str, Any]) -> PylonsConfig:
    """Return the configuration, and make it the one that ``pylons.config`` stands for.

    :param global_conf: the ini file's ``[DEFAULT]``.
    :param app_conf: its ``[app:main]``.
    :raises ValueError: for an option of the chat that can't be right.
    """
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    paths = {
        "root": root,
        "controllers": os.path.join(root, "controllers"),
        "static_files": os.path.join(root, "public"),
        "templates": [os.path.join(root, "templates")],
    }
    config = PylonsConfig()
    config.init_app(global_conf, app_conf, package="chatapp", paths=paths)

    # What people write is shown as text even by a browser that is pointed straight at it. The error
    # pages say that they are HTML.
    config["pylons.response_options"]["content_type"] = "text/plain"
    config["pylons.response_options"]["headers"]["X-Content-Type-Options"] = "nosniff"

    config["routes.map"] = make_map(config)
    config["pylons.app_globals"] = Globals(config)
    config["pylons.h"] = chatapp.lib.helpers

    # Everything that a template shows is escaped unless it says otherwise.
    config["pylons.app_globals"].mako_lookup = TemplateLookup(
        directories=paths["templates"],
        input_encoding="utf-8",
        default_filters=["h"],
        module_directory=_module_directory(config),
    )
    return config


def _module_directory(config: Mapping[str, Any]) -> str | None:
    """Return where Mako keeps its compiled templates, None for memory only."""
    cache_dir = config["pylons.cache_dir"]
    return os.path.join(cache_dir, "templates") if cache_dir else None

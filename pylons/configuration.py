"""The configuration of an application: one dictionary, made by ``init_app`` at start.

Both forms of an application's ``config/environment.py`` work. Pylons 1.0's makes an object::

    config = PylonsConfig()
    config.init_app(global_conf, app_conf, package="chatapp", paths=paths)

and 0.9.7's calls ``config.init_app(...)`` on the name imported from here. ``pylons.config`` is,
while a request is served, the configuration of the application that serves it; elsewhere it is
the one that was initialised last.

Nothing is read from files here: the ini file reaches ``init_app`` as two dictionaries.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from typing import Any

from pylons.context import OutsideRequest, Proxy

#: What ``Request`` objects are made with: the language of the application's own texts.
request_defaults: dict[str, Any] = {
    "charset": "utf-8",
    "errors": "replace",
    "language": "en-us",
}

#: What each response starts with. ``no-cache``, because most actions answer for one visitor.
response_defaults: dict[str, Any] = {
    "content_type": "text/html",
    "charset": "utf-8",
    "errors": "strict",
    "headers": {"Cache-Control": "no-cache", "Pragma": "no-cache"},
}


class PylonsConfig(dict[str, Any]):
    """The configuration of one application."""

    defaults: dict[str, Any] = {
        "debug": False,
        "pylons.package": None,
        "pylons.paths": {"root": None, "controllers": None, "templates": [], "static_files": None},
        "pylons.environ_config": {"session": "beaker.session", "cache": "beaker.cache"},
        "pylons.app_globals": None,
        "pylons.h": None,
        "pylons.request_options": request_defaults,
        "pylons.response_options": response_defaults,
        "pylons.strict_tmpl_context": True,
        "pylons.tmpl_context_attach_args": False,
        "pylons.cache_dir": None,
        "pylons.errorware": {},
        "lang": None,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(copy.deepcopy(self.defaults))
        self.update(*args, **kwargs)

    def init_app(
        self,
        global_conf: Mapping[str, Any],
        app_conf: Mapping[str, Any],
        package: str | None = None,
        paths: Mapping[str, Any] | None = None,
        template_engine: str | None = None,
    ) -> None:
        """Fill this configuration from the ini file's sections, and make it the process's.

        :param global_conf: the ``[DEFAULT]`` section and the command line's variables.
        :param app_conf: the ``[app:main]`` section, which wins.
        :param package: the application's package, under which ``controllers`` is found.
        :param paths: ``root``, ``controllers``, ``templates`` (a list) and ``static_files``.
        :param template_engine: accepted for 0.9.7's sake; ``"mako"`` is the only one.
        :raises ValueError: for another template engine, or a ``debug`` that is no truth value.
        """
        if template_engine not in (None, "mako"):
            raise ValueError(
                f"template_engine={template_engine!r}: only Mako is supported; call another "
                f"engine from the action and return its text"
            )
        self.update(global_conf)
        self.update(app_conf)
        self["global_conf"] = dict(global_conf)
        self["app_conf"] = dict(app_conf)
        self["pylons.package"] = package
        if paths:
            self["pylons.paths"] = {**self["pylons.paths"], **paths}
        try:
            self["debug"] = asbool(self["debug"])
        except ValueError as exc:
            raise ValueError(f"debug: {exc}") from exc
        self._set_cache_dir()
        self["pylons.errorware"] = {**self["pylons.errorware"], "debug": self["debug"]}
        make_process_config(self)

    def _set_cache_dir(self) -> None:
        cache_dir = self.pop("cache_dir", None)
        if cache_dir:
            for kind in ("session", "cache"):
                data_dir = os.path.join(cache_dir, f"{kind}s" if kind == "session" else kind)
                self.setdefault(f"beaker.{kind}.data_dir", data_dir)
        self["pylons.cache_dir"] = cache_dir


class ConfigProxy(Proxy):
    """``pylons.config``: the request's configuration, outside a request the process's."""

    __slots__ = ()

    def _current_obj(self) -> PylonsConfig:
        try:
            return super()._current_obj()
        except OutsideRequest:
            return _process["config"]

    # Proxy's own way is faster, but it goes round _current_obj() and knows no further methods.
    __getattribute__ = object.__getattribute__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._current_obj(), name)

    def init_app(self, *args: Any, **kwargs: Any) -> None:
        """Make a new process configuration from this one and initialise it (0.9.7's form).

        A new one, so that two applications in one process don't write into each other's.
        """
        PylonsConfig(copy.copy(dict(self._current_obj()))).init_app(*args, **kwargs)


def make_process_config(new: PylonsConfig) -> None:
    """Let ``pylons.config`` be `new` wherever no request is being served."""
    _process["config"] = new


def asbool(value: object) -> bool:
    """Return the truth value that an ini file's text means.

    :raises ValueError: for a text that is neither a usual yes nor a usual no.
    """
    if not isinstance(value, str):
        return bool(value)
    text = value.strip().lower()
    if text in ("true", "yes", "on", "y", "t", "1"):
        return True
    if text in ("false", "no", "off", "n", "f", "0", ""):
        return False
    raise ValueError(f"{value!r} is no truth value: write true or false")


_process: dict[str, PylonsConfig] = {"config": PylonsConfig()}

pylons_config = _process["config"]
config = ConfigProxy("config")

"""Rendering with Mako: the lookup is ``app_globals.mako_lookup``, made by the application.

:func:`render_mako` is also importable as ``render``. Genshi and Jinja are left out; another
engine needs no support from here: call it in the action and return its text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pylons import cache, config, response
from pylons.context import served
from pylons.i18n import translation

__all__ = ["cached_template", "pylons_globals", "render", "render_mako", "render_mako_def"]


class Rendered(str):
    """The text of a template, which another template shows as it is, without escaping it again."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def render_mako(
    template_name: str,
    extra_vars: Mapping[str, Any] | None = None,
    cache_key: str | None = None,
    cache_type: str | None = None,
    cache_expire: int | None = None,
) -> str:
    """Render a template and return its text.

    :param template_name: its path below the lookup's directories, such as ``/chat.mako``.
    :param extra_vars: variables besides :func:`pylons_globals`, which they override.
    :param cache_key: with any of the `cache` arguments the text is kept by ``pylons.cache``,
        under the template's name and this key.
    :param cache_type: the kind of Beaker cache: ``memory``, ``file`` and so on.
    :param cache_expire: seconds to keep it; None for ever.
    :raises mako.exceptions.TopLevelLookupException: if there is no such template.
    """

    def render() -> str:
        template = config["pylons.app_globals"].mako_lookup.get_template(template_name)
        return Rendered(template.render_unicode(**{**pylons_globals(), **(extra_vars or {})}))

    return cached_template(template_name, render, cache_key, cache_type, cache_expire)


render = render_mako


def render_mako_def(
    template_name: str,
    def_name: str,
    cache_key: str | None = None,
    cache_type: str | None = None,
    cache_expire: int | None = None,
    **extra_vars: Any,
) -> str:
    """Render one ``<%def>`` of a template; the other arguments are :func:`render_mako`'s."""

    def render() -> str:
        template = config["pylons.app_globals"].mako_lookup.get_template(template_name)
        variables = {**pylons_globals(), **extra_vars}
        return Rendered(template.get_def(def_name).render_unicode(**variables))

    name = f"{template_name}#{def_name}"
    return cached_template(name, render, cache_key, cache_type, cache_expire)


def pylons_globals() -> dict[str, Any]:
    """Return the variables that every template has.

    They are ``c`` and ``tmpl_context``, ``app_globals`` and ``g``, ``config``, ``h``, ``render``,
    ``request``, ``response``, ``translator``, ``url``, ``_``, ``N_`` and ``ungettext``, and
    ``session`` where a layer outside has made one.
    """
    context = served("tmpl_context")
    variables = {
        "c": context.tmpl_context,
        "tmpl_context": context.tmpl_context,
        "app_globals": context.app_globals,
        "g": context.app_globals,
        "config": context.config,
        "h": context.config["pylons.h"],
        "render": render_mako,
        "request": context.request,
        "response": response,  # the proxy: most templates touch none, so that none need be made
        "translator": context.translator,
        "url": context.url,
    }
    variables.update((name, getattr(translation, name)) for name in translation.TEMPLATE_NAMES)
    if context.app.session_key in context.environ:
        variables["session"] = context.session
    return variables


def cached_template(
    template_name: str,
    render_func: Callable[[], str],
    cache_key: str | None = None,
    cache_type: str | None = None,
    cache_expire: int | None = None,
) -> str:
    """Return ``render_func()``, or what it returned before if any `cache` argument asks so."""
    if cache_key is None and cache_type is None and cache_expire is None:
        return render_func()
    options = {"type": cache_type} if cache_type is not None else {}
    kept = cache.get_cache(f"pylons.templates.{template_name}", **options)
    text: str = kept.get_value(
        cache_key or "default", createfunc=render_func, expiretime=cache_expire
    )
    return text

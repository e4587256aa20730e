"""Translators: which one a request has, and the functions that ask it.

A request begins with the translator of the configuration's ``lang``, or one that returns texts
as they are. :func:`set_lang` changes it for this request, empty chunks included, because it is
one of the request's objects. The names with a ``u`` are those of Python 2 and the same functions.
"""

from __future__ import annotations

import gettext as stdlib_gettext
import html
import os
from collections.abc import Callable, Mapping
from gettext import NullTranslations
from typing import Any

from pylons.context import Proxy

#: What every template gets from this module.
TEMPLATE_NAMES = ("_", "N_", "ungettext")

_translator = Proxy("translator")
_config = Proxy("config")


class LanguageError(Exception):
    """There is no catalogue for the language that was asked for."""


def gettext(message: str) -> str:
    """Return `message` in the request's language."""
    return str(_translator.gettext(message))


def ngettext(singular: str, plural: str, n: int) -> str:
    """Return the form for `n` things, in the request's language."""
    return str(_translator.ngettext(singular, plural, n))


def gettext_noop(message: str) -> str:
    """Return `message` itself: a mark for the tools that collect texts to translate."""
    return message


class LazyString:
    """A text that is translated each time it is used, for those made at import."""

    def __init__(self, translate: Callable[..., str], *args: Any) -> None:
        self._translate = translate
        self._args = args

    def __str__(self) -> str:
        return self._translate(*self._args)

    def __repr__(self) -> str:
        return f"<LazyString {self._args!r}>"

    def __html__(self) -> str:
        return html.escape(str(self))

    def __mod__(self, values: Any) -> str:
        return str(self) % values

    def __add__(self, other: object) -> str:
        return str(self) + str(other)

    def __radd__(self, other: object) -> str:
        return str(other) + str(self)

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)

    def __hash__(self) -> int:
        return hash(self._args)

    def __len__(self) -> int:
        return len(str(self))

    def __getattr__(self, name: str) -> Any:
        return getattr(str(self), name)


def lazy_gettext(message: str) -> LazyString:
    """Return a text that :func:`gettext` translates when it is used."""
    return LazyString(gettext, message)


def lazy_ngettext(singular: str, plural: str, n: int) -> LazyString:
    """Return a text that :func:`ngettext` translates when it is used."""
    return LazyString(ngettext, singular, plural, n)


_ = ugettext = gettext
ungettext = ngettext
N_ = gettext_noop
lazy_ugettext = lazy_gettext
lazy_ungettext = lazy_ngettext


def set_lang(lang: str | list[str] | None, fallback: bool = False, **kwargs: Any) -> None:
    """Let the rest of this request speak `lang`.

    :param lang: a language such as ``"de"``, or several, the best first; None for the texts as
        they are written.
    :param fallback: if there is no catalogue, keep the texts as they are.
    :param kwargs: for ``gettext.translation``, besides its ``domain`` and ``localedir``.
    :raises LanguageError: if there is no catalogue for any of them.
    """
    _translator._replace(find_translator(_config._current_obj(), lang, fallback, **kwargs))


def get_lang() -> list[str] | None:
    """Return the languages that :func:`set_lang` or the configuration set, or None."""
    return getattr(_translator, "pylons_lang", None)


def add_fallback(lang: str | list[str], **kwargs: Any) -> None:
    """Look texts that the request's catalogue lacks up in `lang`'s.

    :raises LanguageError: if there is no catalogue for `lang`.
    """
    _translator.add_fallback(find_translator(_config._current_obj(), lang, **kwargs))


def default_translator(config: Mapping[str, Any]) -> NullTranslations:
    """Return the translator of a request that has not chosen a language."""
    return find_translator(config, config.get("lang"))


def find_translator(
    config: Mapping[str, Any], lang: str | list[str] | None, fallback: bool = False, **kwargs: Any
) -> NullTranslations:
    """Return a translator for `lang`, from the application's catalogues."""
    if not lang:
        translator = NullTranslations()
    else:
        languages = [lang] if isinstance(lang, str) else list(lang)
        directory = os.path.join(config["pylons.paths"]["root"] or "", "i18n")
        domain = config["pylons.package"]
        try:
            translator = stdlib_gettext.translation(
                domain, directory, languages=languages, fallback=fallback, **kwargs
            )
        except OSError as exc:
            raise LanguageError(
                f"No catalogue for {', '.join(languages)}: expected "
                f"<language>/LC_MESSAGES/{domain}.mo below {directory}"
            ) from exc
        translator.pylons_lang = languages  # type: ignore[attr-defined]
    return translator

"""Translation of an application's texts, on the standard library's gettext.

Catalogues are ``<root>/i18n/<language>/LC_MESSAGES/<package>.mo``. Everything is in
``pylons.i18n.translation``; Babel, or msgfmt, makes the catalogues.
"""

from pylons.i18n.translation import (
    N_,
    LanguageError,
    _,
    add_fallback,
    get_lang,
    gettext,
    gettext_noop,
    lazy_gettext,
    lazy_ngettext,
    lazy_ugettext,
    lazy_ungettext,
    ngettext,
    set_lang,
    ugettext,
    ungettext,
)

__all__ = [
    "LanguageError",
    "N_",
    "_",
    "add_fallback",
    "get_lang",
    "gettext",
    "gettext_noop",
    "lazy_gettext",
    "lazy_ngettext",
    "lazy_ugettext",
    "lazy_ungettext",
    "ngettext",
    "set_lang",
    "ugettext",
    "ungettext",
]

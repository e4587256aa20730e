"""Translation: languages are a request's own."""

from __future__ import annotations

import pytest

from pylons.i18n import (
    N_,
    LanguageError,
    _,
    add_fallback,
    get_lang,
    lazy_gettext,
    lazy_ungettext,
    set_lang,
    ungettext,
)
from tests.pylons.driver import Exchange, get, make_environ

LAZY = lazy_gettext("hello")


@pytest.fixture
def catalogues(site, tmp_path):
    """Give the site catalogues for German and French."""
    site.config["pylons.paths"]["root"] = str(tmp_path)
    for lang, texts in {
        "de": {"hello": "hallo", "one": ("ein Ding", "%d Dinge")},
        "fr": {"hello": "bonjour", "bye": "au revoir"},
    }.items():
        directory = tmp_path / "i18n" / lang / "LC_MESSAGES"
        directory.mkdir(parents=True)
        (directory / "pylonstest.mo").write_bytes(catalogue(texts))
    return site


def catalogue(texts):
    """Return a .mo file: gettext's binary format, written by hand."""
    import struct

    head = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"
    pairs = {b"": head.encode()}
    for key, value in texts.items():
        if isinstance(value, tuple):
            pairs[key.encode() + b"\0things"] = "\0".join(value).encode()
        else:
            pairs[key.encode()] = value.encode()
    keys = sorted(pairs)
    start = 28 + 16 * len(keys)
    data, tables = b"", [[], []]
    for table, strings in zip(tables, (keys, [pairs[k] for k in keys]), strict=True):
        for string in strings:
            table.append((len(string), start + len(data)))
            data += string + b"\0"
    numbers = [0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, 0]
    for table in tables:
        numbers.extend(n for pair in table for n in pair)
    return struct.pack(f"<{len(numbers)}I", *numbers) + data


def body(site, index):
    site.controller(index=index)
    return get(site.app()).body.decode()


def test_texts_stay_as_they_are_without_a_language(site):
    assert body(site, lambda self: f"{_('hello')} {ungettext('a', 'b', 2)} {get_lang()}") == (
        "hello b None"
    )


def test_a_language_is_set_for_this_request(catalogues):
    def index(self):
        set_lang("de")
        return f"{_('hello')} {ungettext('one', 'things', 3) % 3} {get_lang()} {LAZY} {_('bye')}"

    assert body(catalogues, index) == "hallo 3 Dinge ['de'] hallo bye"
    assert body(catalogues, lambda self: _("hello")) == "hello"


def test_the_configurations_language_is_the_default(catalogues):
    catalogues.config["lang"] = "fr"
    assert body(catalogues, lambda self: _("hello")) == "bonjour"


def test_a_fallback_has_what_the_first_lacks(catalogues):
    def index(self):
        set_lang("de")
        add_fallback("fr")
        return f"{_('hello')} {_('bye')}"

    assert body(catalogues, index) == "hallo au revoir"


def test_a_missing_language_says_where_it_was_looked_for(catalogues):
    with pytest.raises(LanguageError, match=r"No catalogue for it: expected .*pylonstest.mo"):
        body(catalogues, lambda self: set_lang("it"))
    assert body(catalogues, lambda self: set_lang("it", fallback=True) or _("hello")) == "hello"


def test_languages_do_not_mix_while_actions_wait(catalogues):
    def item(self, id):
        set_lang(id)
        yield b""
        yield _("hello")

    catalogues.controller(item=item)
    app = catalogues.app()
    de, fr = (Exchange(app, make_environ(f"/item/{lang}")) for lang in ("de", "fr"))
    for exchange in (de, fr, de, fr):
        exchange.step()
    assert (de.body, fr.body) == (b"hallo", b"bonjour")


def test_lazy_texts_behave_as_text(site):
    def index(self):
        n = lazy_ungettext("%d <a>", "%d <b>", 2)
        parts = [n % 2, "x" + LAZY, LAZY + "x", LAZY.upper(), str(len(LAZY)), n.__html__()]
        assert LAZY == "hello"
        assert repr(LAZY) == "<LazyString ('hello',)>"
        assert len({LAZY, lazy_gettext("hello")}) == 1
        return " ".join(parts)

    assert body(site, index) == "2 <b> xhello hellox HELLO 5 %d &lt;b&gt;"
    assert N_("hello") == "hello"

"""Rendering with Mako."""

from __future__ import annotations

import pytest
from beaker.cache import CacheManager
from mako.exceptions import TopLevelLookupException
from mako.lookup import TemplateLookup

from pylons import tmpl_context
from pylons.error import handle_mako_error
from pylons.templating import render, render_mako, render_mako_def
from tests.pylons.driver import get


class Globals:
    def __init__(self, lookup):
        self.mako_lookup = lookup
        self.cache = CacheManager(type="memory")


@pytest.fixture
def page(site, tmp_path):
    """Return a function: the text that an action makes of a template's source."""
    lookup = TemplateLookup(
        directories=[str(tmp_path)], default_filters=["h"], error_handler=handle_mako_error
    )
    site.config["pylons.app_globals"] = Globals(lookup)
    site.config["pylons.h"] = type("helpers", (), {"shout": staticmethod(str.upper)})

    def make(source, action=lambda self: render("/page.mako")):
        (tmp_path / "page.mako").write_text(source, encoding="utf-8")
        site.controller(index=action)
        return get(site.app()).body.decode()

    return make


def test_a_template_has_the_requests_objects(page):
    def index(self):
        tmpl_context.name = "<zo\u00eb>"
        return render("/page.mako", extra_vars={"n": 3})

    source = (
        "${c.name} ${tmpl_context.name} ${n} ${h.shout('a')} ${request.path} ${url('item', id=1)}"
    )
    assert page(source, index) == "&lt;zo\u00eb&gt; &lt;zo\u00eb&gt; 3 A / /item/1"


def test_a_template_has_translation_config_and_session(page):
    source = (
        "${_('text')} ${ungettext('one', 'many', 2)} "
        "${config['pylons.package']} ${session.get('a', 0)}"
    )
    assert page(source) == "text many pylonstest 0"


def test_a_template_can_set_a_header(page):
    assert page("${response.headers.setdefault('X-Page', 'yes')}") == "yes"


@pytest.mark.parametrize("rendered", ["render('/part.mako')", "c.part", "c.part_def"])
def test_what_was_rendered_is_not_escaped_again(page, tmp_path, rendered):
    (tmp_path / "part.mako").write_text("<b>${'<'}</b><%def name='x()'><i></i></%def>")

    def index(self):
        tmpl_context.part = render("/part.mako", cache_expire=10)
        tmpl_context.part_def = render_mako_def("/part.mako", "x")
        return render("/page.mako")

    expected = "<i></i>" if rendered == "c.part_def" else "<b>&lt;</b>"
    assert page(f"${{{rendered}}}", index) == expected


def test_a_def_can_be_rendered_alone(page):
    def index(self):
        return render_mako_def("/page.mako", "part", n=3)

    assert page("<%def name='part()'>[${n}]</%def> around", index) == "[3]"


def test_a_kept_text_is_not_rendered_again(page):
    count = []

    def index(self):
        return render_mako(
            "/page.mako",
            {"n": lambda: count.append(1) or len(count)},
            cache_key="k",
            cache_expire=60,
        )

    assert page("${n()}", index) == "1"
    assert page("${n()}", index) == "1"


def test_an_error_names_the_templates_line(page):
    with pytest.raises(ZeroDivisionError) as info:
        page("one\n${1 / 0}\n")
    [note] = [note for note in info.value.__notes__ if "page.mako" in note]
    assert "line 2: ${1 / 0}" in note


def test_a_missing_template(page):
    with pytest.raises(TopLevelLookupException):
        page("", lambda self: render("/missing.mako"))

"""validate: with FormEncode where it is installed, and what is said where it is not."""

from __future__ import annotations

import sys

import pytest
import webtest

from pylons import tmpl_context
from pylons.decorators import validate


def test_without_formencode_the_error_says_what_to_install(site, monkeypatch):
    for name in [n for n in sys.modules if n.partition(".")[0] == "formencode"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "formencode", None)
    site.controller(index=validate(validators={"a": None})(lambda self: "x"))
    with pytest.raises(ImportError, match="pip install FormEncode"):
        webtest.TestApp(site.app()).post("/", {"a": "1"})


class TestWithFormEncode:
    @pytest.fixture
    def app(self, site):
        formencode = pytest.importorskip("formencode")
        from formencode.validators import Email, Int

        class Form(formencode.Schema):
            allow_extra_fields = True
            n = Int()

        def form(self):
            return '<form><input name="n"><form:error name="n"></form>'

        def index(self):
            errors = getattr(tmpl_context, "form_errors", {})
            return f"{self.form_result} {sorted(errors)}"

        site.controller(
            form=form,
            filled=validate(schema=Form(), form="form")(index),
            plain=validate(validators={"mail": Email()})(index),
            either=validate(schema=Form(), post_only=False, on_get=True)(index),
            nested=validate(schema=Form(), variable_decode=True)(index),
            shown=validate(schema=Form())(lambda self: "shown"),
        )
        return webtest.TestApp(site.app())

    def test_good_values_are_converted(self, app):
        assert app.post("/filled", {"n": "3"}).text == "{'n': 3} []"
        assert app.post("/plain", {"mail": "a@b.example"}).text == "{'mail': 'a@b.example'} []"

    def test_bad_values_fill_the_form(self, app):
        response = app.post("/filled", {"n": "three"})
        assert 'value="three"' in response.text
        assert "Please enter an integer value" in response.text

    def test_without_a_form_the_action_sees_the_errors(self, app):
        assert app.post("/plain", {"mail": "nobody"}).text == "{} ['mail']"

    def test_get_and_query(self, app):
        assert app.get("/shown").text == "shown"
        assert app.get("/either?n=4").text == "{'n': 4} []"

    def test_variable_decode(self, app):
        text = app.post("/nested", {"n": "1", "a.b-0": "x"}).text
        assert text == "{'n': 1, 'a': {'b': ['x']}} []"

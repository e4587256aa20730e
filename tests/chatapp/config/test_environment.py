"""load_environment: what the application needs before it can serve."""


def test_what_a_template_shows_is_escaped(chat):
    lookup = chat.globals.mako_lookup
    lookup.put_string("/shown.mako", "${text}")
    assert lookup.get_template("/shown.mako").render(text="<b>") == "&lt;b&gt;"

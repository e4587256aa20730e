"""``paster routes``: the map of a Pylons application."""


def test_routes_are_printed_in_order(paster, ini):
    code, out, err = paster("routes", ini("[app:main]\nuse = egg:ChatApp\n"))
    assert (code, err) == (0, "")
    title, *lines = [line.split() for line in out.splitlines()]
    assert title[:3] == ["Route", "name", "Methods"]
    assert ["/chat/push", "chat", "push"] in lines


def test_application_without_routes_is_one_line(paster, ini, monkeypatch):
    monkeypatch.setattr("pylons.config", {})
    code, out, err = paster("routes", ini("[app:main]\nuse = SMALL:make_app\n"))
    assert (code, out) == (1, "")
    assert "no Pylons application" in err

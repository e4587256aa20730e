"""``paster request``: the answer of the application, without a server."""

import pytest

APP = "[app:main]\nuse = SMALL:make_app\n"


def test_response_is_printed_as_on_the_wire(paster, ini):
    code, out, err = paster("request", ini(APP), "/some/where?a=b")
    assert (code, err) == (0, "")
    head, _, body = out.partition("\r\n\r\n")
    assert head.split("\r\n") == ["HTTP/1.1 200 OK", "Content-Type: text/plain"]
    assert "method = GET\n" in body
    assert "url = http://localhost:80/some/where?a=b\n" in body


def test_method_headers_body_and_variables(paster, ini):
    arguments = ["--header", "X-Small: h: 1", "--data", "text £", "colour=red"]
    _, out, _ = paster("request", ini(APP + "v = %(colour)s\n"), "/", *arguments)
    assert "method = POST\n" in out
    assert "header = h: 1\n" in out
    assert "body = text £\n" in out
    assert "v = red\n" in out


def test_what_a_url_or_a_header_cannot_have_is_encoded(paster, ini):
    _, out, _ = paster("request", ini(APP), "/zoë d?a=☃&b=%20", "-H", "X-Small: ☃")
    assert "url = http://localhost:80/zo%C3%AB%20d?a=%E2%98%83&b=%20\n" in out
    assert "header = ☃\n".encode().decode("latin-1") in out


def test_method_can_be_named(paster, ini):
    _, out, _ = paster("request", ini(APP), "/", "--method", "PUT", "--data", "x")
    assert "method = PUT\n" in out
    assert "body = x\n" in out


def test_operation_is_waited_for(paster, ini):
    code, out, _ = paster("request", ini("[app:main]\nuse = SMALL:make_sleeping_app\n"), "/")
    assert code == 0
    assert out.endswith("\r\n\r\nslept")


@pytest.mark.parametrize(("url", "code"), [("/index.html", 0), ("/no/such/page", 1)])
def test_status_is_in_the_exit_code(paster, ini, url, code):
    found, out, _ = paster("request", ini("[app:main]\nuse = egg:ChatApp\n"), url)
    assert found == code
    assert out.startswith("HTTP/1.1 200 OK" if code == 0 else "HTTP/1.1 404 Not Found")


def test_application_that_cannot_be_loaded_is_one_line(paster, ini):
    code, out, err = paster("request", ini("[app:main]\nuse = egg:Absent\n"), "/")
    assert (code, out) == (1, "")
    assert "no distribution Absent is installed" in err
    assert err.count("\n") == 1


def test_variable_of_a_composites_part_is_no_mistake(paster, ini, caplog):
    ini(APP + "v = %(colour)s\n", "other.ini")
    path = ini("""
        [composite:main]
        paste.composite_factory = tests.paster.small:make_first
        / = config:other.ini
    """)
    _, out, _ = paster("request", path, "/", "colour=red", "color=red")
    assert "v = red\n" in out
    (message,) = (record.message for record in caplog.records if record.name == "paster")
    assert message.endswith("other.ini uses the variable color; do you mean colour?")

"""Requests and responses: what they add to WebOb's."""

from __future__ import annotations

import pytest

from pylons import Request, Response
from pylons.cookies import dumps, loads
from tests.pylons.driver import make_environ


def test_languages():
    request = Request(make_environ(HTTP_ACCEPT_LANGUAGE="de;q=0.5, fr, it;q=0, *;q=0.1"))
    assert request.languages == ["fr", "de", "en-us"]
    assert Request(make_environ()).languages == ["en-us"]
    assert Request(make_environ(HTTP_ACCEPT_LANGUAGE="@ @")).languages == ["en-us"]


def test_a_request_is_made_as_webob_makes_them():
    request = Request.blank("/a?b=1", method="PUT", POST=b"data")
    assert (request.method, request.path, request.GET["b"]) == ("PUT", "/a", "1")
    assert (request.body, request.copy().body) == (b"data", b"data")
    assert Request.blank("/").method == "GET"
    with pytest.raises(TypeError, match="must be a dict"):
        Request([])


def test_accepted_types_and_charsets():
    request = Request(make_environ(HTTP_ACCEPT="text/html;q=0.5, application/json"))
    assert request.match_accept(["text/html", "application/json"]) == "application/json"
    assert request.match_accept(["image/png"]) is None
    assert request.determine_browser_charset() == "utf-8"


@pytest.mark.parametrize(
    ("header", "charset"),
    [
        ("latin-1;q=0.9, utf-8;q=0.2", "latin-1"),
        ("*", "utf-8"),
        ("latin-1;q=0", "utf-8"),
        ("@ @", "utf-8"),
    ],
)
def test_the_charset_the_client_likes_best(header, charset):
    request = Request(make_environ(HTTP_ACCEPT_CHARSET=header))
    assert request.determine_browser_charset() == charset


def test_signed_cookies_come_back_and_nothing_else_does():
    response = Response()
    response.signed_cookie("who", {"nick": "ada", "n": [1]}, "secret")
    header = response.headers["Set-Cookie"]
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header
    cookie = header.split(";")[0]
    request = Request(make_environ(HTTP_COOKIE=cookie))
    assert request.signed_cookie("who", "secret") == {"nick": "ada", "n": [1]}
    assert request.signed_cookie("who", "another") is None
    assert request.signed_cookie("other", "secret") is None
    changed = Request(make_environ(HTTP_COOKIE=cookie[:-1] + ("A" if cookie[-1] != "A" else "B")))
    assert changed.signed_cookie("who", "secret") is None


def test_a_signed_value_belongs_to_its_cookie():
    value = dumps("admin", "role", "secret")
    assert loads(value, "role", "secret") == "admin"
    assert loads(value, "nick", "secret") is None
    assert loads("\u20ac.nonsense", "role", "secret") is None


def test_a_signed_cookie_needs_a_secret():
    with pytest.raises(ValueError, match="needs a secret"):
        dumps("x", "role", "")


def test_a_fresh_response_shares_nothing_with_its_prototype():
    prototype = Response(content_type="text/html")
    one = prototype.fresh()
    one.headers["X-One"] = "1"
    one.status = 404
    one.write(b"one")
    two = prototype.fresh()
    assert "X-One" not in two.headers
    assert (two.status_int, two.body) == (200, b"")


def test_names_of_2008():
    response = Response("body")
    assert response.get_content() == b"body"
    response.content = b"another"
    assert response.content == response.body == b"another"
    assert response.has_header("content-type")
    assert response.determine_charset() == "UTF-8"


def test_headers_are_known_in_any_case():
    response = Response(headerlist=[("content-length", "1"), ("LOCATION", "/a")])
    response.append("abc")
    started = []
    response(make_environ(), lambda status, headers: started.extend(headers))
    assert started[0] == ("LOCATION", "http://test.example/a")
    assert [value for name, value in started if name.lower() == "content-length"] == ["3"]


def test_text_in_the_responses_charset():
    response = Response(content_type="text/plain", charset="latin-1")
    assert response.encoded("\u00eb") == b"\xeb"
    assert Response(content_type="image/png").encoded("\u00eb") == b"\xc3\xab"
    assert response.encoded(bytearray(b"a")) == b"a"
    with pytest.raises(TypeError, match="str or bytes"):
        response.encoded(7)

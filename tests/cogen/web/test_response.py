"""The response side as values: framing, what is refused, lengths that don't match."""

import itertools
import re
import sys

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogen.web import response as response_module
from cogen.web.response import Response, ResponseError, simple_response

PLAIN = [("Content-Type", "text/plain")]


def answer(
    chunks, status="200 OK", headers=PLAIN, method="GET", version="1.1", whole=False, keep=True
):
    """Return the octets of a response, and the response."""
    response = Response(method, version, keep)
    response.start(status, list(headers))
    sent = b"".join(response.data(chunk, is_all=whole) for chunk in chunks) + response.end()
    return sent, response


def fields(sent):
    head = sent.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in head)}


def read(sent, method="GET"):
    """Return the body as a strict client reads it, and whether it could go on."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(sent)
    client.receive_data(b"")
    body = b""
    while type(event := client.next_event()) is not h11.EndOfMessage:
        if type(event) is h11.Data:
            body += event.data
    return body, client.their_state is h11.DONE


@pytest.mark.parametrize(
    ("chunks", "options", "length", "coding", "body", "goes_on"),
    [
        ([b"abc"], {"whole": True}, "3", None, b"abc", True),
        ([b"abc", b"d"], {}, None, "chunked", b"abcd", True),
        ([], {}, "0", None, b"", True),
        ([b"abc"], {"headers": [("Content-Length", "3")]}, "3", None, b"abc", True),
        ([b"ab", b"c"], {"headers": [("content-length", "003")]}, "3", None, b"abc", True),
        ([b"abc"], {"version": "1.0"}, None, None, b"abc", False),
        ([b"abc"], {"version": "1.0", "whole": True}, "3", None, b"abc", True),
        ([b"abc"], {"keep": False, "whole": True}, "3", None, b"abc", False),
        ([b"abc"], {"headers": [("Connection", "Close")]}, None, "chunked", b"abc", False),
        ([b"abc"], {"method": "HEAD"}, None, None, b"", True),
        ([b"abc"], {"method": "HEAD", "whole": True}, "3", None, b"", True),
        ([], {"method": "HEAD"}, None, None, b"", True),
        ([], {"method": "HEAD", "headers": [("Content-Length", "9")]}, "9", None, b"", True),
        ([], {"status": "204 No Content"}, None, None, b"", True),
        ([b"abc"], {"status": "204 No Content"}, None, None, b"", True),
        ([], {"status": "204 No", "headers": [("Content-Length", "0")]}, None, None, b"", True),
        ([b"abc"], {"status": "304 Not Modified"}, None, None, b"", True),
        ([], {"status": "304 Not", "headers": [("Content-Length", "9")]}, "9", None, b"", True),
        ([], {"status": "304 Not Modified", "version": "1.0"}, None, None, b"", True),
    ],
)
def test_framing(chunks, options, length, coding, body, goes_on):
    sent, response = answer(chunks, **options)
    head = fields(sent)
    assert head.get("content-length") == length
    assert head.get("transfer-encoding") == coding
    assert response.keep_alive is goes_on
    if options.get("version") == "1.0":
        assert head["connection"] == ("keep-alive" if goes_on else "close")
    else:
        assert head.get("connection") == (None if goes_on else "close")
    assert not response.missing
    method = options.get("method", "GET")
    assert read(sent, method) == (body, goes_on)


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=50), max_size=5),
    method=st.sampled_from(["GET", "HEAD"]),
    version=st.sampled_from(["1.0", "1.1"]),
    status=st.sampled_from(["200 OK", "204 No Content", "304 Not Modified", "404 Not Found"]),
    length=st.none() | st.integers(-2, 2),
)
def test_client_reads_what_was_written_or_sees_that_it_was_not(
    chunks, method, version, status, length
):
    """However length and body disagree: a client never waits, nor reads on into nothing."""
    there = sum(map(len, chunks))
    headers = [] if length is None else [("Content-Length", str(max(0, there + length)))]
    sent, response = answer(chunks, status, headers, method, version)
    whole = b"".join(chunks)
    bodiless = method == "HEAD" or status[:3] in ("204", "304")
    if not bodiless and length is not None and there + length > there:
        assert response.missing == length
        assert not response.keep_alive
        with pytest.raises(h11.RemoteProtocolError):
            read(sent)
        return
    body, _ = read(sent, method)
    assert body == (b"" if bodiless else whole[: there + (length or 0)] if there else b"")
    assert response.overrun == (0 if bodiless else there - len(body))


def test_body_shorter_than_announced_ends_the_connection():
    headers = [("Content-Length", "5")]
    for options in ({}, {"whole": True}):
        _, response = answer([b"abc"], headers=headers, **options)
        assert response.missing == 2
        assert not response.keep_alive


def test_body_longer_than_announced_is_cut():
    sent, response = answer([b"abc", b"def"], headers=[("Content-Length", "4")])
    assert sent.endswith(b"\r\n\r\nabcd")
    assert (response.overrun, response.missing, response.keep_alive) == (2, 0, True)
    assert response.body_size == 4


@pytest.mark.parametrize(
    ("headers", "size", "part", "missing"),
    [([], 10, 10, 0), ([("Content-Length", "4")], 10, 4, 0), ([("Content-Length", "9")], 5, 5, 4)],
)
def test_of_a_file_as_much_is_sent_as_announced(headers, size, part, missing):
    response = Response("GET", "1.1", True)
    response.start("200 OK", headers)
    response.head(size)
    assert response.sends_file_as_is
    assert response.file_part(size) == response.body_size == part
    assert response.end() == b""
    assert (response.missing, response.keep_alive) == (missing, not missing)


@pytest.mark.parametrize(
    "header",
    [
        ("X", "a\r\nSet-Cookie: b"),
        ("X", "a\nb"),
        ("X", "a\rb"),
        ("X", "a\0"),
        ("X", "\x7f"),
        ("X", "\N{EURO SIGN}"),
        ("X\r\nY", "a"),
        ("X:", "a"),
        ("X ", "a"),
        ("", "a"),
        ("\xe9", "a"),
        ("X", b"a"),
        ("X", None),
        (b"X", "a"),
        ([], "a"),
        ("Transfer-Encoding", "chunked"),
        ("Keep-Alive", "timeout=5"),
        ("Upgrade", "websocket"),
        ("trailer", "X"),
        ("Content-Length", "3x"),
        ("Content-Length", "-3"),
        ("Content-Length", "\xb3"),
        ("Content-Length", ""),
    ],
)
def test_header_that_must_not_be_sent_is_refused_before_anything_is(header):
    response = Response("GET", "1.1", True)
    response.start("200 OK", [("X-Before", "a"), header])
    for _ in range(2):  # a name that was refused once is not taken for known
        with pytest.raises(ResponseError):
            response.data(b"abc")
    assert not response.head_sent


@pytest.mark.parametrize(
    "status",
    ["", "200", "OK", "99 X", "100 Continue", "600 X", "200 OK\r\nX: y", "2000 X", None, b"200 OK"],
)
def test_status_that_is_none_is_refused(status):
    response = Response("GET", "1.1", True)
    with pytest.raises(ResponseError, match="is not a status"):
        response.start(status, [])


@pytest.mark.parametrize("status", ["200 OK", "299 ", "404 Not Found", "500 a b", "200 \xe9"])
def test_status_that_is_one_is_sent_as_it_is(status):
    sent, _ = answer([], status)
    assert sent.startswith(f"HTTP/1.1 {status}\r\n".encode("latin-1"))


@pytest.mark.parametrize("name", ["Content-Length", "Date", "Server", "Connection"])
def test_field_that_can_be_there_once_is_not_sent_twice(name):
    value = "3" if name == "Content-Length" else "x"
    response = Response("GET", "1.1", True)
    response.start("200 OK", [(name, value), (name.lower(), value)])
    with pytest.raises(ResponseError, match="given twice"):
        response.data(b"abc")


def test_date_and_server_are_there_once():
    head = fields(answer([b"abc"])[0])
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", head["date"])
    assert head["server"] == "cogen"
    for name in ("Date", "Server"):
        sent, _ = answer([b"abc"], headers=[(name, "mine")])
        assert re.findall(rb"(?m)^(Date|Server): ", sent).count(name.encode()) == 1
        assert {"date", "server"} <= set(fields(sent))
        assert fields(sent)[name.lower()] == "mine"


def test_names_and_statuses_that_are_kept_are_bounded(monkeypatch):
    monkeypatch.setattr(response_module, "_names", names := {})
    monkeypatch.setattr(response_module, "_statuses", statuses := set())
    for number in range(1500):
        sent, _ = answer([], f"200 OK {number}", [(f"X-{number}", "y")])
        assert f"X-{number}: y\r\n".encode() in sent
    assert len(names) == len(statuses) == 1000


def test_cookies_keep_their_own_lines():
    sent, _ = answer([], headers=[("Set-Cookie", "a"), ("Set-Cookie", "b")])
    assert b"Set-Cookie: a\r\nSet-Cookie: b\r\n" in sent


def test_data_needs_start_response_and_bytes():
    response = Response("GET", "1.1", True)
    with pytest.raises(ResponseError, match="before it called start_response"):
        response.data(b"abc")
    response.start("200 OK", [])
    with pytest.raises(ResponseError, match="yields bytes, not str"):
        response.data("abc")
    assert response.data(bytearray(b"abc")).endswith(b"\r\n\r\n3\r\nabc\r\n")
    assert response.data(memoryview(b"def")) == b"3\r\ndef\r\n"


def test_start_response_again_needs_exc_info():
    response = Response("GET", "1.1", True)
    response.start("200 OK", [])
    with pytest.raises(ResponseError, match="called twice"):
        response.start("404 Not Found", [])
    try:
        raise KeyError("the application's")
    except KeyError:
        exc_info = sys.exc_info()
    response.start("500 Oops", [], exc_info)
    assert response.data(b"abc").startswith(b"HTTP/1.1 500 Oops\r\n")
    with pytest.raises(KeyError, match="the application's"):
        response.start("500 Too late", [], exc_info)


def test_simple_response_is_plain_text_without_a_body_for_head():
    sent = simple_response("400 Bad Request", "<b>")
    assert fields(sent)["content-type"] == "text/plain; charset=utf-8"
    assert fields(sent)["connection"] == "close"
    assert read(sent) == (b"400 Bad Request\n\n<b>\n", False)
    assert read(simple_response("400 Bad Request", "x", method="HEAD"), "HEAD")[0] == b""


@given(
    length=st.sampled_from([None, "0", "3", "9"]),
    code=st.sampled_from(["200 OK", "204 No Content", "304 Not Modified", "404 Not Found"]),
    method=st.sampled_from(["GET", "HEAD"]),
    version=st.sampled_from(["1.0", "1.1"]),
    whole=st.booleans(),
    keep=st.booleans(),
    chunks=st.sampled_from([[], [b"abc"], [b"abcd"]]),
)
def test_a_head_that_is_looked_up_settles_what_a_rendered_one_does(
    length, code, method, version, whole, keep, chunks
):
    headers = PLAIN if length is None else [*PLAIN, ("Content-Length", length)]

    def outcome():
        sent, response = answer(chunks, code, headers, method, version, whole, keep)
        return sent, response.keep_alive, response.missing, response.overrun, response.body_size

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(response_module.time, "time", lambda: 1e9)
        known = response_module._ThisSecond()
        patch.setattr(response_module, "_this_second", known)
        for other in itertools.product((True, False), repeat=2):
            answer(chunks, code, headers, method, version, *other)  # must not be taken for it
        expected = outcome()
        assert outcome() == expected
        known.heads().clear()
        assert outcome() == expected


def test_date_goes_on_with_the_seconds(monkeypatch):
    for now in (0.2, 0.9, 1.0):
        monkeypatch.setattr(response_module.time, "time", lambda now=now: now)
        sent, _ = answer([b"abc"])
        assert fields(sent)["date"] == f"Thu, 01 Jan 1970 00:00:0{int(now)} GMT"


def test_heads_that_are_kept_are_few_short_anybodys_and_of_this_second(monkeypatch):
    kept = response_module._ThisSecond()
    monkeypatch.setattr(response_module, "_this_second", kept)
    monkeypatch.setattr(response_module.time, "time", lambda: 7.0)
    answer([b"abc"], headers=[("X", "y" * 2000)])
    answer([b"abc"], headers=[("Set-Cookie", "a=b")])
    assert len(kept.heads()) == 0
    for number in range(300):
        sent, _ = answer([b"abc"], headers=[("X", str(number))])
        assert fields(sent)["x"] == str(number)
    assert len(kept.heads()) == 256
    monkeypatch.setattr(response_module.time, "time", lambda: 8.0)
    assert len(kept.heads()) == 0


def test_a_header_need_not_be_hashable():
    sent, _ = answer([b"abc"], headers=[["X", "y"]])
    assert fields(sent)["x"] == "y"


@pytest.mark.parametrize("name", ["a b", 1, None, ["X"]])
def test_the_error_of_a_bad_name_tells_nothing_else(name):
    with pytest.raises(ResponseError, match="is not the name of a header field") as caught:
        answer([b"abc"], headers=[(name, "y")])
    assert caught.value.__context__ is None

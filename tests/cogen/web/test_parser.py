"""The parser's seam: tables of requests and of attacks, limits, and what is remembered."""

import pytest

from cogen.web import parser as parser_module
from cogen.web.parser import END, Parsers, RequestParser
from cogen.web.settings import Settings
from tests.cogen.web.parsing import (
    BAD,
    CHUNKED,
    GET,
    POST,
    SMALL,
    UPGRADE,
    in_pieces,
    octets,
    parse,
    told,
    with_field,
    with_target,
)

ACCEPTED = {
    "simple": (GET + b"\r\n", ["GET /"]),
    "two": (GET + b"\r\n" + GET + b"\r\n", ["GET /", "GET /"]),
    "unfinished head": (GET, []),
    "unfinished body": (POST + b"Content-Length: 4\r\n\r\nabc", [
        "POST / {'CONTENT_LENGTH': '4'} b'abc' ..."
    ]),
    "blank lines ahead": (b"\r\n\r\n" + GET + b"\r\n", ["GET /"]),
    "values": (GET + b"X: \t a b \t\r\nY:\r\nZ: \xe9\r\n\r\n", [
        "GET / {'HTTP_X': 'a b', 'HTTP_Y': '', 'HTTP_Z': 'é'}"
    ]),
    "repeated fields": (GET + b"X: a\r\nx: b\r\nCookie: c\r\nCookie: d\r\n\r\n", [
        "GET / {'HTTP_X': 'a, b', 'HTTP_COOKIE': 'c; d'}"
    ]),
    "underscores": (GET + b"Content_Length: 9\r\nX_Y: a\r\nTransfer_Encoding: chunked\r\n\r\n", [
        "GET /"
    ]),
    "user in a field": (GET + b"Authorization: Basic YTpi\r\nRemote-User: root\r\n\r\n", [
        "GET / {'HTTP_AUTHORIZATION': 'Basic YTpi', 'HTTP_REMOTE_USER': 'root'}"
    ]),
    "type": (POST + b"Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n", [
        "POST / {'CONTENT_TYPE': 'text/plain', 'CONTENT_LENGTH': '0'}"
    ]),
    "chunks": (CHUNKED + b"3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\n" + GET + b"\r\n", [
        "POST / {'HTTP_TRANSFER_ENCODING': 'chunked'} b'abc0123456789'", "GET /"
    ]),
    "chunk extensions": (CHUNKED + b'1;a\r\na\r\n1;b=c;d="e;\\"f"\r\nb\r\n0;g\r\n\r\n', [
        "POST / {'HTTP_TRANSFER_ENCODING': 'chunked'} b'ab'"
    ]),
    "trailers": (CHUNKED + b"1\r\na\r\n0\r\nHost: evil\r\nX: y\r\n\r\n" + GET + b"\r\n", [
        "POST / {'HTTP_TRANSFER_ENCODING': 'chunked'} b'a'", "GET /"
    ]),
    "1.0": (b"GET / HTTP/1.0\r\n\r\n" + GET + b"\r\n", ["GET / HTTP/1.0 close"]),
    "1.0 keep-alive": (b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" + GET + b"\r\n", [
        "GET / HTTP/1.0 {'HTTP_CONNECTION': 'Keep-Alive'}", "GET /"
    ]),
    "close": (GET + b"Connection: close\r\n\r\n" + GET + b"\r\n", [
        "GET / {'HTTP_CONNECTION': 'close'} close"
    ]),
    "close twice": (GET + b"Connection: close\r\nConnection: keep-alive\r\n\r\n" + GET + b"\r\n", [
        "GET / {'HTTP_CONNECTION': 'close, keep-alive'} close"
    ]),
    "upgrade": (GET + UPGRADE + b"\r\n" + GET + b"\r\n", [
        "GET / {'HTTP_CONNECTION': 'Upgrade', 'HTTP_UPGRADE': 'websocket'}", "GET /"
    ]),
    "upgrade, close": (
        GET + b"Connection: close, upgrade\r\nUpgrade: h2c\r\n\r\n" + GET + b"\r\n",
        ["GET / {'HTTP_CONNECTION': 'close, upgrade', 'HTTP_UPGRADE': 'h2c'} close"],
    ),
    "upgrade, length": (POST + UPGRADE + b"Content-Length: 3\r\n\r\nabc" + GET + b"\r\n", [
        "POST / {'HTTP_CONNECTION': 'Upgrade', 'HTTP_UPGRADE': 'websocket', "
        "'CONTENT_LENGTH': '3'} b'abc'",
        "GET /",
    ]),
    "upgrade, chunks": (
        POST + UPGRADE + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n" + GET + b"\r\n",
        [
            "POST / {'HTTP_CONNECTION': 'Upgrade', 'HTTP_UPGRADE': 'websocket', "
            "'HTTP_TRANSFER_ENCODING': 'chunked'} b'a'",
            "GET /",
        ],
    ),
    "upgrade, length, 1.0": (
        b"POST / HTTP/1.0\r\n" + UPGRADE + b"Content-Length: 3\r\n\r\nabc" + GET + b"\r\n",
        [
            "POST / HTTP/1.0 {'HTTP_CONNECTION': 'Upgrade', 'HTTP_UPGRADE': 'websocket', "
            "'CONTENT_LENGTH': '3'} close b'abc'",
        ],
    ),
    "preface of HTTP/2 in a body": (POST + b"Content-Length: 16\r\n\r\nPRI * HTTP/2.0\r\n", [
        "POST / {'CONTENT_LENGTH': '16'} b'PRI * HTTP/2.0\\r\\n'"
    ]),
}  # fmt: skip

CODED = ["POST / {'HTTP_TRANSFER_ENCODING': 'chunked'} ..."]
CODED_ABC = ["POST / {'HTTP_TRANSFER_ENCODING': 'chunked'} b'abc' ..."]

REFUSED = {
    # The request line (RFC 9112, section 3).
    "0.9": (b"GET /\r\n\r\n", ["505 HTTP Version Not Supported"]),
    "0.9 in full": (b"GET / HTTP/0.9\r\n\r\n", ["505 HTTP Version Not Supported"]),
    "2.0": (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", ["505 HTTP Version Not Supported"]),
    "1.2": (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", [BAD]),
    "1.10": (b"GET / HTTP/1.10\r\nHost: a\r\n\r\n", [BAD]),
    "preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [BAD]),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [BAD]),
    "http": (b"GET / http/1.1\r\nHost: a\r\n\r\n", [BAD]),
    "unknown method": (b"FOO / HTTP/1.1\r\nHost: a\r\n\r\n", [BAD]),
    "small letters": (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", [BAD]),
    "a method that is not served": (
        b"SOURCE / ICE/1.0\r\nHost: a\r\n\r\n",
        ["501 Not Implemented"],
    ),
    "CONNECT": (b"CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n", ["501 Not Implemented"]),
    "CONNECT with a body": (
        b"CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\nContent-Length: 20\r\n\r\n" + GET,
        ["501 Not Implemented"],
    ),
    "a response": (b"HTTP/1.1 200 OK\r\n\r\n", [BAD]),
    "tab": (b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", [BAD]),
    "space ahead": (b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", [BAD]),
    "space behind": (b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", [BAD]),
    "space in the target": (with_target(b"/a b"), [BAD]),
    # Line ends (2.2).
    "LF": (b"GET / HTTP/1.1\nHost: a\n\n", [BAD]),
    "LF after a field": (b"GET / HTTP/1.1\r\nHost: a\n\r\n", [BAD]),
    "LF at the end": (b"GET / HTTP/1.1\r\nHost: a\r\n\n", [BAD]),
    "CR": (b"GET / HTTP/1.1\rHost: a\r\r", [BAD]),
    "CR after a field": (b"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", [BAD]),
    "CR at the end": (b"GET / HTTP/1.1\r\nHost: a\r\n\rX", [BAD]),
    # Fields (5).
    "space before the colon": (GET + b"X : y\r\n\r\n", [BAD]),
    "tab before the colon": (GET + b"Transfer-Encoding\t: chunked\r\n\r\n", [BAD]),
    "no name": (GET + b": y\r\n\r\n", [BAD]),
    "no colon": (GET + b"X\r\n\r\n", [BAD]),
    "space ahead of the fields": (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", [BAD]),
    "folded": (GET + b"X: a\r\n b\r\n\r\n", [BAD]),
    "folded by a tab": (GET + b"X: a\r\n\tb\r\n\r\n", [BAD]),
    "folded coding": (with_field(b"Transfer-Encoding:\r\n chunked"), [BAD]),
    "bad name": (GET + b"X(: a\r\n\r\n", [BAD]),
    "name not ASCII": (GET + b"X\xe9: a\r\n\r\n", [BAD]),
    "NUL in a name": (GET + b"X\x00: a\r\n\r\n", [BAD]),
    "NUL in a value": (GET + b"X: \x00\r\n\r\n", [BAD]),
    "control in a value": (GET + b"X: a\x0bb\r\n\r\n", [BAD]),
    "DEL in a value": (GET + b"X: \x7f\r\n\r\n", [BAD]),
    # Chunks (7.1).
    "no size": (CHUNKED + b"\r\nabc", [*CODED, BAD]),
    "no number": (CHUNKED + b"x\r\nabc", [*CODED, BAD]),
    "0x": (CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n", [*CODED, BAD]),
    "signed": (CHUNKED + b"+3\r\nabc\r\n0\r\n\r\n", [*CODED, BAD]),
    "negative": (CHUNKED + b"-1\r\nabc\r\n0\r\n\r\n", [*CODED, BAD]),
    "underscore": (CHUNKED + b"1_0\r\nabc\r\n0\r\n\r\n", [*CODED, BAD]),
    "space before the size": (CHUNKED + b" 3\r\nabc\r\n0\r\n\r\n", [*CODED, BAD]),
    "space after the size": (CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n", [*CODED, BAD]),
    "more than 64 bits": (CHUNKED + b"10000000000000003\r\nabc\r\n", [*CODED, BAD]),
    "LF after the size": (CHUNKED + b"3\nabc\r\n0\r\n\r\n", [*CODED, BAD]),
    "CR after the size": (CHUNKED + b"3\r\rabc\r\n0\r\n\r\n", [*CODED, BAD]),
    "LF in an extension": (CHUNKED + b"3;a\nabc\r\n0\r\n\r\n", [*CODED, BAD]),
    "CR in an extension": (CHUNKED + b"3;a=b\rX\r\nabc\r\n0\r\n\r\n", [*CODED, BAD]),
    "quoted line end": (CHUNKED + b'3;a="\r\n"\r\nabc\r\n0\r\n\r\n', [*CODED, BAD]),
    "NUL in an extension": (CHUNKED + b"3;\x00\r\nabc\r\n0\r\n\r\n", [*CODED, BAD]),
    "LF after the data": (CHUNKED + b"3\r\nabc\n0\r\n\r\n", [*CODED_ABC, BAD]),
    "nothing after the data": (CHUNKED + b"3\r\nabc0\r\n\r\n", [*CODED_ABC, BAD]),
    "two octets after the data": (CHUNKED + b"3\r\nabcXX0\r\n\r\n", [*CODED_ABC, BAD]),
    "LF at the end of the chunks": (CHUNKED + b"3\r\nabc\r\n0\n\n", [*CODED_ABC, BAD]),
    "LF after the last chunk": (CHUNKED + b"3\r\nabc\r\n0\r\n\n", [*CODED_ABC, BAD]),
    "length in the trailer": (
        CHUNKED + b"3\r\nabc\r\n0\r\nContent-Length: 4\r\n\r\n",
        [*CODED_ABC, BAD],
    ),
    "folded trailer": (CHUNKED + b"3\r\nabc\r\n0\r\n y\r\n\r\n", [*CODED_ABC, BAD]),
    "bad trailer": (CHUNKED + b"3\r\nabc\r\n0\r\nX : y\r\n\r\n", [*CODED_ABC, BAD]),
    # The second of two.
    "second": (GET + b"\r\nGARBAGE\r\n\r\n" + GET + b"\r\n", ["GET /", BAD]),
    "body beyond its length": (
        POST + b"Content-Length: 3\r\n\r\nabcdef",
        ["POST / {'CONTENT_LENGTH': '3'} b'abc'", BAD],
    ),
}

TABLE = ACCEPTED | REFUSED


@pytest.mark.parametrize("case", TABLE)
@in_pieces
def test_request_is_told_as_the_table_says(case, pieces):
    data, expected = TABLE[case]
    assert told(pieces(data)) == expected


def test_nothing_is_told_after_an_error_or_a_close():
    for data in (b"GARBAGE\r\n\r\n", GET + b"Connection: close\r\n\r\n"):
        parser = RequestParser(Settings())
        assert parser.feed(data)
        assert parser.feed(GET + b"\r\n") == []
        assert not parser.between_messages


def test_parser_can_be_shared_between_messages_only():
    parser = RequestParser(Settings())
    assert parser.between_messages
    for piece in (b"\r", b"\n", b"G", b"ET / HTTP/1.1\r\nHost: a\r\n\r"):
        parser.feed(piece)
        assert not parser.between_messages
    parser.feed(b"\n")
    assert parser.between_messages
    parser.feed(CHUNKED)
    assert not parser.between_messages
    parser.feed(b"0\r\n\r\n")
    assert parser.between_messages


def test_a_thousand_upgrades_ahead_are_a_thousand_requests():
    requests, status = parse([(GET + UPGRADE + b"\r\n") * 1500])
    assert len(requests) == 1500
    assert status is None


# Limits.

LARGE_HEAD = "431 Request Header Fields Too Large"
LARGE_BODY = "413 Content Too Large"

LIMITS = {
    "target": (with_target(b"/" + b"a" * 49), ["GET /" + "a" * 49]),
    "target + 1": (with_target(b"/" + b"a" * 50), ["414 URI Too Long"]),
    "endless target": (b"GET /" + b"a" * 9999, ["414 URI Too Long"]),
    "endless absolute target": (b"GET http://" + b"a" * 9999, ["414 URI Too Long"]),
    "fields": (GET + b"A: \r\nB: \r\nC: \r\nD: \r\n\r\n", [
        "GET / {'HTTP_A': '', 'HTTP_B': '', 'HTTP_C': '', 'HTTP_D': ''}"
    ]),
    "fields + 1": (GET + b"A: \r\nB: \r\nC: \r\nD: \r\nE: \r\n\r\n", [LARGE_HEAD]),
    "fields with underscores": (GET + b"A_A: \r\n" * 999, [LARGE_HEAD]),
    "one field again and again": (GET + b"A: b\r\n" * 999, [LARGE_HEAD]),
    "value": (GET + b"A: " + b"b" * 186 + b"\r\n\r\n", ["GET / {'HTTP_A': '" + "b" * 186 + "'}"]),
    "value + 1": (GET + b"A: " + b"b" * 187 + b"\r\n\r\n", [LARGE_HEAD]),
    "endless value": (GET + b"A: " + b"b" * 9999, [LARGE_HEAD]),
    "endless name": (GET + b"A" * 9999, [LARGE_HEAD]),
    "endless blank lines": (b"\r\n" * 9999, [LARGE_HEAD]),
    "body": (POST + b"Content-Length: 100\r\n\r\n" + b"x" * 100, [
        "POST / {'CONTENT_LENGTH': '100'} " + repr(b"x" * 100)
    ]),
    "body + 1": (POST + b"Content-Length: 101\r\n\r\n", [LARGE_BODY]),
    "chunks + 1": (CHUNKED + b"64\r\n" + b"x" * 100 + b"\r\n1\r\nx", [
        "POST / {'HTTP_TRANSFER_ENCODING': 'chunked'} " + repr(b"x" * 100) + " ...", LARGE_BODY
    ]),
    "chunk of 4 GB": (CHUNKED + b"ffffffff\r\n" + b"x" * 101, None),
    "endless size": (CHUNKED + b"0" * 9999, [*CODED, BAD]),
    "endless extension": (CHUNKED + b"1;" + b"a" * 9999, [*CODED, BAD]),
    "endless extensions": (CHUNKED + (b"1;" + b"a" * 30 + b"\r\nx\r\n") * 99, None),
    "endless trailer": (CHUNKED + b"0\r\nA: " + b"b" * 9999, [*CODED, BAD]),
    "endless trailers": (CHUNKED + b"0\r\n" + b"A: b\r\n" * 999, [*CODED, BAD]),
}  # fmt: skip


@pytest.mark.parametrize("case", LIMITS)
@pytest.mark.parametrize("size", [1, 7, 64])
def test_limits(case, size):
    data, expected = LIMITS[case]
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    requests, status = parse(pieces, **SMALL)
    if expected is None:  # how much of the body came before depends on the pieces
        assert len(requests) == 1
        assert len(requests[0].body) <= 100
        assert status in (BAD, LARGE_BODY)
    else:
        assert told(pieces, **SMALL) == expected


def test_no_more_is_held_than_the_limits_say():
    """A client that never ends its head is refused at the piece that goes beyond the limit."""
    for start in (b"GET / HTTP/1.1\r\nHost: a\r\nA: ", b"GET / HTTP/1.1\r\nHost: a\r\nA", b"\r\n"):
        parser = RequestParser(Settings(**SMALL))
        parser.feed(start)
        fed = 0
        while not parser.feed(b"\r\n" if start == b"\r\n" else b"bb"):
            fed += 2
        assert fed <= SMALL["max_header_bytes"] + SMALL["max_target_bytes"]


def test_chunks_may_have_ordinary_framing_without_limit():
    data = CHUNKED + b"1\r\nx\r\n" * 5000 + b"0\r\n\r\n"
    requests, status = parse(octets(data), max_header_bytes=200, max_target_bytes=50)
    assert status is None
    assert requests[0].body == b"x" * 5000


def test_names_that_are_kept_are_bounded(monkeypatch):
    monkeypatch.setattr(parser_module, "_cgi_names", names := {})
    for number in range(1500):
        (request,) = parse([GET + b"X-%d: y\r\n\r\n" % number])[0]
        assert request.head.environ == {"HTTP_HOST": "a", f"HTTP_X_{number}": "y"}
    assert len(names) == 1000
    assert names[b"X-1"] == "HTTP_X_1"


# What is remembered.


def test_what_is_kept_of_fields_is_bounded_and_holds_no_cookie():
    for number in range(3000):
        parse([with_field(b"X-Number: %d" % number)])
    known = parser_module._known_text
    assert known.cache_info().currsize <= 1024
    before = known.cache_info()
    for field in (b"Cookie: a=b", b"X-Long: " + b"x" * 300):
        parse([with_field(field)])
    after = known.cache_info()
    assert after.misses == before.misses


def test_equal_fields_of_different_clients_are_one_string():
    requests = [
        b"GET / HTTP/1.1\r\nHost: test\r\nUser-Agent: %s/%d\r\nAccept: text/html\r\n\r\n"
        % (b"x" * 50, number)
        for number in (1, 1, 2)
    ]
    first, second, third = [parse([data])[0][0].head.environ for data in requests]
    assert first["HTTP_USER_AGENT"] is second["HTTP_USER_AGENT"] != third["HTTP_USER_AGENT"]
    assert first["HTTP_ACCEPT"] is second["HTTP_ACCEPT"] is third["HTTP_ACCEPT"]


REQUEST = b"GET /a HTTP/1.1\r\nHost: test\r\n\r\n"


def test_the_same_octets_are_parsed_once_and_mean_the_same():
    parsers = Parsers(Settings())
    (first,), wants_more = parsers.feed(None, REQUEST)
    assert wants_more is None
    (second,), wants_more = parsers.feed(None, REQUEST)
    assert second is first
    assert wants_more is None


@pytest.mark.parametrize("cut", range(1, 30))
def test_the_last_piece_of_a_request_is_not_taken_for_one(cut):
    parsers = Parsers(Settings())
    events, parser = parsers.feed(None, REQUEST[:cut])
    assert events == []
    (head,), parser = parsers.feed(parser, REQUEST[cut:])
    assert head.target == "/a"
    assert parser is None
    assert parsers.remembered == {}


def test_octets_within_a_body_are_not_taken_for_a_request():
    parsers = Parsers(Settings())
    parsers.feed(None, REQUEST)
    head = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % len(REQUEST)
    _, parser = parsers.feed(None, head)
    assert parsers.feed(parser, REQUEST) == ([REQUEST, END], None)


def test_a_parser_is_nobody_elses_while_a_message_is_unfinished():
    parsers = Parsers(Settings())
    _, first = parsers.feed(None, REQUEST[:9])
    _, second = parsers.feed(None, REQUEST[:9])
    assert first is not None is not second is not first
    assert [head.target for head in parsers.feed(first, REQUEST[9:])[0]] == ["/a"]
    assert parsers.feed(None, REQUEST[:7])[1] is first


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\nx",
        b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: test\r\n\r\n" * 2,
        b"GET / HTTP/1.1\r\nHost: test\r\n\r\nGET",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /" + 2000 * b"a" + b" HTTP/1.1\r\nHost: test\r\n\r\n",
    ],
)
def test_only_a_short_whole_request_by_itself_is_remembered(request_):
    parsers = Parsers(Settings())
    parsers.feed(None, request_)
    assert parsers.remembered == {}


def numbered(number):
    return b"GET /%d HTTP/1.1\r\nHost: test\r\n\r\n" % number


def test_what_is_remembered_is_bounded():
    parsers = Parsers(Settings())
    for number in range(3000):
        parsers.feed(None, numbered(number))
        assert len(parsers.remembered) <= 1024
    assert numbered(0) in parsers.remembered


def test_what_is_remembered_is_begun_anew_after_a_while():
    now = 0.0
    parsers = Parsers(Settings(), clock=lambda: now)
    for number in range(1025):
        parsers.feed(None, numbered(number))
    assert numbered(1024) not in parsers.remembered
    now = 61.0
    parsers.feed(None, numbered(1024))
    assert list(parsers.remembered) == [numbered(1024)]

"""What a head may mean: the forms of a target, hosts, where the body ends, what is expected."""

import pytest

from cogen.web.head import HTTPError, body_length
from tests.cogen.web.parsing import (
    BAD,
    GET,
    POST,
    in_pieces,
    parse,
    told,
    with_field,
    with_target,
)

ACCEPTED = {
    "query": (b"GET /a?b=c&d HTTP/1.1\r\nHost: a\r\n\r\n", ["GET /a?b=c&d"]),
    "escapes": (b"GET /%7ea%2Fb%C3%A9?%7e HTTP/1.1\r\nHost: a\r\n\r\n", ["GET /~a/b\xc3\xa9?%7e"]),
    "two slashes": (b"GET //b/ HTTP/1.1\r\nHost: a\r\n\r\n", ["GET //b/"]),
    "asterisk": (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", ["OPTIONS *"]),
    "absolute": (b"GET http://b:80/c?d HTTP/1.1\r\nHost: a\r\n\r\n", ["GET /c?d"]),
    "absolute, no path": (b"GET HTTPS://b?d HTTP/1.1\r\nHost: a\r\n\r\n", ["GET /?d"]),
    "length": (POST + b"Content-Length: 3 \r\n\r\nabc" + GET + b"\r\n", [
        "POST / {'CONTENT_LENGTH': '3'} b'abc'", "GET /"
    ]),
    "coding in capitals": (POST + b"Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n", [
        "POST / {'HTTP_TRANSFER_ENCODING': 'CHUNKED'}"
    ]),
}  # fmt: skip

REFUSED = {
    # The target (RFC 9112, 3.2).
    "no path": (with_target(b"a"), [BAD]),
    "query only": (with_target(b"?a"), [BAD]),
    "fragment": (with_target(b"/a#b"), [BAD]),
    "fragment in an absolute one": (with_target(b"http://a/#b"), [BAD]),
    "control": (with_target(b"/a\x01"), [BAD]),
    "NUL": (with_target(b"/a\x00"), [BAD]),
    "DEL": (with_target(b"/a\x7f"), [BAD]),
    "not ASCII": (with_target(b"/\xe9"), [BAD]),
    "escaped NUL": (with_target(b"/a%00"), [BAD]),
    "half an escape": (with_target(b"/a%4"), [BAD]),
    "bad escape": (with_target(b"/%zz"), [BAD]),
    "GET *": (with_target(b"*"), [BAD]),
    "OPTIONS *a": (b"OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n", [BAD]),
    "authority": (with_target(b"b:80"), [BAD]),
    "other scheme": (with_target(b"ftp://b/"), [BAD]),
    "no authority": (with_target(b"http:///a"), [BAD]),
    "port only": (with_target(b"http://:80/a"), [BAD]),
    "user": (with_target(b"http://u@b/"), [BAD]),
    "user and password": (with_target(b"http://u:p@b/"), [BAD]),
    "port too large": (with_target(b"http://b:65536/"), [BAD]),
    # Host (3.2).
    "no host": (b"GET / HTTP/1.1\r\n\r\n", [BAD]),
    "no host, absolute": (b"GET http://b/ HTTP/1.1\r\n\r\n", [BAD]),
    "two hosts": (GET + b"Host: a\r\n\r\n", [BAD]),
    "two hosts in one": (with_target(b"/", b"a, b"), [BAD]),
    "space in the host": (with_target(b"/", b"a b"), [BAD]),
    "path in the host": (with_target(b"/", b"a/b"), [BAD]),
    "user in the host": (with_target(b"/", b"u@a"), [BAD]),
    "bad port": (with_target(b"/", b"a:b"), [BAD]),
    "large port": (with_target(b"/", b"a:99999"), [BAD]),
    "port without a host": (with_target(b"/", b":80"), [BAD]),
    "bad host, absolute": (with_target(b"http://b/", b"a b"), [BAD]),
    "quote in the host": (with_target(b"/", b'a"'), [BAD]),
    # Where the body ends (6.3): CL.CL, CL.TE, TE.CL, TE.TE.
    "two lengths": (with_field(b"Content-Length: 3\r\nContent-Length: 4"), [BAD]),
    "the same length twice": (with_field(b"Content-Length: 3\r\nContent-Length: 3"), [BAD]),
    "two lengths in one": (with_field(b"Content-Length: 3, 3"), [BAD]),
    "empty length": (with_field(b"Content-Length: "), [BAD]),
    "signed length": (with_field(b"Content-Length: +3"), [BAD]),
    "negative length": (with_field(b"Content-Length: -3"), [BAD]),
    "hexadecimal length": (with_field(b"Content-Length: 0x3"), [BAD]),
    "length with a space": (with_field(b"Content-Length: 1 2"), [BAD]),
    "length with an underscore": (with_field(b"Content-Length: 1_0"), [BAD]),
    "length of 19 digits": (with_field(b"Content-Length: 1000000000000000000"), [BAD]),
    "endless length": (with_field(b"Content-Length: " + b"9" * 99), [BAD]),
    "CL.TE": (with_field(b"Content-Length: 3\r\nTransfer-Encoding: chunked"), [BAD]),
    "TE.CL": (with_field(b"Transfer-Encoding: chunked\r\nContent-Length: 3"), [BAD]),
    "CL.TE, identity": (with_field(b"Content-Length: 3\r\nTransfer-Encoding: identity"), [BAD]),
    "TE.TE": (with_field(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), [BAD]),
    "TE.TE, other": (with_field(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x"), [BAD]),
    "TE.TE, other first": (
        with_field(b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked"),
        [BAD],
    ),
    "TE.TE, empty first": (with_field(b"Transfer-Encoding:\r\nTransfer-Encoding: chunked"), [BAD]),
    "chunked, chunked": (with_field(b"Transfer-Encoding: chunked, chunked"), [BAD]),
    "chunked, identity": (with_field(b"Transfer-Encoding: chunked, identity"), [BAD]),
    "gzip, chunked": (with_field(b"Transfer-Encoding: gzip, chunked"), [BAD]),
    "gzip": (with_field(b"Transfer-Encoding: gzip"), [BAD]),
    "identity": (with_field(b"Transfer-Encoding: identity"), [BAD]),
    "xchunked": (with_field(b"Transfer-Encoding: xchunked"), [BAD]),
    "chunkedx": (with_field(b"Transfer-Encoding: chunkedx"), [BAD]),
    "quoted": (with_field(b'Transfer-Encoding: "chunked"'), [BAD]),
    "parameter": (with_field(b"Transfer-Encoding: chunked;a=b"), [BAD]),
    "empty coding": (with_field(b"Transfer-Encoding:"), [BAD]),
    "vertical tab": (with_field(b"Transfer-Encoding: \x0bchunked"), [BAD]),
    "comma": (with_field(b"Transfer-Encoding: ,chunked"), [BAD]),
    "coding in 1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [BAD]),
    # What is expected (RFC 9110, 10.1.1).
    "expectation": (GET + b"Expect: coffee\r\n\r\n", ["417 Expectation Failed"]),
}

TABLE = ACCEPTED | REFUSED


@pytest.mark.parametrize("case", TABLE)
@in_pieces
def test_request_is_told_as_the_table_says(case, pieces):
    data, expected = TABLE[case]
    assert told(pieces(data)) == expected


def test_head_says_what_the_environ_needs():
    data = b"POST http://b/p%20q?r HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
    ((request,), _) = parse([data])
    head = request.head
    assert (head.method, head.path, head.query) == ("POST", "/p q", "r")
    assert head.target == "http://b/p%20q?r"
    assert (head.version, head.length, head.keep_alive) == ("1.1", 1, True)
    assert head.environ == {"HTTP_HOST": "b", "CONTENT_LENGTH": "1"}
    assert repr(head) == "<RequestHead POST http://b/p%20q?r HTTP/1.1>"


@pytest.mark.parametrize(
    "host", ["a", "a.b:80", "[::1]:8080", "10.0.0.1", "", "a:", "a_b", "xn--a"]
)
def test_hosts_that_are_possible(host):
    ((request,), _) = parse([with_target(b"/", host.encode())])
    assert request.head.environ["HTTP_HOST"] == host


@pytest.mark.parametrize(
    ("version", "field", "expects"),
    [
        ("1.1", "Expect: 100-continue", True),
        ("1.1", "Expect: 100-Continue", True),
        ("1.1", "X: y", False),
        ("1.0", "Expect: 100-continue", False),
    ],
)
def test_who_waits_for_100_continue(version, field, expects):
    ((request,), _) = parse([f"GET / HTTP/{version}\r\nHost: a\r\n{field}\r\n\r\n".encode()])
    assert request.head.expects_continue is expects


@pytest.mark.parametrize(
    "fields",
    [
        {"CONTENT_LENGTH": "3", "HTTP_TRANSFER_ENCODING": "chunked"},
        {"CONTENT_LENGTH": "3, 3"},
        {"CONTENT_LENGTH": ""},
        {"HTTP_TRANSFER_ENCODING": "chunked, chunked"},
    ],
)
def test_framing_is_refused_here_too_should_llhttp_let_it_pass(fields):
    with pytest.raises(HTTPError, match="400"):
        body_length(fields, "1.1")

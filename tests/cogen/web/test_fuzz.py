"""Anything is sent, to the parser's seam and to a live server.

The seam: whatever comes in, the outcome is requests, then an error or waiting for more, the same
for every way of cutting the input into pieces, and within the limits.

The server: what it answers is what the seam says. Each complete request is answered, then the error
if there is one, and the connection is closed; or the server waits for more. Whatever it was, the
next connection works.
"""

import h11
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from cogen.web.parser import RequestParser
from cogen.web.settings import Settings
from tests.cogen.web import test_head, test_parser
from tests.cogen.web.parsing import GET, SMALL, collect, cut, octets, parse, told
from tests.cogen.web.rig import Client, Serving, hello

TABLE = test_head.TABLE | test_parser.TABLE

TARGETS = st.sampled_from(
    [b"/", b"/a?b", b"*", b"http://h/p", b"//", b"/%41", b"/%", b"h:80", b"/#", b"/a b", b""]
)
NAMES = st.sampled_from(
    [b"X", b"Cookie", b"Content-Length", b"Transfer-Encoding", b"Connection", b"Upgrade", b"Expect"]
    + [b"Host", b"content_length", b"X y", b"", b"\xff", b"TE", b"Trailer"]
)
VALUES = st.sampled_from(
    [b"", b"a", b"3", b"0", b"+3", b"3, 3", b"chunked", b"gzip, chunked", b"close", b"keep-alive"]
    + [b"upgrade", b"100-continue", b"a\tb", b"\x00", b"\xff", b"a\r\n b", b"h:80", b"ffffffffffff"]
)
ENDS = st.sampled_from([b"\r\n"] * 12 + [b"\n", b"\r", b"\r\r\n", b""])
COLONS = st.sampled_from([b": "] * 8 + [b":", b" : ", b""])
METHODS = st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS", b"CONNECT", b"get", b"PRI", b"Q"])
VERSIONS = st.sampled_from([b"HTTP/1.1"] * 6 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.2", b"", b"X"])
CHUNKS = st.sampled_from(
    [
        b"3\r\nabc\r\n",
        b"0\r\n\r\n",
        b"0\r\nX: y\r\n\r\n",
        b"3;e=f\r\nabc\r\n",
        b"3\nabc\n",
        b"g\r\n",
    ]
)


@st.composite
def messages(draw):
    """One request, right or wrong in one of the ways that have been used to attack servers."""
    line = draw(METHODS) + b" " + draw(TARGETS) + b" " + draw(VERSIONS) + draw(ENDS)
    fields = draw(st.lists(st.tuples(NAMES, COLONS, VALUES, ENDS), max_size=4))
    if draw(st.integers(0, 9)):
        fields.insert(0, (b"Host", b": ", b"h", b"\r\n"))
    head = line + b"".join(b"".join(field) for field in fields) + draw(ENDS)
    body = b"".join(draw(st.lists(CHUNKS | st.sampled_from([b"abc", b"\r\n"]), max_size=3)))
    return head + body


@st.composite
def streams(draw):
    """What a client may send: requests, garbage, and requests with some octets changed."""
    data = bytearray(b"".join(draw(st.lists(messages() | st.binary(max_size=20), max_size=3))))
    for place, octet in draw(st.lists(st.tuples(st.integers(0, 999), st.binary(max_size=2)))):
        place %= len(data) + 1
        data[place : place + 1] = octet
    return bytes(data)


@given(case=st.sampled_from(list(TABLE)), places=st.lists(st.integers(0, 999), max_size=8))
def test_random_cuts_make_no_difference(case, places):
    data, expected = TABLE[case]
    assert told(cut(data, places)) == expected


@settings(max_examples=500, deadline=None)
@given(data=streams(), places=st.lists(st.integers(0, 999), max_size=10))
def test_outcome_is_requests_and_an_error_or_waiting_for_more(data, places):
    whole = told([data], **SMALL)
    requests, _ = parse([data], **SMALL)
    assert told(cut(data, places), **SMALL) == whole
    assert told(octets(data), **SMALL) == whole
    for request in requests:
        head = request.head
        assert len(head.target) <= SMALL["max_target_bytes"]
        assert len(head.environ) <= SMALL["max_headers"] + 1
        assert len(request.body) <= SMALL["max_body_bytes"]
        assert not any("\r" in value or "\n" in value for value in head.environ.values())
    parser = RequestParser(Settings())
    parser.feed(data)
    if parser.between_messages:
        assert collect(parser.feed(GET + b"\r\n"))[0][0].ended


def h11_reads(data):
    """Return what h11 makes of the first request: head, fields and body, None if it refuses."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(data)
    try:
        head = server.next_event()
        if type(head) is not h11.Request:
            return None
        body = b""
        while type(event := server.next_event()) is h11.Data:
            body += event.data
    except h11.RemoteProtocolError:
        return None
    if type(event) is not h11.EndOfMessage:
        return None
    fields = [(name.decode(), value.decode("latin-1")) for name, value in head.headers]
    return head.method.decode(), head.target, fields, body, server.trailing_data[0]


@settings(max_examples=500, deadline=None)
@given(data=streams())
@example(data=TABLE["chunks"][0])
@example(data=TABLE["length"][0])
def test_where_h11_accepts_too_both_read_the_same(data):
    theirs = h11_reads(data)
    requests, _ = parse([data])
    if theirs is None or not requests or not requests[0].ended:
        return
    method, target, fields, body, rest = theirs
    ours = requests[0]
    if b"Upgrade" in data or b"upgrade" in data:
        body = ours.body  # h11 stops there until it is told whether the protocol was switched
    assert (ours.head.method, ours.head.target, ours.body) == (method, target.decode(), body)
    assert len(data) - len(rest) >= len(body)
    for key, value in ours.head.environ.items():
        name = key.removeprefix("HTTP_").replace("_", "-").lower()
        if name == "host" and not target.startswith(b"/"):
            continue
        there = [text for field, text in fields if field == name]
        assert value == ("; " if name == "cookie" else ", ").join(there)


@pytest.fixture(scope="module")
def live():
    serving = Serving(hello, **SMALL)
    yield serving
    serving.stop()


def expected(data):
    """Return the method and status of each response, and whether the connection is closed then."""
    requests, error = parse([data], **SMALL)
    answers = [(request.head.method, 200) for request in requests]
    if error and (not requests or requests[-1].ended):
        answers.append(("GET", int(error[:3])))
    last_is_close = bool(requests) and not requests[-1].head.keep_alive and requests[-1].ended
    return answers, bool(error) or last_is_close


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=streams(), places=st.lists(st.integers(0, 999), max_size=3))
def test_live_server_answers_as_the_seam_says(live, data, places):
    assume(data and b"xpect" not in data)  # whether such a body is skipped depends on its timing
    answers, closes = expected(data)
    with Client(live.address) as client:
        try:
            for piece in cut(data, places):
                client.send(piece)
        except (BrokenPipeError, ConnectionResetError):
            assert closes
        for method, status in answers:
            response = client.response(method)
            assert response.status == status
        if closes:
            assert client.is_closed()
        with Client(live.address) as other:
            assert other.get().body == b"hello"
    live.connections(0)

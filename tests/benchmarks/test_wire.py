"""Where a response ends, as far as the benchmarks' client must know."""

import pytest

from benchmarks.wire import BadResponse, cookies, is_whole, request

SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
LOWER_CASE = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


@pytest.mark.parametrize("response", [SIZED, LOWER_CASE, EMPTY, CHUNKED])
def test_a_response_is_whole_at_its_last_octet_and_not_before(response):
    assert is_whole(response)
    assert not any(is_whole(response[:size]) for size in range(len(response)))


def test_a_response_that_ends_with_the_connection_is_refused():
    with pytest.raises(BadResponse, match="without Content-Length or chunks"):
        is_whole(b"HTTP/1.0 200 OK\r\n\r\nhello")


def test_a_length_in_the_body_is_no_header():
    with pytest.raises(BadResponse, match="without Content-Length or chunks"):
        is_whole(b"HTTP/1.1 200 OK\r\n\r\n\r\nContent-Length: 3\r\n\r\n")


def test_cookies_are_sent_back_without_their_attributes():
    response = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\n\r\n"
    assert cookies(response) == b"a=1; b=2"


def test_a_request_with_a_body_has_its_length():
    assert request("POST", "/x", b"a=1", b"hello").split(b"\r\n") == [
        b"POST /x HTTP/1.1",
        b"Host: 127.0.0.1",
        b"Cookie: a=1",
        b"Content-Type: text/plain",
        b"Content-Length: 5",
        b"",
        b"hello",
    ]

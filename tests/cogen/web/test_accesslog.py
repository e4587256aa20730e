"""The access log: one line a request, times apart, nothing that a client can forge."""

import logging
import re
import time

import pytest

from cogen.web.accesslog import log_access
from tests.cogen.web.rig import hello, until

ENVIRON = {
    "REMOTE_ADDR": "192.0.2.1",
    "REQUEST_METHOD": "GET",
    "REQUEST_URI": "/a?b",
    "SERVER_PROTOCOL": "HTTP/1.1",
}


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "cogen.access")
    return lambda: [r.getMessage() for r in caplog.records if r.name == "cogen.access"]


def test_a_line_is_in_the_combined_format_with_both_times_behind(lines):
    log_access({**ENVIRON, "HTTP_USER_AGENT": "curl"}, "200 OK", 12, 8.2131, 8.2111)
    assert re.fullmatch(
        r'192\.0\.2\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /a\?b HTTP/1\.1" '
        r'200 12 "-" "curl" 8\.213 8\.211',
        lines()[0],
    )


def test_a_client_can_forge_neither_a_line_nor_a_field(lines):
    log_access({**ENVIRON, "HTTP_REFERER": 'x" 200 1\nevil', "REQUEST_URI": "/\xe9"}, None, 0, 0, 0)
    (line,) = lines()
    assert "\n" not in line
    assert r'"x\" 200 1\nevil"' in line
    assert r'"GET /\xe9 HTTP/1.1" - 0' in line


def test_what_a_request_waited_is_told_apart_from_what_it_took(serve, connect, lines):
    def app(environ, start_response):
        yield environ["cogen.core"].events.Sleep(0.05)
        start_response("200 OK", [])
        yield b"slept"

    server = serve(app, access_log=True)
    assert connect(server).get().body == b"slept"
    until(lines, "a line in the access log")
    took, waited = map(float, lines()[0].split()[-2:])
    assert 0.04 < waited <= took
    assert '"GET / HTTP/1.1" 200 5 ' in lines()[0]


def test_a_step_that_computes_takes_its_time(serve, connect, lines):
    """Though gevent's loop has not looked at its clock meanwhile."""

    def app(environ, start_response):
        ends = time.perf_counter() + 0.05
        while time.perf_counter() < ends:
            pass
        return hello(environ, start_response)

    assert connect(serve(app, access_log=True)).get().body == b"hello"
    until(lines, "a line in the access log")
    took, waited = map(float, lines()[0].split()[-2:])
    assert took >= 0.05
    assert waited == 0


def test_the_body_is_counted_without_its_framing(serve, connect, lines):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "3")])
        return [b"a", b"b", b"cd"]  # one octet too many, which is not sent

    server = serve(app, access_log=True)
    assert connect(server).get().body == b"abc"
    until(lines, "a line in the access log")
    assert " 200 3 " in lines()[0]
    assert server.logged("1 bytes beyond its Content-Length")


def test_an_error_of_the_servers_own_is_logged_with_its_status(serve, connect, lines):
    def app(environ, start_response):
        raise ValueError("no")

    server = serve(app, access_log=True)
    connect(server).get()
    until(lines, "a line in the access log")
    assert '"GET / HTTP/1.1" 500 ' in lines()[0]
    assert server.logged("ValueError: no")


def test_it_is_off_unless_asked_for(serve, connect, lines):
    assert connect(serve(hello)).get().status == 200
    assert lines() == []

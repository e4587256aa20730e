"""The sending half: clients that read slowly, and files that change meanwhile."""

import os

import pytest

from tests.cogen.web.apps import sending
from tests.cogen.web.rig import PLAIN, until


def test_write_blocks_its_own_request_only(serve, connect):
    def application(environ, start_response):
        write = start_response("200 OK", PLAIN)
        for _ in range(20):
            write(b"x" * 100_000)
        return [b"end"]

    server = serve(application)
    slow = connect(server, receive_buffer=4096)
    slow.request()
    slow.socket.recv(1000)
    assert len(connect(server).get().body) == 2_000_003
    received = 1000
    while not (data := slow.socket.recv(65536)).endswith(b"0\r\n\r\n"):
        received += len(data)
    assert received > 1_900_000


def test_file_is_sent_to_a_slow_reader_and_to_who_asked_ahead(serve, connect, big_file):
    client = connect(serve(sending(big_file)), receive_buffer=4096)
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
    assert [client.response().body for _ in range(3)] == [big_file.read_bytes()] * 3


def test_file_that_gets_shorter_while_it_is_sent_ends_the_connection(serve, connect, big_file):
    server = serve(sending(big_file))
    client = connect(server, receive_buffer=4096)
    client.request()
    arriving = client.arriving()
    assert next(arriving).status_code == 200
    os.truncate(big_file, 1_000_000)
    with pytest.raises(Exception, match="peer closed connection"):
        list(arriving)
    server.connections(0)


def test_file_whose_client_goes_is_closed(serve, connect, big_file):
    closed = []
    server = serve(sending(big_file, closed=closed))
    client = connect(server, receive_buffer=4096)
    client.request()
    client.socket.recv(1000)
    client.reset()
    until(lambda: closed and closed[0].closed, "closing the file")
    server.connections(0)

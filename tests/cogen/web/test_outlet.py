"""The sending half: clients that read slowly or not at all, large chunks, and files."""

import os
import time

import pytest

from cogen.web.response import PIECE
from tests.cogen.web.apps import sending
from tests.cogen.web.rig import PLAIN, Closing, until


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


def endless(produced):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        return Closing(chunks())

    def chunks():
        while True:
            produced.append(time.monotonic())
            yield b"x" * 100_000

    return application


def test_iterator_waits_for_a_client_that_does_not_read(serve, connect):
    produced = []
    server = serve(endless(produced), write_timeout=100)
    client = connect(server, receive_buffer=4096)
    client.request()
    until(lambda: server.call(lambda: any(c.exchange for c in server.server.connections)))
    count = -1
    while count != len(produced):  # until the kernel's buffers are full
        count = len(produced)
        time.sleep(0.05)
    assert count < 100
    (connection,) = server.call(lambda: list(server.server.connections))
    assert len(connection._out) <= 100_000 + 1000
    for _ in range(50):
        client.socket.recv(65536)
    until(lambda: len(produced) > count)
    client.close()
    server.connections(0)


@pytest.mark.parametrize("way", ["one", "yield", "write"])
def test_large_chunk_costs_a_connection_one_piece_of_it(serve, connect, way):
    large = os.urandom(3_000_000)

    def application(environ, start_response):
        write = start_response("200 OK", PLAIN)
        if way == "one":
            return [large]
        if way == "write":
            write(large)
            write(large)
            return []
        return iter([b"first", large, b"", large, b"last"])

    server = serve(application)
    client = connect(server, receive_buffer=4096)
    client.request()
    server.connections(1)
    (connection,) = server.call(lambda: list(server.server.connections))
    until(lambda: connection._out)
    assert len(connection._out) < PIECE + 1000
    response = client.response()
    expected = {"one": large, "write": large * 2, "yield": b"first" + large * 2 + b"last"}
    assert response.body == expected[way]
    assert response.headers.get("content-length") == ("3000000" if way == "one" else None)
    assert client.get(method="HEAD").body == b""
    assert client.get().body == expected[way]


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

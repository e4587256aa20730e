"""wsgi.file_wrapper: files are sent with their length, what is none is read in blocks."""

import gzip
import io
import os
import tempfile

import pytest

from cogen.web.wsgi import WSGIFileWrapper
from tests.cogen.web.apps import sending
from tests.cogen.web.rig import PLAIN, until


def test_file_is_sent_with_its_length(serve, connect, big_file):
    closed = []
    client = connect(serve(sending(big_file, closed=closed)))
    for _ in range(2):
        response = client.get()
        assert response.headers["content-length"] == "3000000"
        assert response.body == big_file.read_bytes()
    assert client.get(method="HEAD").headers["content-length"] == "3000000"
    assert len(client.get().body) == 3_000_000
    until(lambda: all(file.closed for file in closed), "closing the files")


def test_empty_file(serve, connect, tmp_path):
    path = tmp_path / "empty"
    path.touch()
    client = connect(serve(sending(path)))
    for _ in range(2):
        response = client.get()
        assert (response.headers["content-length"], response.body) == ("0", b"")


def test_part_of_a_file_is_what_content_length_says(serve, connect, big_file):
    server = serve(sending(big_file, [("Content-Length", "1000")], seek=2_000_000))
    client = connect(server)
    for _ in range(2):
        assert client.get().body == big_file.read_bytes()[2_000_000:2_001_000]


def test_file_shorter_than_announced_ends_the_connection(serve, connect, big_file):
    server = serve(sending(big_file, [("Content-Length", "4000000")]))
    client = connect(server)
    client.request()
    with pytest.raises(Exception, match="peer closed connection"):
        client.response()
    server.logged("short of its Content-Length")


def test_temporary_file_is_sent_by_sendfile(serve, connect, monkeypatch):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        file = tempfile.NamedTemporaryFile()
        file.write(b"abc" * 1000)
        file.seek(3)
        return environ["wsgi.file_wrapper"](file)

    def reading(wrapper):
        raise AssertionError("it was read")
        yield

    monkeypatch.setattr(WSGIFileWrapper, "__iter__", reading)
    response = connect(serve(application)).get()
    assert (response.headers["content-length"], response.body) == ("2997", b"abc" * 999)


def test_what_reads_as_something_else_than_its_descriptor_is_read(serve, connect, tmp_path):
    """An unpacking file has the descriptor of the packed one; one of /proc has no size."""
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(b"unpacked" * 1000))

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        if environ["PATH_INFO"] == "/gzip":
            return environ["wsgi.file_wrapper"](gzip.open(path))
        return environ["wsgi.file_wrapper"](open("/proc/self/status", "rb"))

    client = connect(serve(application))
    assert client.get("/gzip").body == b"unpacked" * 1000
    assert f"Pid:\t{os.getpid()}\n".encode() in client.get("/proc").body


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_what_is_no_file_is_sent_in_blocks(serve, connect, version):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        return environ["wsgi.file_wrapper"](io.BytesIO(b"abcdef"), 4)

    client = connect(serve(application))
    client.send(b"GET / HTTP/%s\r\nHost: a\r\n\r\n" % version.encode())
    response = client.response()
    assert response.body == b"abcdef"
    if version == "1.1":
        assert response.chunks == [b"abcd", b"ef"]


def test_wrapped_file_wrapper_passes_through_middleware(serve, connect, big_file):
    def application(environ, start_response):
        result = sending(big_file)(environ, start_response)
        yield from result
        result.close()

    assert connect(serve(application)).get().body == big_file.read_bytes()

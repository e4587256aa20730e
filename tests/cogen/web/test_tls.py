"""TLS: the same server behind a codec, and clients that break the protocol."""

import contextlib
import os
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from cogen.core import queue
from cogen.web.tls import TLS, server_context
from tests.cogen.web.rig import PLAIN, hello, until


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for 127.0.0.1 and its key, in two files."""
    directory = tmp_path_factory.mktemp("tls")
    cert, key = str(directory / "cert.pem"), str(directory / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        + ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
        + ["-keyout", key, "-out", cert],
        check=True,
        capture_output=True,
    )
    return cert, key


@pytest.fixture
def secure(serve, connect, certificate):
    """Serve an application over TLS; return the server and a function that connects to it."""
    cert, key = certificate

    def start(app, **options):
        server = serve(app, certfile=cert, keyfile=key, **options)

        def client(version=None, **kwargs):
            context = ssl.create_default_context(cafile=cert)
            context.set_alpn_protocols(["h2", "http/1.1"])
            if version is not None:
                context.maximum_version = version
            return connect(
                server,
                wrap=lambda sock: context.wrap_socket(sock, server_hostname="127.0.0.1"),
                **kwargs,
            )

        return server, client

    return start


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_requests_over_tls(secure, version):
    seen = {}

    def application(environ, start_response):
        seen.update(environ)
        return hello(environ, start_response)

    server, client = secure(application)
    connection = client(version)
    assert [connection.get().body for _ in range(3)] == [b"hello"] * 3
    assert seen["wsgi.url_scheme"] == "https"
    assert server.server.url == f"https://127.0.0.1:{server.address[1]}"
    assert connection.socket.version() == version.name.replace("_", ".")
    assert connection.socket.selected_alpn_protocol() == "http/1.1"


def test_large_bodies_and_slow_readers(secure):
    def application(environ, start_response):
        body = environ["wsgi.input"].read()
        start_response("200 OK", PLAIN)
        yield body
        yield body

    _, client = secure(application)
    body = os.urandom(700_000)
    connection = client(receive_buffer=4096)
    for _ in range(2):
        assert connection.get(method="POST", body=body).body == body * 2


def test_waiting_and_files(secure, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(os.urandom(300_000))
    messages = queue.Queue()

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        if environ["PATH_INFO"] == "/file":
            return environ["wsgi.file_wrapper"](path.open("rb"))
        return waiting(environ)

    def waiting(environ):
        yield environ["cogen.call"](messages.get)()
        yield environ["cogen.wsgi"].result

    server, client = secure(application)
    connection = client()
    connection.request("/wait")
    server.parked()
    server.put(messages, b"message")
    assert connection.response().body == b"message"
    assert connection.get("/file").body == path.read_bytes()


def test_close_is_announced(secure):
    _, client = secure(hello)
    connection = client()
    assert connection.get(headers=["Connection: close"]).body == b"hello"
    assert connection.socket.recv(100) == b""  # ragged, it would be an SSLEOFError
    assert isinstance(connection.socket.unwrap(), socket.socket)


def test_clients_close_notify_is_the_end_of_its_input(secure):
    messages = queue.Queue()

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield environ["cogen.call"](messages.get)()

    server, client = secure(application)
    connection = client()
    connection.request()
    server.parked()
    connection.socket.settimeout(5)
    with contextlib.suppress(ssl.SSLError):
        connection.socket.unwrap()
    until(lambda: not messages.waiting_gets, "leaving the queue")


def test_client_that_leaves_in_mid_wait(secure):
    messages = queue.Queue()

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield environ["cogen.call"](messages.get)()

    server, client = secure(application)
    for leave in ("close", "reset"):
        connection = client()
        connection.request()
        server.parked()
        getattr(connection, leave)()
        server.connections(0)
    assert not messages.waiting_gets


def test_plain_http_is_cut_and_the_next_connection_works(secure, connect):
    server, client = secure(hello)
    plain = connect(server)
    plain.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert plain.is_closed()
    assert client().get().body == b"hello"
    server.connections(1)


def test_client_that_does_not_shake_hands_is_cut(secure, connect):
    server, client = secure(hello, header_timeout=0.1)
    silent, half = connect(server), connect(server)
    half.send(b"\x16\x03\x01")
    assert silent.is_closed()
    assert half.is_closed()
    assert client().get().body == b"hello"


def test_garbage_in_a_session_ends_it(secure):
    server, client = secure(hello)
    connection = client()
    assert connection.get().body == b"hello"
    with socket.socket(fileno=os.dup(connection.socket.fileno())) as raw:
        raw.sendall(b"\x17\x03\x03\x00\x05hello")
    with pytest.raises(ssl.SSLError, match="(?i)alert"):
        connection.socket.recv(100)
    server.connections(0)


def test_context_refuses_renegotiation_and_old_versions(certificate):
    context = server_context(*certificate)
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_key_may_be_in_the_certificates_file(certificate, tmp_path):
    both = tmp_path / "both.pem"
    both.write_bytes(b"".join(Path(name).read_bytes() for name in certificate))
    assert server_context(str(both), "")


@pytest.mark.parametrize("files", [("missing", "missing"), ("cert", "cert"), ("cert", "")])
def test_files_that_can_not_be_used_are_named(certificate, files):
    names = {"cert": certificate[0], "missing": "/does/not/exist", "": ""}
    with pytest.raises(ValueError, match="server options certfile and keyfile: "):
        server_context(*(names[name] for name in files))


def test_session_that_has_not_begun_can_be_closed(certificate):
    assert TLS(server_context(*certificate)).close() == b""

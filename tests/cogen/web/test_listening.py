"""The listening socket: TCP, UNIX sockets, and those that systemd passes."""

import os
import re
import shutil
import socket
import subprocess
import sys

import pytest

from cogen.web import listening
from tests.cogen.web.rig import Client, hello


def test_accepted_sockets_are_set_up_by_inheritance(serve, connect):
    server = serve(hello)
    assert connect(server).get().body == b"hello"
    (connection,) = server.call(lambda: list(server.server.connections))
    sock = connection._socket
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 131072
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
    assert not sock.getblocking()


def test_unix_socket(serve, connect, tmp_path):
    path = str(tmp_path / "socket")
    seen = {}

    def application(environ, start_response):
        seen.update(environ)
        return hello(environ, start_response)

    server = serve(application, path)
    assert server.server.url == f"unix:{path}"
    assert connect(server).get().body == b"hello"
    assert (seen["REMOTE_ADDR"], seen["SERVER_NAME"], seen["SERVER_PORT"]) == ("", "localhost", "")
    server.stop()
    assert not os.path.exists(path)


def test_dead_unix_socket_is_replaced_and_a_living_one_is_not(serve, connect, tmp_path):
    path = str(tmp_path / "socket")
    left = socket.socket(socket.AF_UNIX)
    left.bind(path)
    left.close()
    server = serve(hello, path)
    assert connect(server).get().body == b"hello"
    with pytest.raises(OSError, match="in use"):
        serve(hello, path)
    assert connect(server).get().body == b"hello"


def test_file_that_is_no_socket_is_left_alone(serve, tmp_path):
    """Connecting to it is refused, as with the socket of a server that has been killed."""
    path = tmp_path / "precious"
    path.write_text("data")
    link = tmp_path / "link"
    link.symlink_to(path)
    for address in (path, link, tmp_path):
        with pytest.raises(OSError, match="in use"):
            serve(hello, str(address))
    assert link.read_text() == "data"


@pytest.mark.parametrize("path", ["", "/tmp/" + "x" * 103])
def test_path_that_no_socket_can_have(serve, path):
    with pytest.raises(ValueError, match="path of a UNIX socket has 1 to 107 bytes"):
        serve(hello, path)


def test_server_whose_socket_has_been_removed_can_be_stopped(serve, connect, tmp_path):
    path = tmp_path / "socket"
    server = serve(hello, str(path))
    client = connect(server)
    assert client.get().body == b"hello"
    path.unlink()
    server.stop()
    assert client.is_closed()


def test_address_can_be_had_again_at_once(serve, connect):
    """Although the connections that the server has closed keep the kernel busy for a minute."""
    server = serve(hello)
    client = connect(server)
    assert client.get(headers=["Connection: close"]).body == b"hello"
    assert client.is_closed()
    client.close()
    server.stop()
    assert connect(serve(hello, server.address)).get().body == b"hello"


def test_ipv6(serve, connect):
    server = serve(hello, ("::1", 0))
    assert server.server.url == f"http://[::1]:{server.address[1]}"
    with socket.create_connection(server.address) as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert sock.recv(65536).endswith(b"hello")


def test_empty_host_is_refused(serve):
    with pytest.raises(ValueError, match="ambiguous"):
        serve(hello, ("", 0))


# Sockets passed by systemd.


@pytest.fixture
def passed(monkeypatch):
    """A listening socket that is passed to this process, under another number than 3."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        number = os.dup(listener.fileno())
    os.set_inheritable(number, True)
    monkeypatch.setattr(listening, "_FIRST_PASSED", number)
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "1")
    return number


def test_passed_socket_is_served_and_kept_from_children(serve, connect, passed):
    server = serve(hello, ("systemd", 5000))
    assert server.address[0] == "127.0.0.1"
    assert server.address[1] != 5000
    assert connect(server).get().body == b"hello"
    assert not os.get_inheritable(passed)
    assert "LISTEN_PID" not in os.environ
    assert "LISTEN_FDS" not in os.environ


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("LISTEN_PID", "1", "no socket was passed: start it by a .socket unit"),
        ("LISTEN_PID", "", "no socket was passed"),
        ("LISTEN_FDS", "2", "2 sockets were passed"),
        ("LISTEN_FDS", "0", "0 sockets were passed"),
    ],
)
def test_wrong_number_of_passed_sockets(serve, passed, monkeypatch, name, value, message):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=message):
        serve(hello, ("systemd", 0))
    os.close(passed)


def test_passed_socket_that_does_not_listen(serve, passed):
    """One of Accept=yes, where systemd has accepted, or a datagram one."""
    with socket.socket() as connected:
        os.dup2(connected.fileno(), passed)
    with pytest.raises(ValueError, match="does not listen: .* ListenStream= and Accept=no"):
        serve(hello, ("systemd", 0))


LAUNCH = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="chat.socket")
os.execv(sys.executable, [sys.executable, "-m", "paster", "serve", sys.argv[2]])
"""


@pytest.fixture
def activated_ini(tmp_path):
    ini = tmp_path / "x.ini"
    ini.write_text(
        "[server:main]\nuse = egg:ChatApp#http\nhost = systemd\n"
        "[app:main]\npaste.app_factory = tests.cogen.web.apps:waiting_by_path\n"
    )
    return str(ini)


def test_process_that_systemd_starts(tmp_path, activated_ini):
    """A UNIX socket this time; it is systemd's, so that its file stays."""
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(listener.fileno()), activated_ini],
            pass_fds=[listener.fileno()],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    with process, Client(path) as client:
        try:
            assert client.get("/hello").body == b"hello"
        finally:
            client.close()
            process.terminate()
            log = process.stderr.read()
        assert process.wait(10) == 0, log
    assert re.search(f"serving on unix:{re.escape(path)}", log)
    assert os.path.exists(path)


@pytest.fixture
def activate(activated_ini):
    """Start the server by systemd's own command for trying a socket unit out."""
    command = shutil.which("systemd-socket-activate")
    if command is None:
        pytest.skip("needs systemd-socket-activate, of Debian's package systemd")
    started = []

    def start(*addresses):
        listen = [f"--listen={address}" for address in addresses]
        served = [sys.executable, "-m", "paster", "serve", activated_ini]
        path = os.pathsep.join(filter(None, sys.path))
        process = subprocess.Popen(
            [command, *listen, f"--setenv=PYTHONPATH={path}", *served],
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        for line in process.stderr:  # it listens before it says so, the last address last
            if f"Listening on {addresses[-1]}" in line:
                return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def free_address():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()


@pytest.mark.slow
@pytest.mark.parametrize("family", ["tcp", "unix"])
def test_systemd_socket_activate(activate, tmp_path, family):
    """The connection that starts the server is answered by it; a wait ends at SIGTERM."""
    address = free_address() if family == "tcp" else str(tmp_path / "socket")
    process = activate("{}:{}".format(*address) if family == "tcp" else address)
    with Client(address) as client, Client(address) as parked:
        assert client.get("/hello").body == b"hello"
        parked.request("/parked")
        assert any("begins /parked" in line for line in process.stderr)
        process.terminate()
        assert parked.response().body == b"OperationTimeout"
    log = process.stderr.read()
    assert process.wait(10) == 0, log
    assert "Traceback" not in log


@pytest.mark.slow
def test_systemd_socket_activate_with_two_sockets(activate):
    addresses = [free_address() for _ in "ab"]
    process = activate(*("{}:{}".format(*address) for address in addresses))
    with Client(addresses[1]) as client:
        assert client.is_closed()
    assert process.wait(10) == 1
    assert "2 sockets were passed: one is served" in process.stderr.read()

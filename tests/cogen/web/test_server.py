"""The server: how it accepts, and the dispatcher to several applications by their prefixes."""

import errno
import time

from tests.cogen.web.rig import PLAIN, Client, hello

# Accepting.


def test_server_out_of_descriptors_burns_no_time_and_recovers(serve_ini):
    served, address = serve_ini("few_files", "header_timeout = 100")
    clients = [Client(address) for _ in range(100)]
    served.wait_for("accepting pauses for")
    spent = cpu_seconds(served.process.pid)
    time.sleep(1)
    assert cpu_seconds(served.process.pid) - spent < 0.2
    assert len(served.lines) < 10
    for client in clients[:50]:
        client.close()
    with Client(address) as client:
        assert client.get().body == b"hello"
    assert clients[-1].get().body == b"hello"
    for client in clients:
        client.close()


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_connection_that_is_reset_before_it_is_accepted(serve, connect):
    server = serve(hello)

    def block():
        for _ in range(20):
            with Client(server.address) as client:
                client.reset()

    server.call(block)
    assert connect(server).get().body == b"hello"
    server.connections(1)


class Failing:
    """A listener whose accept() fails as often as it is told: accept(2), "Error handling"."""

    def __init__(self, listener, failures):
        self._listener = listener
        self._failures = failures

    def __getattr__(self, name):
        return getattr(self._listener, name)

    def _accept(self):
        if not self._failures:
            return self._listener._accept()
        self._failures -= 1
        raise OSError(errno.EPROTO, "Protocol error")


def test_error_of_the_network_at_accept_is_not_the_end_of_accepting(serve, connect):
    server = serve(hello)
    server.server.socket = Failing(server.server.socket, 1)
    assert connect(server).get().body == b"hello"
    server.logged("accepting pauses for 0.5 s: .*Protocol error")


def test_error_of_the_network_at_accept_does_not_keep_the_server_from_stopping(serve, connect):
    server = serve(hello)
    assert connect(server).get().body == b"hello"
    server.server.socket = Failing(server.server.socket, 1000)
    server.call(server.server.stop)
    server.logged("accepting pauses")


# Several applications.


def test_applications_by_prefix(serve, connect):
    def where(environ, start_response):
        start_response("200 OK", PLAIN)
        return [f"{environ['SCRIPT_NAME']} {environ['PATH_INFO']}".encode()]

    client = connect(serve([("/a", where), ("/a/b", where), ("/c/", where)]))
    answers = {path: client.get(path).body for path in ("/a", "/a/x", "/a/b/c", "/ab", "/c/d", "/")}
    assert answers == {
        "/a": b"/a ",
        "/a/x": b"/a /x",
        "/a/b/c": b"/a/b /c",
        "/ab": b"",
        "/c/d": b"/c /d",
        "/": b"",
    }

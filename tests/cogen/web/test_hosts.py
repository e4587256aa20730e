"""The inline host on other servers for real: a request that waits is answered by another."""

import os
import re
import shutil
import socket
import subprocess
import sys

import pytest

from tests.cogen.web.rig import Client

PYWSGI = """
import sys
{patch}
import gevent.pywsgi, gevent.socket
from tests.cogen.web.apps import inline, inline_chat
app = inline_chat() if sys.argv[2] == "inline_chat()" else inline
listener = gevent.socket.socket(fileno=int(sys.argv[1]))
gevent.pywsgi.WSGIServer(listener, app, log=None).serve_forever()
"""
WAITRESS = """
import socket, sys, waitress
from tests.cogen.web.apps import inline, inline_chat
app = inline_chat() if sys.argv[2] == "inline_chat()" else inline
waitress.serve(app, sockets=[socket.socket(fileno=int(sys.argv[1]))], threads=8)
"""


def python(*arguments):
    return [sys.executable, *arguments, "{fd}", "{app}"]


def gunicorn(*options):
    options = [*options, "-b", "fd://{fd}", "tests.cogen.web.apps:{app}"]
    return [sys.executable, "-m", "gunicorn", *options]


def uwsgi(*options):
    # It is no requirement of the tests, since pip compiles it; --need-app ends it on an error.
    options = [*options, "--http-socket", "fd://{fd}", "--module", "tests.cogen.web.apps:{app}"]
    return ["uwsgi", *options, "--need-app", "--die-on-term"]


SERVERS = {
    "waitress": python("-c", WAITRESS),
    "pywsgi": python("-c", PYWSGI.format(patch="")),
    "pywsgi, patched": python(
        "-c", PYWSGI.format(patch="import gevent.monkey; gevent.monkey.patch_all()")
    ),
    "gunicorn gthread": gunicorn("-k", "gthread", "--threads", "8"),
    "gunicorn gevent": gunicorn("-k", "gevent"),
    "uwsgi threads": uwsgi("--threads", "8"),
    "uwsgi gevent": uwsgi("--gevent", "8"),
}


@pytest.fixture(params=SERVERS)
def connect_to(request):
    """Serve an application of apps.py on another server; return how to connect to it."""
    program = SERVERS[request.param][0]
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    if shutil.which(program, path=path) is None:
        pytest.skip(f"needs {program}")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        address = listener.getsockname()
        started = []

        def start(app):
            fd = listener.fileno()
            command = [part.replace("{fd}", str(fd)) for part in SERVERS[request.param]]
            process = subprocess.Popen(
                [part.replace("{app}", app) for part in command],
                pass_fds=[fd],
                stderr=subprocess.PIPE,
                text=True,
                env={
                    **os.environ,
                    "PATH": path,
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                },
            )
            started.append(process)
            return lambda: Client(address)

        yield start
        for process in started:
            process.terminate()
            log = process.communicate(timeout=20)[1]
            assert "Traceback" not in log, log


@pytest.mark.slow
def test_waiting_requests_are_answered_by_others(connect_to):
    connect = connect_to("inline")
    with connect() as client:
        assert client.get("/").body == b"one two"
    pulls = [connect() for _ in range(5)]
    for pull in pulls:
        pull.request("/pull")
    assert pulls[-1].has_nothing(0.2)
    for number in range(5):
        with connect() as push:  # waitress closes after each chunked response
            assert push.get("/push", "POST", body=b"%d" % number).body == b"pushed"
    assert sorted(pull.response().body for pull in pulls) == [b"0", b"1", b"2", b"3", b"4"]
    for pull in pulls:
        pull.close()


@pytest.mark.slow
def test_chat(connect_to):
    connect = connect_to("inline_chat()")
    cookies = {}
    for nick in ("alice", "bob"):
        with connect() as client:  # uWSGI closes after each response
            response = client.get(f"/chat/pull/{nick}")
        assert (response.status, response.body) == (200, b"")
        cookies[nick] = ["Cookie: " + response.headers["set-cookie"].partition(";")[0]]
    with connect() as alice, connect() as bob:
        alice.request("/chat/pull", headers=cookies["alice"])
        assert alice.has_nothing(0.2)
        pushed = bob.get("/chat/push", "POST", headers=cookies["bob"], body=b"hello")
        assert pushed.status == 200
        assert re.search(rb"bob: hello\r\n", alice.response().body)

"""A server in a thread for each test that asks for one, and clients that are closed at the end."""

import os

import pytest

from tests.cogen.web.rig import Client, Serving


@pytest.fixture
def serve():
    """Start ``serve(app, **options)``; at the end each server has to stop clean."""
    started = []

    def start(app, *arguments, **options):
        started.append(Serving(app, *arguments, **options))
        return started[-1]

    yield start
    for serving in started:
        serving.stop()


@pytest.fixture
def connect(serve):
    """Connect to a server: ``connect(serving)``; closed before the servers stop."""
    clients = []

    def start(serving, **options):
        clients.append(Client(serving.address, **options))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


@pytest.fixture
def serve_ini(paster_serve, tmp_path):
    """Serve an application of tests.cogen.web.apps by ``paster serve``; return it, and where."""

    def start(app, *options):
        ini = tmp_path / "x.ini"
        lines = ["[server:main]", "use = egg:ChatApp#http", "port = 0", *options]
        lines += ["[app:main]", f"paste.app_factory = tests.cogen.web.apps:{app}"]
        ini.write_text("\n".join(lines))
        served = paster_serve(str(ini))
        host, _, port = served.url.removeprefix("http://").partition(":")
        return served, (host, int(port))

    return start


@pytest.fixture
def big_file(tmp_path):
    """A file of three million octets, which no socket's buffer holds."""
    path = tmp_path / "big"
    path.write_bytes(os.urandom(3_000_000))
    return path

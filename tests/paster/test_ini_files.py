"""The two ini files of the project, as a newcomer uses them."""

import pathlib
import subprocess
import sys
import urllib.request

import pytest
from paste.deploy import loadwsgi

from paster.ini import open_ini

ROOT = pathlib.Path(__file__).parent.parent.parent


def get(url):
    return urllib.request.urlopen(url, timeout=10)


@pytest.mark.parametrize("name", ["test.ini", "development.ini"])
def test_chat_is_served_and_a_client_joins(paster_serve, name):
    served = paster_serve(name, "http_port=0")
    with get(f"{served.url}/") as page:
        assert b"<!doctype html>" in page.read()
    with get(f"{served.url}/chat/pull/bob") as joined:
        cookie = joined.headers["Set-Cookie"]
    assert cookie.startswith("chatapp=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


@pytest.mark.parametrize(("level", "heard"), [("INFO", True), ("WARNING", False)])
def test_log_level_is_a_variable(level, heard):
    done = subprocess.run(
        [sys.executable, "-m", "paster", "request", "test.ini", "/", f"log_level={level}"],
        cwd=ROOT,
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == 0
    assert (b"secret is not set" in done.stderr) is heard


@pytest.mark.parametrize(("name", "debug"), [("test.ini", "false"), ("development.ini", "true")])
def test_only_the_developers_file_shows_tracebacks(name, debug):
    context = open_ini(str(ROOT / name), {}).get_context(loadwsgi.APP)
    assert context.global_conf["debug"] == debug


def test_there_is_no_secret_to_copy():
    assert (
        open_ini(str(ROOT / "development.ini"), {}).parser.get("app:main", "beaker.session.secret")
        == ""
    )

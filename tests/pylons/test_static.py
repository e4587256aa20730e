"""Files of a directory, and the cascade."""

from __future__ import annotations

import os

import pytest
import webtest

from pylons.middleware import Cascade, StaticFiles
from tests.pylons.driver import get


@pytest.fixture
def public(tmp_path):
    directory = tmp_path / "public"
    directory.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (directory / "index.html").write_text("<p>home")
    (directory / "css").mkdir()
    (directory / "css" / "chat.css").write_text("body {}")
    (directory / "docs").mkdir()
    (directory / "docs" / "index.html").write_text("<p>docs")
    (directory / "no.type-known").write_bytes(b"?")
    (directory / "zo\u00eb.txt").write_text("zo\u00eb")
    return directory


def test_files_have_etag_and_date_and_answer_304_and_ranges(public):
    app = webtest.TestApp(StaticFiles(str(public)))
    response = app.get("/css/chat.css")
    assert response.text == "body {}"
    assert response.content_type == "text/css"
    headers = response.headers
    assert app.get("/css/chat.css", headers={"If-None-Match": headers["ETag"]}).status_int == 304
    since = {"If-Modified-Since": headers["Last-Modified"]}
    assert app.get("/css/chat.css", headers=since).status_int == 304
    part = app.get("/css/chat.css", headers={"Range": "bytes=1-4"})
    assert (part.status_int, part.body) == (206, b"ody ")
    assert app.get("/no.type-known").content_type == "application/octet-stream"
    assert app.get("/").text == "<p>home"
    assert app.get("/zo%C3%AB.txt").body == "zo\u00eb".encode()
    os.utime(public / "css" / "chat.css", (1, 1))
    assert app.get("/css/chat.css", headers={"If-None-Match": headers["ETag"]}).status_int == 200


@pytest.mark.parametrize(
    "path",
    ["/missing", "/css/missing", "/css/a\0b", "/\xff", "/css/\xff\xfe", "/../secret.txt", "/.."],
)
def test_what_is_no_file_is_no_success(public, path):
    exchange = get(StaticFiles(str(public)), path)
    assert exchange.status == "404 Not Found"
    assert str(public).encode() not in exchange.body


def test_a_directory_is_its_index_page(public):
    app = StaticFiles(str(public))
    assert get(app, "/docs/").body == b"<p>docs"
    moved = get(app, "/docs", SCRIPT_NAME="/app")
    assert (moved.status, moved.headers["location"]) == ("301 Moved Permanently", "/app/docs/")
    assert get(app, "/css").status == "404 Not Found"
    assert get(app, "/css/").status == "404 Not Found"


def test_a_file_reaches_the_servers_file_wrapper_and_is_closed(public):
    files = []

    class FileWrapper:
        def __init__(self, file, size):
            files.append(file)
            self.close = file.close

        def __iter__(self):
            return iter(lambda: files[-1].read(4), b"")

    wrapper = {"wsgi.file_wrapper": FileWrapper}
    app = StaticFiles(str(public))
    assert get(app, "/css/chat.css", **wrapper).body == b"body {}"
    part = get(app, "/css/chat.css", HTTP_RANGE="bytes=1-4", **wrapper)
    assert part.body == b"ody "
    assert [file.closed for file in files] == [True]


def test_what_is_not_a_file_to_read_is_not_read(public):
    os.mkfifo(public / "pipe")
    assert get(StaticFiles(str(public)), "/pipe").status == "404 Not Found"


def test_a_missing_directory_is_an_error_at_start():
    with pytest.raises(NotADirectoryError, match="no such directory"):
        StaticFiles("/no/such/directory")


def test_a_new_file_is_seen_within_the_refresh_time(public, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("pylons.static.time.monotonic", lambda: clock[0])
    app = StaticFiles(str(public))
    assert get(app, "/new.txt").status == "404 Not Found"
    (public / "new.txt").write_text("new")
    assert get(app, "/new.txt").status == "404 Not Found"
    clock[0] += app.refresh
    assert get(app, "/new.txt").body == b"new"


def test_a_cascade_takes_the_first_that_has_it(public):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{environ['SCRIPT_NAME']}|{environ['PATH_INFO']}".encode()]

    def moves(environ, start_response):
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = "/moved", "/"
        start_response("404 Not Found", [], None)
        return closing

    class Closing(list):
        closes = 0

        def close(self):
            self.closes += 1

    closing = Closing([b"no"])
    app = Cascade([StaticFiles(str(public)), moves, application])
    assert get(app, "/css/chat.css").body == b"body {}"
    assert get(app, "/chat/pull").body == b"|/chat/pull"
    assert closing.closes == 1


def test_other_statuses_can_be_caught(public):
    def application(environ, start_response):
        start_response("200 OK", [])
        return [b"application"]

    post = {"REQUEST_METHOD": "POST"}
    static = StaticFiles(str(public))
    assert get(Cascade([static, application]), "/index.html", **post).status[:3] == "405"
    assert (
        get(Cascade([static, application], (404, 405)), "/index.html", **post).body[:4] == b"appl"
    )


def test_the_last_may_be_late_and_no_other():
    def late(environ, start_response):
        yield b""
        start_response("200 OK", [])
        yield b"late"

    class Body(list):
        closes = 0

        def close(self):
            self.closes += 1

    body = Body()
    assert get(Cascade([late])).chunks == [b"", b"late"]
    with pytest.raises(RuntimeError, match="make it the last"):
        get(Cascade([lambda environ, start_response: body, late]))
    assert body.closes == 1

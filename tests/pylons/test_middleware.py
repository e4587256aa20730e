"""Error documents and errors: decided when the response starts, and nothing held back."""

from __future__ import annotations

import logging

import pytest

from pylons import request, response, session
from pylons.controllers.util import abort
from pylons.middleware import ErrorHandler, StatusCodeRedirect
from pylons.registry import RegistryManager
from tests.pylons.driver import Exchange, get, make_environ


class Body:
    """A response body that counts its closes and notes how far it was read."""

    def __init__(self, *chunks):
        self.chunks = list(chunks)
        self.read = 0
        self.closes = 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.read >= len(self.chunks):
            raise StopIteration
        self.read += 1
        chunk = self.chunks[self.read - 1]
        return chunk() if callable(chunk) else chunk

    def close(self):
        self.closes += 1


def error_page(environ, start_response):
    original = environ["pylons.original_response"]
    start_response("200 OK", [("Content-Type", "text/html"), ("X-Page", "1")])
    body = f"{original.status_int} {original.text} {environ['REQUEST_METHOD']}".encode()
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]


def redirecting(inner, page=error_page, **options):
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/error/document":
            return page(environ, start_response)
        return inner(environ, start_response)

    return StatusCodeRedirect(app, **options)


def answering(status, *chunks, headers=(), late=0):
    """Return an application and its body; it starts its response at step `late` of the body."""

    def app(environ, start_response):
        def start():
            start_response(status, [("Content-Type", "text/plain"), *headers])

        if not late:
            start()
        else:
            plain = body.chunks[late - 1]
            body.chunks[late - 1] = lambda: (start(), plain)[1]
        return body

    body = Body(*chunks)
    return app, body


def test_a_good_response_is_handed_on_as_it_is():
    inner, body = answering("200 OK", b"a", b"b")
    exchange = Exchange(redirecting(inner), make_environ())
    assert exchange.app_iter is body
    assert body.read == 0


def test_a_late_good_response_streams_one_to_one():
    inner, body = answering("200 OK", b"", b"", b"a", b"", b"b", late=3)
    exchange = Exchange(redirecting(inner), make_environ())
    for n, chunk in enumerate([b"", b"", b"a", b"", b"b"], 1):
        assert exchange.step() == chunk
        assert body.read == n, "nothing is read ahead"
    exchange.finish()
    assert exchange.started_at == [2]
    assert body.closes == 1


@pytest.mark.parametrize("late", [0, 1, 2])
def test_an_error_is_replaced_by_the_page_under_its_status(late):
    inner, body = answering(
        "404 Not Found",
        b"",
        b"gone",
        headers=[("Set-Cookie", "a=1"), ("Retry-After", "9"), ("Content-Length", "4")],
        late=late,
    )
    exchange = get(redirecting(inner), "/x?code=1", body=b"form")
    assert exchange.status == "404 Not Found"
    assert exchange.body == b"404 gone GET"
    assert exchange.headers == {
        "content-type": "text/html",
        "x-page": "1",
        "set-cookie": "a=1",
        "retry-after": "9",
    }
    assert body.closes == 1


def test_empty_chunks_of_an_error_still_reach_the_server():
    inner, _ = answering("404 Not Found", b"", b"gone", b"", late=1)
    assert get(redirecting(inner)).chunks == [b"", b"", b"404 gone GET"]


def test_the_page_may_wait_too():
    def page(environ, start_response):
        yield b""
        start_response("200 OK", [])
        yield b"page"
        yield b""

    inner, _ = answering("404 Not Found", b"gone")
    assert get(redirecting(inner, page)).chunks == [b"", b"page", b""]


@pytest.mark.parametrize("kind", ["error", "exception", "late exception", "empty"])
def test_if_the_page_fails_the_original_is_sent(kind, caplog):
    def page(environ, start_response):
        if kind == "exception":
            raise LookupError("no page")
        start_response("500 Oh" if kind == "error" else "200 OK", [])
        yield b""
        if kind == "late exception":
            raise LookupError("no page")
        yield b"" if kind == "empty" else b"broken page"

    inner, body = answering("404 Not Found", b"gone")
    exchange = get(redirecting(inner, page))
    assert (exchange.status, exchange.body) == ("404 Not Found", b"gone")
    assert body.closes == 1
    assert ("no page" in caplog.text) == ("exception" in kind)


def test_a_page_that_fails_after_its_first_data_is_the_servers():
    def page(environ, start_response):
        start_response("200 OK", [])
        yield b"page"
        raise LookupError("broken off")

    inner, _ = answering("404 Not Found", b"gone")
    exchange = Exchange(redirecting(inner, page), make_environ())
    with pytest.raises(LookupError):
        exchange.finish()
    assert exchange.chunks == [b"page"]


def test_a_page_of_several_chunks_is_streamed_and_closed_once():
    body = Body(b"", b"one ", b"", b"two")

    def page(environ, start_response):
        start_response("200 OK", [])
        return body

    inner, _ = answering("404 Not Found", b"gone")
    assert get(redirecting(inner, page)).chunks == [b"", b"one ", b"", b"two"]
    assert body.closes == 1


def test_a_head_request_gets_a_head_request_for_the_page():
    inner, _ = answering("404 Not Found")
    exchange = get(redirecting(inner), REQUEST_METHOD="HEAD")
    assert (exchange.status, exchange.body) == ("404 Not Found", b"")


def test_the_application_can_keep_its_own_error():
    inner, _ = answering("404 Not Found", b"mine ", b"alone")

    def app(environ, start_response):
        environ["pylons.status_code_redirect"] = True
        return inner(environ, start_response)

    exchange = get(redirecting(app))
    assert (exchange.status, exchange.body) == ("404 Not Found", b"mine alone")


def test_a_very_long_error_is_data_and_streams():
    chunks = [letter * 600_000 for letter in (b"a", b"b", b"c")]
    inner, body = answering("404 Not Found", *chunks)
    exchange = get(redirecting(inner))
    assert exchange.chunks == chunks
    assert exchange.headers["content-type"] == "text/plain"
    assert body.closes == 1


def test_closing_early_closes_once():
    for late in (0, 2):
        inner, body = answering("404 Not Found", b"", b"gone", late=late)
        exchange = Exchange(redirecting(inner), make_environ())
        exchange.close()
        exchange.close()
        assert body.closes == 1


def test_written_data_counts_as_body():
    def inner(environ, start_response):
        write = start_response("404 Not Found", [])
        write(b"wri")
        return [b"tten"]

    assert get(redirecting(inner)).body == b"404 written GET"


def test_other_statuses_and_paths_can_be_chosen():
    inner, _ = answering("500 Oh", b"broken")
    app = StatusCodeRedirect(inner, errors=[404])
    assert get(app).body == b"broken"


def test_with_an_application_that_waits_and_aborts(site):
    def index(self):
        yield b""
        session["kept"] = "yes"
        session.save()
        abort(404, "no such room")

    def document(self):
        original = request.environ["pylons.original_response"]
        yield b""
        yield f"page for {original.status_int} of {request.environ['pylons.original_request'].path}"

    def item(self, id):
        return session["kept"]

    site.controller(index=index, document=document, item=item)
    site.mapper.connect("/error/document", controller="home", action="document")
    app = RegistryManager(StatusCodeRedirect(site.bare()))
    exchange = get(app, "/")
    assert (exchange.status, exchange.body) == ("404 Not Found", b"page for 404 of /")
    assert exchange.chunks[:-1] == [b"", b""]
    # One session although both runs have the session layer inside.
    assert get(app, "/item/1", HTTP_COOKIE=exchange.cookie).body == b"yes"


class TestErrorHandler:
    """An exception is logged and becomes a 500, once."""

    def test_an_exception_in_the_call(self, caplog):
        def app(environ, start_response):
            raise LookupError("broken")

        exchange = get(ErrorHandler(app, {}), "/x")
        assert exchange.status == "500 Internal Server Error"
        assert exchange.body == b"Internal Server Error\n"
        [record] = caplog.records
        assert record.levelno == logging.ERROR
        assert record.getMessage() == "Error while serving GET /x"
        assert "LookupError: broken" in caplog.text

    def test_an_exception_before_the_first_data(self, caplog):
        def app(environ, start_response):
            yield b""
            raise LookupError("broken")

        exchange = get(ErrorHandler(app))
        assert exchange.chunks == [b"", b"Internal Server Error\n"]
        assert len(caplog.records) == 1

    def test_an_exception_after_data_is_the_servers(self, caplog):
        def app(environ, start_response):
            start_response("200 OK", [])
            yield b"data"
            raise LookupError("broken")

        exchange = Exchange(ErrorHandler(app), make_environ())
        exchange.step()
        with pytest.raises(LookupError):
            exchange.step()
        assert not caplog.records

    def test_after_data_the_error_page_does_not_replace_it(self):
        def app(environ, start_response):
            start_response("200 OK", [])
            yield b"data"
            raise LookupError("broken")

        exchange = Exchange(redirecting(ErrorHandler(app), errors=[500]), make_environ())
        exchange.step()
        with pytest.raises(LookupError):
            exchange.finish()
        assert exchange.chunks == [b"data"]

    def test_it_streams_and_closes_once(self):
        inner, body = answering("200 OK", b"", b"a", b"", late=2)
        exchange = get(ErrorHandler(inner))
        assert exchange.chunks == [b"", b"a", b""]
        assert body.closes == 1

    @pytest.mark.parametrize("around", [lambda app: app, StatusCodeRedirect])
    def test_what_can_not_be_iterated_over_is_closed_too(self, caplog, around):
        class NoIterable:
            closes = 0

            def close(self):
                self.closes += 1

        result = NoIterable()
        exchange = get(ErrorHandler(around(lambda environ, start_response: result)))
        assert exchange.status == "500 Internal Server Error"
        assert result.closes == 1

    def test_data_of_the_failed_response_is_not_sent_with_the_page(self, caplog):
        def inner(environ, start_response):
            start_response("404 Not Found", [])
            yield b"half of"
            raise LookupError("oh")

        app = StatusCodeRedirect(ErrorHandler(inner), [404, 500])
        environ = make_environ()
        environ["pylons.status_code_redirect"] = True
        exchange = Exchange(app, environ).finish()
        assert (exchange.status[:3], exchange.body) == ("500", b"Internal Server Error\n")

    def test_a_500_gets_its_page(self):
        def app(environ, start_response):
            raise LookupError("broken")

        app = redirecting(ErrorHandler(app), errors=[500])
        assert get(app).body == b"500 Internal Server Error\n GET"

    def test_headers_of_the_failed_response_are_not_sent(self, site):
        def index(self):
            response.set_cookie("a", "1")
            raise LookupError("broken")

        site.controller(index=index)
        exchange = get(RegistryManager(ErrorHandler(site.bare())))
        assert "set-cookie" not in exchange.headers

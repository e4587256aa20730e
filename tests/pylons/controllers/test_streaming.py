"""A generator action is a first-class response: late to start, and left alone otherwise."""

from __future__ import annotations

import pytest

from pylons import Response, request, response, session
from pylons.controllers.util import abort, redirect
from tests.pylons.driver import Exchange, get, make_environ


def cookies_of(exchange):
    return [value for name, value in exchange.starts[-1][1] if name.lower() == "set-cookie"]


def test_empty_chunks_pass_one_to_one_and_do_not_start_the_response(site):
    def index(self):
        yield b""
        yield ""
        response.status = 201
        response.headers["X-Late"] = "yes"
        yield "zo\u00eb"
        yield b""
        yield b"!"

    site.controller(index=index)
    exchange = get(site.app())
    assert exchange.chunks == [b"", b"", "zo\u00eb".encode(), b"", b"!"]
    assert exchange.started_at == [2]
    assert exchange.status == "201 Created"
    assert exchange.headers["x-late"] == "yes"
    assert exchange.headers["cache-control"] == "no-cache"
    assert "content-length" not in exchange.headers


def test_text_is_encoded_with_the_charset_of_the_response(site):
    def index(self):
        response.charset = "latin-1"
        yield "zo\u00eb"

    site.controller(index=index)
    assert get(site.app()).body == b"zo\xeb"


def test_session_and_cookie_set_after_waiting_are_kept(site):
    def index(self):
        yield b""
        session["nick"] = "ada"
        session.save()
        response.set_cookie("seen", "1")
        yield b"ok"

    def item(self, id):
        return session.get("nick", "nobody")

    site.controller(index=index, item=item)
    app = site.app()
    cookies = cookies_of(get(app))
    assert any(c.startswith("seen=1") for c in cookies)
    sid = next(c for c in cookies if c.startswith("sid="))
    assert "httponly" in sid.lower()
    assert get(app, "/item/1", HTTP_COOKIE=sid.split(";")[0]).body == b"ada"
    assert get(app, "/item/1").body == b"nobody"


def test_an_action_that_yields_no_data_is_an_empty_200(site):
    def index(self):
        response.headers["X-Late"] = "yes"
        yield b""

    site.controller(index=index)
    exchange = get(site.app())
    assert (exchange.status, exchange.body) == ("200 OK", b"")
    assert exchange.headers["content-length"] == "0"
    assert exchange.headers["x-late"] == "yes"


@pytest.mark.parametrize("change", ["session", "cookie", "status", "header", "save"])
def test_what_comes_too_late_is_an_error_that_says_so(site, change):
    def index(self):
        session["early"] = 1
        yield b"data"
        if change == "session":
            session["late"] = 1
        elif change == "save":
            session.save()
        elif change == "cookie":
            response.set_cookie("late", "1")
        elif change == "status":
            response.status = 500
        else:
            response.headers["X-Late"] = "1"
        yield b"never"

    site.controller(index=index)
    exchange = Exchange(site.app(), make_environ())
    assert exchange.step() == b"data"
    with pytest.raises(RuntimeError, match="before the action's first data"):
        exchange.step()
    exchange.close()


def test_what_has_been_started_can_still_be_read(site):
    def index(self):
        session["nick"] = "ada"
        response.headers["X-Early"] = "1"
        response.status = 202
        yield b"data"
        yield f"{session['nick']} {response.headers['X-Early']} {response.status_int}"

    site.controller(index=index)
    assert get(site.app()).body == b"dataada 1 202"


def test_an_exception_before_the_first_data_starts_nothing(site):
    def index(self):
        yield b""
        raise LookupError("broken")

    site.controller(index=index)
    exchange = Exchange(site.app(), make_environ())
    assert exchange.step() == b""
    with pytest.raises(LookupError, match="broken"):
        exchange.step()
    assert exchange.starts == []
    exchange.close()


def test_abort_before_the_first_data_becomes_the_response_with_cookies_and_session(site):
    def index(self):
        yield b""
        session["seen"] = 1
        session.save()
        response.set_cookie("why", "not-yet")
        abort(403, "not yet")

    site.controller(index=index)
    exchange = get(site.app())
    assert exchange.status == "403 Forbidden"
    assert b"not yet" in exchange.body
    assert exchange.environ["pylons.controller.exception"].status_int == 403
    assert sorted(c.split("=")[0] for c in cookies_of(exchange)) == ["sid", "why"]


def test_redirect_before_the_first_data_becomes_the_response(site):
    def index(self):
        yield b""
        redirect("/item/3")

    site.controller(index=index)
    exchange = get(site.app())
    assert exchange.status == "302 Found"
    assert exchange.headers["location"] == "http://test.example/item/3"


def test_abort_after_data_propagates(site):
    ended = Ended()

    def index(self):
        yield b"data"
        abort(403)

    site.controller(index=index, __after__=ended.after())
    exchange = Exchange(site.app(), make_environ())
    exchange.step()
    with pytest.raises(Exception, match="Access was denied"):
        exchange.step()
    exchange.close()
    assert [status for status, _ in exchange.starts] == ["200 OK"]
    assert ended.how == []


@pytest.mark.parametrize(("first", "chunks"), [(b"", [b"", b"bye"]), (b"a", [b"a", b"bye"])])
def test_returned_text_is_the_last_chunk(site, first, chunks):
    def index(self):
        yield first
        return "bye"

    site.controller(index=index)
    assert get(site.app()).chunks == chunks


def test_text_returned_before_any_data_has_a_length(site):
    def index(self):
        yield b""
        return "zo\u00eb"

    site.controller(index=index)
    assert get(site.app()).headers["content-length"] == "4"


class Text(str):
    """Text of another type, as template engines have them."""


@pytest.mark.parametrize("charset", ["utf-8", "latin-1"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("result", ["zo\u00eb", Text("a"), "", b"\xff", None])
def test_returned_text_is_answered_as_a_plain_actions(site, result, method, charset):
    asked = []

    def plain(self):
        return result

    def untouched(self, pylons):
        yield b""
        asked.append(pylons.has_response)
        return result

    def touched(self, pylons):
        yield b""
        response.headers["X-One"] = "1"
        del response.headers["X-One"]
        asked.append(pylons.has_response)
        return result

    site.config["pylons.response_options"]["charset"] = charset
    site.controller(plain=plain, untouched=untouched, touched=touched)
    app = site.app()
    actions = ("/plain", "/untouched", "/touched")
    one, two, three = (get(app, path, REQUEST_METHOD=method) for path in actions)
    assert one.starts == two.starts == three.starts
    assert one.body == two.body == three.body
    assert asked == [False, True]


def test_a_response_returned_after_data_is_an_error(site):
    def index(self):
        yield b"data"
        return response._current_obj()

    site.controller(index=index)
    exchange = Exchange(site.app(), make_environ())
    exchange.step()
    with pytest.raises(TypeError, match="only str and bytes"):
        exchange.step()


def test_a_response_returned_before_data_is_sent_and_closed(site):
    closed = []

    class Body(list):
        def close(self):
            closed.append(True)

    def index(self):
        yield b""
        return Response(app_iter=Body([b"one ", b"two"]), status=202)

    site.controller(index=index)
    exchange = Exchange(site.app(), make_environ())
    assert [exchange.step() for _ in range(3)] == [b"", b"one ", b"two"]
    assert exchange.status == "202 Accepted"
    exchange.finish()
    assert closed == [True]


def test_what_was_written_before_the_first_yield_goes_first(site):
    def index(self):
        response.write("one ")
        yield "two"

    site.controller(index=index)
    exchange = get(site.app())
    assert exchange.body == b"one two"
    assert "content-length" not in exchange.headers


def test_a_body_set_by_an_action_that_yields_nothing_is_sent(site):
    def index(self):
        yield b""
        response.text = "waited"

    site.controller(index=index)
    assert get(site.app()).body == b"waited"


def test_yielding_something_else_says_what_to_yield(site):
    class Sleep:
        def __repr__(self):
            return "<Sleep 1>"

    def index(self):
        yield Sleep()

    site.controller(index=index)
    exchange = Exchange(site.app(), make_environ())
    with pytest.raises(TypeError, match=r"index yielded <Sleep 1>.*cogen.call"):
        exchange.step()
    exchange.close()


class Ended:
    """Count how often an action's generator ended, and by what."""

    def __init__(self):
        self.how = []

    def action(self, data):
        def index(controller):
            try:
                yield b""
                yield data
                yield b"more"
                self.how.append("end")
            except GeneratorExit:
                self.how.append("exit")
                raise

        return index

    def after(self):
        def __after__(controller):
            self.how.append(f"after {request.path}")

        return __after__


def test_after_runs_once_after_the_generators_end(site):
    ended = Ended()
    site.controller(index=ended.action(b"data"), __after__=ended.after())
    get(site.app())
    assert ended.how == ["end", "after /"]


def test_close_ends_the_generator_once_and_then_runs_after(site):
    ended = Ended()
    site.controller(index=ended.action(b"data"), __after__=ended.after())
    exchange = Exchange(site.app(), make_environ())
    exchange.step()
    exchange.close()
    exchange.close()
    assert ended.how == ["exit", "after /"]


def test_after_runs_for_an_action_that_was_never_stepped(site):
    ended = Ended()
    site.controller(index=ended.action(b"data"), __after__=ended.after())
    Exchange(site.app(), make_environ()).close()
    assert ended.how == ["after /"]


def test_after_does_not_run_when_the_action_failed(site):
    def index(self):
        yield b""
        raise LookupError

    ended = Ended()
    site.controller(index=index, __after__=ended.after())
    with pytest.raises(LookupError):
        get(site.app())
    assert ended.how == []


def test_after_may_change_a_response_that_has_not_been_started(site):
    def index(self):
        yield b""

    def __after__(self):
        response.headers["X-After"] = "yes"

    site.controller(index=index, __after__=__after__)
    assert get(site.app()).headers["x-after"] == "yes"


def test_abort_in_after_becomes_the_response_if_nothing_was_sent(site):
    def index(self):
        yield b""

    def __after__(self):
        abort(404)

    site.controller(index=index, __after__=__after__)
    assert get(site.app()).status == "404 Not Found"


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_a_response_without_a_body_ends_with_its_headers(site, method, status):
    ended = Ended()
    inner = ended.action(b"data")

    def index(self):
        response.status = status
        yield from inner(self)

    site.controller(index=index, __after__=ended.after())
    exchange = get(site.app(), REQUEST_METHOD=method)
    assert exchange.chunks == [b""]
    assert exchange.status.startswith(str(status))
    assert ended.how == ["exit", "after /"]
    assert ("content-type" in exchange.headers) == (method == "HEAD")


def test_any_other_iterable_streams_too(site):
    def index(self):
        return map(str, range(3))

    site.controller(index=index)
    assert get(site.app()).chunks == [b"0", b"1", b"2"]


def test_a_generator_action_may_call_start_response_itself(site):
    def index(self, start_response):
        response.set_cookie("seen", "1")
        yield b""
        start_response("418 I'm a teapot", [("Content-Type", "text/plain")])
        yield b"short and stout"

    site.controller(index=index)
    exchange = get(site.app())
    assert exchange.status == "418 I'm a teapot"
    assert cookies_of(exchange) == ["seen=1; Path=/"]
    assert exchange.body == b"short and stout"


def test_two_actions_taking_turns_keep_their_own_objects(site):
    def item(self, id):
        response.headers["X-Id"] = id
        yield b""
        yield f"{request.path} "
        yield request.path

    site.controller(item=item)
    app = site.app()
    one, two = (Exchange(app, make_environ(f"/item/{n}")) for n in (1, 2))
    for _ in range(3):
        one.step()
        two.step()
    assert (one.body, two.body) == (b"/item/1 /item/1", b"/item/2 /item/2")
    assert (one.headers["x-id"], two.headers["x-id"]) == ("1", "2")

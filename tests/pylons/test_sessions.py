"""Sessions: lazy, kept safely while requests overlap, and out of memory after their time."""

from __future__ import annotations

import hashlib
import hmac
import json
import zlib

import pytest
from beaker.middleware import SessionMiddleware as BeakerSessionMiddleware

from pylons.sessions import SessionMiddleware
from pylons.stores import make_store
from tests.pylons.driver import Exchange, get, make_environ

SECRET = "only the test knows"
OPTIONS = {
    "session.key": "sid",
    "session.secret": SECRET,
    "session.timeout": "600",
}


class Clock:
    """The time that sessions see."""

    def __init__(self):
        self.now = 1_700_000_000.0

    def time(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("pylons.sessions.time", clock)
    return clock


class App:
    """A middleware around an application that runs the test's function with the session."""

    def __init__(self, **options):
        self.layer = SessionMiddleware(self._serve, {**OPTIONS, **options})
        self.cookie = None

    def _serve(self, environ, start_response):
        body = environ["run"](environ["beaker.session"])
        if hasattr(body, "__next__"):
            return self._late(body, start_response)
        start_response("200 OK", [])
        return [json.dumps(body).encode()]

    def _late(self, body, start_response):
        for chunk in body:
            if chunk:
                start_response("200 OK", [])
            yield chunk

    def begin(self, run):
        cookie = {} if self.cookie is None else {"HTTP_COOKIE": self.cookie}
        return Exchange(self.layer, make_environ(run=run, **cookie))

    def run(self, run):
        """Run a request, keep the cookie as a browser does, and return what `run` returned."""
        exchange = self.begin(run).finish()
        self.take_cookie(exchange)
        return json.loads(exchange.body)

    def take_cookie(self, exchange):
        value = exchange.headers.get("set-cookie")
        if value is not None:
            self.cookie = None if "01 Jan 1970" in value else value.split(";")[0]

    def put(self, **values):
        def run(session):
            session.update(values)
            session.save()

        self.run(run)

    def data(self):
        def run(session):
            return {key: value for key, value in session.items() if key[0] != "_"}

        return self.run(run)


@pytest.fixture(params=["memory", "file"])
def app(request, tmp_path):
    options = {"session.data_dir": str(tmp_path)} if request.param == "file" else {}
    return App(**options)


def test_what_is_saved_comes_back(app):
    app.put(nick="ada", n=[1, {"a": None}])
    assert app.data() == {"nick": "ada", "n": [1, {"a": None}]}


def test_without_save_nothing_is_kept_and_no_cookie_is_sent(app):
    app.run(lambda session: session.update(nick="ada"))
    assert app.cookie is None
    app.put(nick="ada")
    app.run(lambda session: session.update(nick="eve"))
    assert app.data() == {"nick": "ada"}


def test_with_auto_save_is_not_needed():
    app = App(**{"session.auto": "true"})
    app.run(lambda session: session.update(nick="ada"))
    assert app.data() == {"nick": "ada"}


def test_a_request_that_does_not_touch_it_stores_nothing(app, monkeypatch):
    app.put(nick="ada")
    monkeypatch.setattr(app.layer, "store", None)
    assert app.run(lambda session: session.accessed()) is False


def test_the_cookie_is_beakers_to_the_letter(app):
    exchange = app.begin(lambda session: session.save()).finish()
    value = exchange.headers["set-cookie"]
    cookie, *attributes = value.split("; ")
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax"]
    name, signed = cookie.split("=")
    signature = hmac.new(SECRET.encode(), signed[40:].encode(), hashlib.sha1).hexdigest()
    assert (name, signed[:40]) == ("sid", signature)
    assert len(signed) == 72


def test_beakers_own_middleware_reads_the_same_files(tmp_path):
    options = {"session.data_dir": str(tmp_path), "session.data_serializer": "json"}
    app = App(**options)
    app.put(nick="ada")

    def beakers(environ, start_response):
        session = environ["beaker.session"]
        start_response("200 OK", [])
        seen = session["nick"]
        session["nick"] = "changed"
        session._session().save()
        return [seen.encode()]

    layer = BeakerSessionMiddleware(beakers, {**OPTIONS, **options})
    assert get(layer, HTTP_COOKIE=app.cookie).body == b"ada"
    assert app.data() == {"nick": "changed"}


@pytest.mark.parametrize(
    "change",
    [
        lambda cookie: cookie[:-1] + ("0" if cookie[-1] != "0" else "1"),
        lambda cookie: "sid=" + "0" * 40 + cookie[-32:],
        lambda cookie: "sid=" + cookie[-32:],
        lambda cookie: "sid=",
        lambda cookie: "sid=../../etc/passwd",
        lambda cookie: "sid=" + "\xff" * 72,
        lambda cookie: cookie.replace("sid", "xsid"),
    ],
)
def test_a_cookie_that_we_did_not_sign_is_none(app, change):
    app.put(nick="ada")
    app.cookie = change(app.cookie)
    assert app.data() == {}


@pytest.mark.parametrize(
    "header", ["a=1; {0}; b=2", "{0}", "sid=forged; {0}", 'a="x;y"; {0}', "{1}"]
)
def test_our_cookie_is_found_among_others(app, header):
    app.put(nick="ada")
    name, _, value = app.cookie.partition("=")
    app.cookie = header.format(app.cookie, f'{name}="{value}"')
    assert app.data() == {"nick": "ada"}
    app.cookie += "; long=" + "x" * 1000
    assert app.data() == {"nick": "ada"}


@pytest.mark.parametrize("secret", [SECRET, ""])
def test_an_id_that_is_not_stored_is_not_adopted(secret, caplog):
    app = App(**{"session.secret": secret} if secret else {"session.secret": None})
    signature = hmac.new(SECRET.encode(), b"0" * 32, hashlib.sha1).hexdigest() if secret else ""
    app.cookie = f"sid={signature}{'0' * 32}"
    app.put(nick="ada")
    assert app.cookie[-32:] != "0" * 32
    assert app.data() == {"nick": "ada"}
    assert ("not signed" in caplog.text) == (not secret)


class TestOverlapping:
    """Requests that wait don't undo what others did meanwhile."""

    @staticmethod
    def waiting(change):
        def run(session):
            before = session.get("n")
            yield b""
            change(session)
            yield str(before).encode()

        return run

    def test_reading_undoes_nothing(self, app, clock):
        app.put(n=1)
        poll = app.begin(self.waiting(lambda session: None))
        poll.step()
        clock.now += 300  # long enough for the time of access to be noted
        app.put(n=2)
        poll.finish()
        assert app.data() == {"n": 2}

    def test_saving_writes_what_was_changed(self, app):
        app.put(n=1, old=1, items=[1])

        def change(session):
            session["items"].append(2)
            session["mine"] = 1
            del session["old"]
            session.save()

        poll = app.begin(self.waiting(change))
        poll.step()
        app.put(n=2, theirs=2)
        poll.finish()
        assert app.data() == {"n": 2, "items": [1, 2], "mine": 1, "theirs": 2}

    def test_a_deleted_session_stays_deleted(self, app):
        app.put(n=1)

        def change(session):
            session["late"] = 1
            session.save()

        poll = app.begin(self.waiting(change))
        poll.step()
        cookie = app.cookie
        app.run(lambda session: session.delete())
        assert app.cookie is None
        poll.finish()
        app.cookie = cookie
        assert app.data() == {}

    def test_a_deleted_session_is_not_noted_either(self, app, clock):
        app.put(n=1)
        poll = app.begin(self.waiting(lambda session: None))
        poll.step()
        cookie = app.cookie
        app.run(lambda session: session.delete())
        clock.now += 300
        poll.finish()
        app.cookie = cookie
        assert app.data() == {}


@pytest.mark.parametrize("touched", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        lambda session: session.save(),
        lambda session: session.delete(),
        lambda session: session.invalidate(),
        lambda session: session.regenerate_id(),
        lambda session: session.revert(),
        lambda session: session.update(a=1),
        lambda session: session.pop("n"),
    ],
)
def test_a_change_after_the_start_is_an_error(app, change, touched):
    app.put(n=1)

    def run(session):
        if touched:
            assert session["n"] == 1
        yield b"data"
        change(session)

    late = app.begin(run)
    late.step()
    with pytest.raises(RuntimeError, match="when the response was started"):
        late.step()


class TestTime:
    def test_it_times_out_after_its_last_use(self, app, clock):
        app.put(nick="ada")
        for _ in range(4):
            clock.now += 500
            assert app.data() == {"nick": "ada"}
        clock.now += 601
        assert app.data() == {}
        cookie = app.cookie
        app.put(nick="new")
        assert app.cookie != cookie

    def test_times_are_told(self, app, clock):
        def run(session):
            return [session.created, session.last_accessed, session["_accessed_time"]]

        app.put(nick="ada")
        start = clock.now
        clock.now += 100
        assert app.run(run) == [start, start, clock.now]

    def test_noting_an_access_is_seldom_a_write(self, tmp_path, clock):
        app = App(**{"session.data_dir": str(tmp_path)})
        app.put(nick="ada")
        writes = []
        update = app.layer.store.update
        app.layer.store.update = lambda *args: (writes.append(1), update(*args))
        for _ in range(50):
            clock.now += 2
            app.data()
        assert len(writes) == 1

    @pytest.mark.parametrize(
        "option", [{"session.timeout": None}, {"session.save_accessed_time": "false"}]
    )
    def test_where_no_time_counts_none_is_noted(self, tmp_path, clock, option):
        more = {"session.timeout": None} if "session.timeout" not in option else {}
        app = App(**{"session.data_dir": str(tmp_path)}, **option, **more)
        app.put(nick="ada")
        start = clock.now
        clock.now += 10_000
        app.data()
        assert app.run(lambda session: session.last_accessed) == start

    def test_a_storage_that_expires_by_itself_is_told_a_longer_time(self):
        told = []

        class Namespace(dict):
            def __init__(self, id, **options):
                told.append((id, options))

            def acquire_read_lock(self):
                pass

            release_read_lock = acquire_read_lock

        store = make_store({"type": "x", "namespace_class": Namespace, "url": "u"}, 600)
        assert store.load("0" * 32) is None
        options = {"digest_filenames": False, "timeout": 720, "url": "u"}
        assert told == [("0" * 32, options)]

    def test_the_store_is_not_swept_at_each_save(self, clock, monkeypatch):
        app = App()
        sweeps = []
        monkeypatch.setattr(app.layer.store, "_sweep", sweeps.append)
        for _ in range(100):
            clock.now += 2
            app.put(nick="ada")
        assert len(sweeps) == 2

    def test_memory_is_freed_after_the_timeout(self, clock):
        app = App()
        for _ in range(1000):
            app.cookie = None
            app.put(nick="ada")
        assert len(app.layer.store) == 1000
        clock.now += 600 + 600 / 4 + 1
        app.cookie = None
        app.put(nick="eve")
        assert len(app.layer.store) == 1


class TestIds:
    def test_delete_forgets_data_and_cookie(self, app):
        app.put(nick="ada")
        cookie = app.cookie
        exchange = app.begin(lambda session: session.delete()).finish()
        assert "expires=Thu, 01 Jan 1970" in exchange.headers["set-cookie"]
        app.cookie = cookie
        assert app.data() == {}

    def test_what_is_saved_after_delete_is_a_new_session(self, app):
        app.put(nick="ada")
        cookie = app.cookie

        def run(session):
            session.delete()
            session["nick"] = "eve"
            session.save()

        app.run(run)
        assert app.cookie != cookie
        assert app.data() == {"nick": "eve"}

    def test_invalidate_begins_anew(self, app):
        app.put(nick="ada")
        cookie = app.cookie

        def run(session):
            session.invalidate()
            session["n"] = 1
            session.save()
            return [session.is_new, "nick" in session]

        assert app.run(run) == [True, False]
        assert app.data() == {"n": 1}
        app.cookie = cookie
        assert app.data() == {}

    def test_regenerate_id_keeps_the_data(self, app):
        app.put(nick="ada")
        cookie = app.cookie

        def run(session):
            session.regenerate_id()
            session.save()

        app.run(run)
        assert app.cookie != cookie
        assert app.data() == {"nick": "ada"}
        app.cookie = cookie
        assert app.data() == {}

    def test_what_was_saved_before_delete_is_not_kept(self, app):
        app.put(nick="ada")

        def run(session):
            session.save()
            session.delete()

        app.run(run)
        assert app.cookie is None

    def test_revert(self, app):
        app.put(nick="ada")

        def run(session):
            session["nick"] = "eve"
            session.save()
            session.revert()
            return [session["nick"], repr(session)[:9], len(session) > 0]

        assert app.run(run) == ["ada", "<Session ", True]

    def test_revert_takes_save_back(self, app):
        app.run(lambda session: session.save() or session.revert())
        assert app.cookie is None

    @pytest.mark.parametrize("attribute", ["id", "is_new", "created", "last_accessed"])
    def test_each_attribute_loads_the_session(self, app, clock, attribute):
        app.put(nick="ada")
        expected = {
            "id": app.cookie[-32:],
            "is_new": False,
            "created": clock.now,
            "last_accessed": clock.now,
        }
        assert app.run(lambda session: getattr(session, attribute)) == expected[attribute]

    def test_a_session_that_begins_anew_was_never_accessed(self, app):
        app.put(nick="ada")
        assert app.run(lambda session: session.invalidate() or session.last_accessed) is None

    def test_another_session_can_be_read(self, app):
        app.put(nick="ada")
        id = app.cookie[-32:]
        app.cookie = None
        assert app.run(lambda session: session.get_by_id(id).pop("nick")) == "ada"
        assert app.run(lambda session: session.get_by_id(id)["nick"]) == "ada"
        assert app.run(lambda session: session.get_by_id("0" * 32)) is None
        assert app.run(lambda session: [session.is_new, len(session.id)]) == [True, 32]


class TestOptions:
    @pytest.mark.parametrize("expires", ["600", "False"])
    def test_a_cookie_may_outlive_the_browser(self, expires):
        app = App(**{"session.cookie_expires": expires})
        value = app.begin(lambda session: session.save()).finish().headers["set-cookie"]
        assert ("expires=Tue, 19 Jan 2038 03:14:07 GMT" in value) == (expires == "False")
        assert "expires=" in value

    def test_cookie_attributes(self):
        app = App(
            **{
                "session.secure": "true",
                "session.httponly": "false",
                "session.samesite": "Strict",
                "session.cookie_path": "/app",
                "session.cookie_domain": "a.example",
            }
        )
        value = app.begin(lambda session: session.save()).finish().headers["set-cookie"]
        assert sorted(value.split("; ")[1:]) == [
            "Domain=a.example",
            "Path=/app",
            "SameSite=Strict",
            "Secure",
        ]

    def test_pickle_must_be_asked_for(self, tmp_path):
        app = App(**{"session.data_serializer": "pickle", "session.data_dir": str(tmp_path)})
        app.run(lambda session: session.update(a={1}) or session.save())
        assert app.run(lambda session: sorted(session["a"])) == [1]

    @pytest.mark.parametrize(
        ("option", "value", "match"),
        [
            ("encrypt_key", "x", "encrypt_key: not supported"),
            ("type", "cookie", "type = cookie: not supported"),
            ("type", "nonsense", "no such storage"),
            ("data_serializer", "yaml", "use json or pickle"),
        ],
    )
    def test_what_cannot_be_is_refused(self, option, value, match):
        with pytest.raises(ValueError, match=match):
            App(**{f"session.{option}": value})

    def test_what_beaker_refuses_is_refused_as_a_value(self):
        options = {"session.timeout": 60, "session.save_accessed_time": False}
        with pytest.raises(ValueError, match="beaker.session: save_accessed_time must be true"):
            App(**options)

    def test_options_may_come_without_a_configuration(self):
        assert SessionMiddleware(None, key="k", secret="s").cookie.key == "k"

    def test_a_long_cookie_header_is_not_remembered(self):
        app = App()
        app.put(nick="ada")
        cookie = app.layer.cookie
        cookie.find(f"{app.cookie}; long={'x' * 1000}")
        assert cookie._remembered.cache_info().currsize == 0
        cookie.find(app.cookie)
        assert cookie._remembered.cache_info().currsize == 1

    def test_prefixes_and_a_whole_configuration(self):
        layer = SessionMiddleware(
            None, {"debug": True, "beaker.session.key": "b", "session.secret": "s"}, timeout=9
        )
        assert (layer.cookie.key, layer.timeout) == ("b", 9)


def test_what_cannot_be_stored_says_which_and_what_to_do(app):
    def run(session):
        session["fine"] = 1
        session["client"] = object()
        session.save()

    with pytest.raises(TypeError, match=r"session\['client'\] can't be stored.*keep an id"):
        app.run(run)


def test_corrupt_data_begins_a_new_session(tmp_path, caplog):
    app = App(**{"session.data_dir": str(tmp_path)})
    app.put(nick="ada")
    id = app.cookie[-32:]

    def corrupt():
        namespace = app.layer.store._open(id)
        namespace.acquire_write_lock()
        namespace["session"] = "no base64!"
        namespace.release_write_lock()

    corrupt()
    assert app.data() == {}
    assert "can't be read" in caplog.text
    strict = App(**{"session.data_dir": str(tmp_path), "session.invalidate_corrupt": "false"})
    strict.cookie = f"sid={app.layer.cookie._signature(id).decode()}{id}"
    corrupt()
    with pytest.raises(zlib.error):
        strict.data()


def test_a_response_that_is_replaced_has_the_cookie_too(app):
    def inner(environ, start_response):
        environ["beaker.session"].save()
        start_response("200 OK", [])
        start_response("500 Oh", [], (ValueError, ValueError(), None))
        return [b""]

    app.layer.app = inner
    exchange = app.begin(None).finish()
    assert [sum(name == "Set-Cookie" for name, _ in headers) for _, headers in exchange.starts] == [
        1,
        1,
    ]

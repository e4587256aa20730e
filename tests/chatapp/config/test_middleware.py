"""make_app: the onion."""

import logging

import pytest

from chatapp.config.middleware import make_app, session_options
from cogen.core.pubsub import PSPut
from cogen.web.async_ import InlineHost


def secret_of(config):
    return session_options(config)["beaker.session.secret"]


@pytest.fixture
def config(chat):
    return {"pylons.app_globals": chat.globals}


@pytest.mark.parametrize(
    "placeholder", [{}, {"beaker.session.secret": ""}, {"beaker.session.secret": "somesecret"}]
)
def test_without_a_secret_a_random_one_is_made_and_said_once(config, placeholder, caplog):
    caplog.set_level(logging.INFO, "chatapp")
    first = secret_of(config | placeholder)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "beaker.session.secret is not set"
    ]
    assert first not in caplog.text
    second = secret_of(config | placeholder)
    assert first != second
    assert len(first) >= 64


def test_a_secret_is_kept(config, caplog):
    caplog.set_level(logging.INFO, "chatapp")
    assert secret_of(config | {"beaker.session.secret": "my own"}) == "my own"
    assert not caplog.records


def test_the_ini_wins_over_the_defaults(config):
    options = session_options(config | {"beaker.session.key": "other"})
    assert options["beaker.session.key"] == "other"
    assert options["beaker.session.type"] == "memory"


def test_the_page_and_its_files(chat):
    visitor = chat.visitor()
    page = visitor.get("/")
    assert page.content_type == "text/html"
    assert "Set-Cookie" not in page.headers
    for name in ("chat.css", "chat.js", "connection.js", "icon.svg"):
        assert visitor.get(f"/{name}").headers["ETag"]
        assert name == "connection.js" or name in page.text
    visitor.get("/../lib/base.py", status=404)


def test_static_files_can_be_left_to_another_server(make_chat):
    make_chat(static_files="false").visitor().get("/chat.css", status=404)


def test_error_pages_can_be_left_to_another_layer(make_chat):
    answer = make_chat(full_stack="false").visitor().get("/nowhere", status=404)
    assert answer.content_type == "text/plain"


def test_an_option_that_cannot_be_right_ends_the_start():
    with pytest.raises(ValueError, match=r"chat\.pull_timeout"):
        make_app({}, **{"chat.pull_timeout": "soon"})


def test_two_applications_in_one_process_are_two_chats(make_chat):
    one, other = make_chat(), make_chat()
    ann, bob = one.visitor("ann"), other.visitor("bob")
    ann.push("hello")
    assert ann.pull().text == "ann: hello\r\n"
    assert bob.pull().body == b""


def test_a_body_is_waited_for_before_anything_inside_begins(chat):
    operations = []

    def watched(environ, start_response):
        for chunk in chat.application.app(environ, start_response):
            operations.append(environ["cogen.wsgi"].operation)
            yield chunk

    bob = chat.visitor("bob")
    bob.app = InlineHost(watched)
    bob.push("hello")
    read, publish, none = operations
    assert read is not None
    assert isinstance(publish, PSPut)
    assert none is None

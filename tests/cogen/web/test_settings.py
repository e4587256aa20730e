"""The table of options: names, texts and values, and what 2008's options have become."""

import logging

import pytest

from cogen.core.schedulers import Scheduler
from cogen.web.settings import (
    OPTIONS,
    Settings,
    asbool,
    count,
    positive,
    seconds,
    small,
    split_options,
)
from cogen.web.wsgi import Runner, WSGIServer, server_factory
from tests.cogen.web.rig import hello


def test_every_option_has_a_default_of_its_type_and_a_text():
    settings = Settings()
    for option in OPTIONS:
        assert getattr(settings, option.name) == option.default
        assert option.type(str(option.default)) == option.default
        assert option.name in Settings.__annotations__
        assert option.help


@pytest.mark.parametrize(
    ("word", "value"),
    [("true", True), ("Yes", True), (" on ", True), ("1", True), (True, True), (1, True)]
    + [("false", False), ("NO", False), ("off", False), ("0", False), (False, False), (0, False)],
)
def test_booleans(word, value):
    assert asbool(word) is value


@pytest.mark.parametrize(
    ("read", "text"),
    [(asbool, text) for text in ("maybe", "", "2")]
    + [(count, text) for text in ("-1", "1.5", "ten", "", "1_0", "²")]
    + [(small, text) for text in ("-1", "2147483648")]
    + [(positive, text) for text in ("0", "-1", "x")]
    + [(seconds, text) for text in ("-2", "soon", "nan", "inf", "")],
)
def test_text_that_means_nothing_is_refused(read, text):
    with pytest.raises(ValueError, match="needed|neither"):
        read(text)


def test_numbers():
    assert (count("7"), count(7), count(" 0 "), positive("1")) == (7, 7, 0, 1)
    assert small("2147483647") == 2147483647
    assert (seconds("1.5"), seconds(2), seconds("0"), seconds("-1")) == (1.5, 2.0, 0.0, 0.0)


def test_unknown_option_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="unknown server option max_conections; did you mean max_"):
        Settings(max_conections=5)
    with pytest.raises(ValueError, match="unknown server option zzz; known are server_name"):
        Settings(zzz=5)


def test_bad_value_is_refused_with_its_option():
    with pytest.raises(ValueError, match=r"server option workers = 0: a whole number from 1 up"):
        Settings(workers="0")


def test_key_without_certificate_is_refused():
    with pytest.raises(ValueError, match="keyfile without certfile"):
        Settings(keyfile="key.pem")


@pytest.mark.parametrize("make", [Settings, lambda **options: server_factory({}, **options)])
def test_factory_refuses_when_the_ini_is_read(make):
    with pytest.raises(ValueError, match="did you mean header_timeout"):
        make(header_timout="3")
    with pytest.raises(ValueError, match="server option header_timeout = never"):
        make(header_timeout="never")


def test_server_refuses_too():
    with pytest.raises(ValueError, match="did you mean workers"):
        WSGIServer(("127.0.0.1", 0), hello, Scheduler(), worker=3)


def test_options_of_2008_that_are_the_schedulers():
    of_scheduler, of_server = split_options(
        {
            "sched_default_priority": "3",
            "sched_default_timeout": "5",
            "proactor_resolution": "0.5",
            "proactor_greedy": "false",
            "proactor_multiplex_first": "true",
            "ops_greedy": "no",
            "server_name": "chat.example",
            "request_queue_size": "64",
        }
    )
    assert of_scheduler == {
        "default_priority": 3,
        "default_timeout": 5.0,
        "proactor_resolution": 0.5,
        "proactor_greedy": False,
        "proactor_multiplex_first": True,
        "ops_greedy": False,
    }
    assert of_server == {"server_name": "chat.example", "request_queue_size": "64"}
    Scheduler(**of_scheduler)


def test_options_of_2008_that_are_several_now_leave_those_that_are_given():
    options = {"sockoper_timeout": "7", "sendfile_timeout": "-1", "header_timeout": "3"}
    of_scheduler, of_server = split_options(options)
    settings = Settings(**of_server)
    assert of_scheduler == {}
    assert settings.header_timeout == 3
    assert settings.body_timeout == settings.keepalive_timeout == 7
    assert settings.write_timeout == 0  # sendfile's -1: none


def test_option_without_effect_is_told_of_once(caplog):
    options = {"sockaccept_greedy": "true"}
    assert split_options(options) == ({}, {})
    with caplog.at_level(logging.INFO, "cogen.web"):
        server_factory({}, **options)
        Runner("127.0.0.1", 0, hello, options)
    (message,) = caplog.messages
    assert message.startswith(
        "server option sockaccept_greedy has no effect: connections are accepted until"
    )


@pytest.mark.parametrize("name", ["any", "epoll"])
def test_proactor_that_is_there(name):
    assert split_options({"proactor": name}) == ({}, {})


@pytest.mark.parametrize("name", ["iocp", "kqueue", "nonsense", ""])
def test_proactor_that_is_not(name):
    with pytest.raises(ValueError, match=f"server option proactor = {name}: not available here"):
        split_options({"proactor": name})


def test_bad_value_of_an_option_of_2008():
    with pytest.raises(ValueError, match="server option proactor_greedy = perhaps"):
        split_options({"proactor_greedy": "perhaps"})
    with pytest.raises(ValueError, match="server option proactor_resolution = often"):
        split_options({"proactor_resolution": "often"})


def test_limit_that_is_switched_off_is_none_of_the_timeouts():
    settings = Settings(header_timeout=0, body_timeout=2)
    assert 0.0 in settings.timeouts()
    assert 2.0 in settings.timeouts()


@pytest.mark.parametrize(
    ("host", "port", "address"),
    [
        ("127.0.0.1", "8080", ("127.0.0.1", 8080)),
        ("unix:/run/chat.sock", "8080", "/run/chat.sock"),
        ("systemd", "8080", ("systemd", 8080)),
    ],
)
def test_address_that_host_and_port_mean(host, port, address):
    assert Runner(host, port, hello, {}).server.bind_addr == address


@pytest.mark.parametrize("port", ["x", "99999", "-1", ""])
def test_a_port_that_can_not_be_is_refused_before_anything_is_served(port):
    with pytest.raises(ValueError, match="server option port = "):
        server_factory({}, "127.0.0.1", port)


def test_debug_of_the_defaults_is_the_server_s_unless_it_has_its_own():
    with pytest.raises(ValueError, match="server option debug = perhaps"):
        server_factory({"debug": "perhaps"})
    server_factory({"debug": "perhaps"}, debug="false")

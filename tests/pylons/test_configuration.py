"""The configuration: from two dictionaries, in the forms of 1.0 and 0.9.7."""

from __future__ import annotations

import pytest

from pylons.configuration import PylonsConfig, asbool, config, make_process_config, pylons_config


@pytest.fixture(autouse=True)
def _restored():
    yield
    make_process_config(pylons_config)


def test_app_conf_wins_over_global_conf():
    made = PylonsConfig()
    made.init_app({"a": "global", "debug": "true"}, {"a": "app"}, package="p", paths={"root": "/r"})
    assert (made["a"], made["debug"], made["pylons.package"]) == ("app", True, "p")
    assert made["global_conf"] == {"a": "global", "debug": "true"}
    assert made["app_conf"] == {"a": "app"}
    assert made["pylons.paths"]["root"] == "/r"
    assert made["pylons.paths"]["templates"] == []
    assert made["pylons.errorware"]["debug"] is True
    assert config._current_obj() is made


def test_the_form_of_0_9_7_makes_a_configuration_of_its_own():
    config.init_app({}, {"who": "first"}, package="first", template_engine="mako", paths={})
    first = config._current_obj()
    config.init_app({}, {}, package="second")
    assert config["pylons.package"] == "second"
    assert (first["pylons.package"], first["who"]) == ("first", "first")


def test_the_global_name_passes_everything_on_outside_a_request():
    PylonsConfig().init_app({}, {"a": "1"}, package="p")
    assert (config["a"], config.get("a"), config.get("b"), "a" in config) == ("1", "1", None, True)
    config["b"] = "2"
    assert dict(config.items())["b"] == "2"


def test_defaults_are_not_shared():
    PylonsConfig()["pylons.response_options"]["headers"]["X-Mine"] = "1"
    assert "X-Mine" not in PylonsConfig()["pylons.response_options"]["headers"]


def test_cache_dir_serves_sessions_caches_and_templates():
    made = PylonsConfig()
    made.init_app({}, {"cache_dir": "/c"}, package="p")
    assert made["pylons.cache_dir"] == "/c"
    assert made["beaker.session.data_dir"] == "/c/sessions"
    assert made["beaker.cache.data_dir"] == "/c/cache"


@pytest.mark.parametrize("text", ["True", " yes ", "on", "1", True])
def test_yes(text):
    assert asbool(text) is True


@pytest.mark.parametrize("text", ["False", "no", "off", "0", "", False, None])
def test_no(text):
    assert asbool(text) is False


def test_bad_values_are_refused():
    with pytest.raises(ValueError, match="'perhaps' is no truth value"):
        asbool("perhaps")


def test_debug_that_is_no_truth_value_is_named():
    with pytest.raises(ValueError, match="debug: 'perhaps' is no truth value"):
        PylonsConfig().init_app({"debug": "perhaps"}, {})
    with pytest.raises(ValueError, match="only Mako"):
        PylonsConfig().init_app({}, {}, template_engine="genshi")

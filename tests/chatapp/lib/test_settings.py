"""The chat's settings."""

import pytest

from chatapp.lib.settings import Settings


def test_the_defaults_are_those_of_2008_where_it_had_any():
    assert Settings.from_config({"debug": "true"}) == Settings()
    assert Settings().pull_timeout == 10


def test_the_text_of_an_ini_file_becomes_numbers():
    settings = Settings.from_config({"chat.pull_timeout": "0.5", "chat.history": "7"})
    assert settings == Settings(pull_timeout=0.5, history=7)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("chat.pull_timeout", "soon", r"chat\.pull_timeout = soon: it has to be a number"),
        ("chat.history", "1.5", r"chat\.history = 1\.5: it has to be a whole number"),
        ("chat.pull_timeout", "0", "between 0 and 60 seconds"),
        ("chat.pull_timeout", "60", "between 0 and 60 seconds"),
        ("chat.pull_timeout", "nan", "between 0 and 60 seconds"),
        ("chat.idle_timeout", "10", r"longer than a pull waits \(chat\.pull_timeout = 10\)"),
        ("chat.history", "-1", "0 or more"),
        ("chat.message_limit", "0", "1 or more"),
        ("chat.nick_limit", "0", "1 or more"),
        ("chat.pul_timeout", "1", r"no option of the chat; do you mean chat\.pull_timeout\?"),
        ("chat.zzz", "1", r"chat\.zzz is no option of the chat$"),
    ],
)
def test_what_cannot_be_right_is_told(key, value, message):
    with pytest.raises(ValueError, match=message):
        Settings.from_config({key: value})

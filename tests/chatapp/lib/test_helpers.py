"""Text that goes over the wire."""

import pytest

import chatapp.lib.helpers as h


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("hello", "hello"),
        ("  hello  world ", "hello  world"),
        ("a\r\nb\n\nc\rd", "a b c d"),
        ("a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g", "a b c d e f g"),
        ("\x1b[31mred\x7f", "[31mred"),
        ("👩\u200d💻 \u05e9\u05dc\u05d5\u05dd", "👩\u200d💻 \u05e9\u05dc\u05d5\u05dd"),
        ("\n\x00", ""),
    ],
)
def test_one_line(text, line):
    assert h.one_line(text) == line
    assert h.one_line(text).splitlines() in ([line], [])


def test_a_nick_loses_the_white_space_around_it():
    assert h.checked_nick(" bob smith ", limit=9) == "bob smith"


def test_a_nick_is_as_long_as_its_characters_are_many():
    assert h.checked_nick("名前", limit=2) == "名前"
    with pytest.raises(ValueError, match="at most 2 characters; this one has 3"):
        h.checked_nick("abc", limit=2)

"""Helper functions, known as ``h`` to controllers and templates."""

import re

# What ends a line, for a browser, a terminal or Python's splitlines(), and all other controls.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def one_line(text: str) -> str:
    """Return `text` with each run of control characters, line breaks among them, as one space.

    The wire is lines, so that a line break inside a message could put words in another's mouth.
    """
    return _CONTROLS.sub(" ", text).strip()


def checked_nick(nick: str, limit: int) -> str:
    """Return `nick` without the white space around it.

    :param limit: the number of characters it may have.
    :raises ValueError: if it can't stand before the colon at the beginning of a line; the text
        is for its owner.
    """
    nick = nick.strip()
    if not nick:
        raise ValueError("A name needs a character that can be seen")
    if len(nick) > limit:
        raise ValueError(f"A name has at most {limit} characters; this one has {len(nick)}")
    if not nick.isprintable():
        raise ValueError("A name can't have line breaks, controls or invisible characters in it")
    if ":" in nick:
        raise ValueError("A name can't have a colon in it")
    return nick

"""The one error that a sub-command raises for what its user can put right."""

import importlib
import os
import traceback

from paste.deploy import loadwsgi

# Frames of these say how a factory was looked up, not where the mistake is.
_MACHINERY = (os.path.dirname(importlib.__file__), os.path.dirname(loadwsgi.__file__), "<frozen ")


class CommandError(Exception):
    """Something that the user of the command can put right; told in one line, without traceback."""


def one_line(error: BaseException) -> str:
    """Return what an exception says, in one line, with its type where the text alone is no help."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    if isinstance(error, KeyError) or not text:
        return f"{type(error).__name__}: {text}"
    return text


def short(path: str) -> str:
    """Return a path as it is best read from the working directory."""
    return min(os.path.relpath(path), path, key=len)


def place(error: BaseException) -> str:
    """Return " (file, line n)" of the innermost frame that is not paster's or PasteDeploy's."""
    machinery = (*_MACHINERY, os.path.dirname(__file__))
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(machinery)
    ]
    return f" ({short(frames[-1].filename)}, line {frames[-1].lineno})" if frames else ""

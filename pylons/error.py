"""An error handler for Mako's lookup: tells which line of which template failed."""

from __future__ import annotations

from typing import Any

from mako.exceptions import RichTraceback


def handle_mako_error(context: Any, exc: Exception) -> bool:
    """Add the template's file and line to `exc`, and have Mako raise it again.

    For ``TemplateLookup(..., error_handler=handle_mako_error)``.
    """
    for record in RichTraceback(error=exc, traceback=exc.__traceback__).records:
        template, line, text = record[4:7]
        if template is not None:
            exc.add_note(f"in template {template}, line {line}: {text.strip()}")
    return False

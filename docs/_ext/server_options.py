"""The directive ``server-options``: a table of the server's options, from the server's own table.

An option can't be in the code and missing in the documentation, or the other way round.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from cogen.web import settings

#: What the functions that read an option's text are called where people read about them.
TYPES = {
    "asbool": "true or false",
    "count": "0 or more",
    "positive": "1 or more",
    "seconds": "seconds",
    "small": "0 or more",
    "text": "text",
}
HEADER = ("option", "type", "default", "what it does")
WIDTHS = (24, 17, 13, 46)

Row = tuple[list[nodes.Node], ...]


class ServerOptions(SphinxDirective):
    """Make the table; takes no arguments."""

    def run(self) -> list[nodes.Node]:
        rows = [
            (
                [nodes.literal(text=option.name)],
                [nodes.Text(TYPES.get(option.type.__name__, option.type.__name__))],
                [_default(option.default)],
                self.parse_inline(option.help.replace("`", "``"))[0],
            )
            for option in settings.OPTIONS
        ]
        return [_table([tuple([nodes.Text(title)] for title in HEADER), *rows])]


def _default(value: object) -> nodes.Node:
    if value == "":
        return nodes.Text("none")
    if isinstance(value, bool):
        return nodes.literal(text=str(value).lower())
    return nodes.literal(text=f"{value:.10g}" if isinstance(value, float) else str(value))


def _table(rows: list[Row]) -> nodes.table:
    """Return a table of `rows`, the first of which is its head."""
    group = nodes.tgroup(cols=len(WIDTHS))
    group += [nodes.colspec(colwidth=width) for width in WIDTHS]
    head, *body = [_row(row) for row in rows]
    group += nodes.thead("", head)
    group += nodes.tbody("", *body)
    return nodes.table("", group, classes=["server-options"])


def _row(cells: Row) -> nodes.row:
    return nodes.row("", *[nodes.entry("", nodes.paragraph("", "", *cell)) for cell in cells])


def setup(app: Any) -> dict[str, Any]:
    """Tell Sphinx about the directive."""
    app.add_directive("server-options", ServerOptions)
    return {"version": "1", "parallel_read_safe": True}

"""Rounds, medians and tables: what all benchmarks print.

Contenders are measured in turn, A B C A B C, never A A A B B B: what else the machine does
then falls on all of them alike, and the median of the rounds drops the odd one out.
"""

import platform
import statistics
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

Key = TypeVar("Key")
Figures = dict[str, float]


def interleave(
    keys: Iterable[Key], rounds: int, measure: Callable[[Key], Figures]
) -> dict[Key, Figures]:
    """Measure every key once per round and return the median of each figure, by key."""
    keys = list(keys)
    seen: dict[Key, list[Figures]] = {key: [] for key in keys}
    for _ in range(rounds):
        for key in keys:
            seen[key].append(measure(key))
    return {key: medians(figures) for key, figures in seen.items()}


def medians(rounds: Sequence[Figures]) -> Figures:
    """Return the median of each figure over the rounds."""
    return {name: statistics.median(figures[name] for figures in rounds) for name in rounds[0]}


def table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of text, as reStructuredText, so that the documentation can quote it."""
    lines = [list(header), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    rule = "  ".join("=" * width for width in widths)
    body = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([title, "", rule, body[0], rule, *body[1:], rule, ""])


def count(value: float) -> str:
    """Return a number with its thousands apart and no decimals."""
    return f"{value:,.0f}"


def ratio(value: float, base: float) -> str:
    """Return how many times `base` the value is."""
    return f"{value / base:.2f} x" if base else "-"


def percent(value: float, base: float) -> str:
    """Return the value as a share of `base`."""
    return f"{value / base:.0%}" if base else "-"


def machine(packages: Iterable[str] = ()) -> str:
    """Return one line on the processor, the kernel, Python and the packages measured."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    python = f"{platform.python_implementation()} {platform.python_version()}"
    installed = ", ".join(filter(None, map(_name_and_version, packages)))
    return f"{model}; Linux {platform.release()}; {python}; {installed}\n"


def _name_and_version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""

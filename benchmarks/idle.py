"""``python -m benchmarks.idle``: plain requests beside thousands that do nothing.

16 connections ask as fast as they are answered, while 0, 1,000 and 10,000 others are open:
idle between two requests, or with a request that the application has parked. A server that looks
at each connection on each turn of its loop gets slower with them.
"""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

from . import report, rig, wrk
from .serve import HELLO
from .wire import ask, connections, request

ACTIVE = 16
OTHERS = (0, 1_000, 10_000)
BATCH = 64  # opened at once: fewer than any server's backlog
CANNOT_PARK = {"bjoern", "waitress"}
PACKAGES = ("gevent", "httptools", "uvicorn", "uvloop")


class Case(NamedTuple):
    """One server with one kind of connections beside the active ones."""

    server: str
    parked: bool


def main(argv: Sequence[str] | None = None) -> int:
    options = _options(argv)
    rig.raise_descriptor_limit()
    with rig.load_core(options.load_core):
        names = rig.startable(options.contenders, options.server_core)
        cases = [Case(name, False) for name in names]
        cases += [Case(name, True) for name in names if name not in CANNOT_PARK]
        others = sorted({0, *options.others})

        def measure(case: Case) -> report.Figures:
            return _measure(case, others, options.server_core, options.seconds)

        _print(others, report.interleave(cases, options.rounds, measure))
    print(report.machine(PACKAGES))
    return 0


def _measure(case: Case, others: Sequence[int], core: int, seconds: int) -> report.Figures:
    """Ask one server with more and more connections beside; give rates, CPU times and bytes."""
    figures: report.Figures = {}
    with rig.serve(case.server, core) as server, ExitStack() as stack:
        wrk.run(server, ACTIVE, 1)  # what it allocates once it has allocated now
        before = server.resident_bytes()
        there = 0
        for count in others:
            _add(server, case.parked, count - there, stack)
            there = count
            server.settle()
            if count:
                figures["bytes"] = (server.resident_bytes() - before) / count
            load = wrk.run(server, ACTIVE, seconds)
            figures[f"rate {count}"] = load.rate
            figures[f"cpu {count}"] = load.microseconds
    return figures


def _add(server: rig.Server, parked: bool, count: int, stack: ExitStack) -> None:
    """Open connections that have had an answer and stay, or that never get one."""
    text = request("GET", "/park" if parked else "/")
    for first in range(0, count, BATCH):
        batch = [
            stack.enter_context(connection)
            for connection in connections(server.port, min(BATCH, count - first))
        ]
        ask(batch, [request("GET", "/")] * len(batch))
        if parked:
            for connection in batch:
                connection.sendall(text)


def _print(others: Sequence[int], results: dict[Case, report.Figures]) -> None:
    for parked, kind in ((False, "idle connections"), (True, "parked requests")):
        rows = []
        for case, figures in results.items():
            if case.parked != parked:
                continue
            row = [case.server]
            for count in others:
                row += [report.count(figures[f"rate {count}"]), f"{figures[f'cpu {count}']:.1f}"]
                if count:
                    row.append(report.percent(figures["cpu 0"], figures[f"cpu {count}"]))
            rows.append([*row, report.count(figures.get("bytes", 0))])
        header = ["server"]
        for count in others:
            header += [f"req/s at {count:,}", "CPU µs"]
            if count:
                header.append("kept")
        title = f"hello, {ACTIVE} active connections beside {kind}"
        print(report.table(title, [*header, "bytes each"], rows), flush=True)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = rig.options("benchmarks.idle", "Compare requests beside idle connections.", HELLO)
    parser.set_defaults(contenders=["cogen", "uvicorn", "pywsgi"])
    parser.add_argument("--others", nargs="+", type=int, default=OTHERS)
    parser.add_argument("--seconds", type=int, default=1, help="of each measurement")
    return parser.parse_args(argv)


if __name__ == "__main__":
    rig.command(main)

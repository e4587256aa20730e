"""``python -m benchmarks.hello``: plain requests per second on one core, side by side.

Every server answers the same 14 octets; wrk asks over 1, 64 and 512 kept connections. All
servers are up for the whole run, idle until their turn, on the same core.
"""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack

from . import report, rig, wrk
from .serve import HELLO

CONNECTIONS = (1, 64, 512)
PACKAGES = ("gevent", "httptools", "bjoern", "uvicorn", "uvloop", "waitress", "gunicorn")


def main(argv: Sequence[str] | None = None) -> int:
    options = _options(argv)
    rig.raise_descriptor_limit()
    with rig.load_core(options.load_core), ExitStack() as stack:
        core = options.server_core
        names = rig.startable(options.contenders, core)
        servers = {name: stack.enter_context(rig.serve(name, core)) for name in names}
        for connections in options.connections:
            _compare(servers, connections, options)
    print(report.machine(PACKAGES))
    return 0


def _compare(servers: dict[str, rig.Server], connections: int, options: argparse.Namespace) -> None:
    def measure(name: str) -> report.Figures:
        load = wrk.run(servers[name], connections, options.seconds, options.different)
        return {
            "rate": load.rate,
            "cpu": load.microseconds,
            "busy": load.server_busy,
            "client": load.client_busy,
        }

    results = report.interleave(servers, options.rounds, measure)
    base = next(iter(results.values()))
    rows = [
        (
            name,
            report.count(figures["rate"]),
            report.ratio(base["rate"], figures["rate"]),
            f"{figures['cpu']:.1f}",
            report.ratio(figures["cpu"], base["cpu"]),
            f"{figures['busy']:.0%}",
            f"{figures['client']:.0%}",
        )
        for name, figures in results.items()
    ]
    first = next(iter(results), "first")
    header = (
        "server",
        "req/s",
        f"{first} has",
        "CPU µs/req",
        f"to {first}'s",
        "server busy",
        "wrk busy",
    )
    kind = ", no two requests the same" if options.different else ""
    print(report.table(f"hello, {connections} connections{kind}", header, rows), flush=True)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = rig.options("benchmarks.hello", "Compare plain requests per second.", HELLO)
    parser.add_argument("--connections", nargs="+", type=int, default=CONNECTIONS)
    parser.add_argument("--seconds", type=int, default=1, help="of each measurement")
    parser.add_argument("--different", action="store_true", help="let no two requests be the same")
    return parser.parse_args(argv)


if __name__ == "__main__":
    rig.command(main)

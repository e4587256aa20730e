"""``python -m benchmarks.fanout``: one push of the chat to N waiting pulls, N up to 10,000.

Closed loop: each listener polls again as soon as it is answered, and the next push goes out
when the last listener has the message. Ours is the whole application, started from an ini by
``paster serve``: sessions, registry, routes, controller. The others are bare (``peers``).

Every measurement has a fresh server: memory that a server has once had it seldom gives back.
"""

import argparse
import gc
import statistics
import time
from collections.abc import Sequence

from . import report, rig
from .crowd import Crowd
from .serve import CHAT

SIZES = (100, 1_000, 10_000)
PACKAGES = (
    "gevent",
    "httptools",
    "Beaker",
    "Routes",
    "WebOb",
    "aiohttp",
    "starlette",
    "uvicorn",
    "uvloop",
)
FEW = 10  # listeners to make a server load what it loads lazily, and to warm its caches
WARM_UP = 50  # pushes to them
LEAST = 3  # pushes to the crowd: fewer would miss the garbage collector's long passes


def main(argv: Sequence[str] | None = None) -> int:
    options = _options(argv)
    rig.raise_descriptor_limit()
    with rig.load_core(options.load_core):
        names = rig.startable(options.contenders, options.server_core, chat=True)
        for listeners in options.listeners:

            def measure(name: str, listeners: int = listeners) -> report.Figures:
                return fan_out(name, options.server_core, listeners, options.seconds)

            results = report.interleave(names, options.rounds, measure)
            _print(listeners, results)
    print(report.machine(PACKAGES))
    return 0


def fan_out(name: str, core: int, listeners: int, seconds: float) -> report.Figures:
    """Measure one chat with one number of listeners: push for some seconds, three times at least.

    Memory is what the server grew by between ten listeners and all of them, waiting.
    """
    with rig.serve(name, core, chat=True) as server:
        with Crowd(server.port, FEW) as few:
            for _ in range(WARM_UP):
                few.push()
            before = server.resident_bytes()
        with Crowd(server.port, listeners) as crowd:
            server.settle()
            parked = server.resident_bytes()
            times: list[float] = []
            server_before, own_before = server.cpu_seconds(), time.process_time()
            began = time.perf_counter()
            gc.disable()
            while len(times) < LEAST or time.perf_counter() - began < seconds:
                times.append(crowd.push())
            gc.enable()
            elapsed = time.perf_counter() - began
            server_spent = server.cpu_seconds() - server_before
            own_spent = time.process_time() - own_before
    deliveries = listeners * len(times)
    return {
        "rate": deliveries / elapsed,
        "last": statistics.median(times) * 1e3,
        "cpu": server_spent / deliveries * 1e6,
        "bytes": (parked - before) / listeners,
        "busy": server_spent / elapsed,
        "client": own_spent / elapsed,
    }


def _print(listeners: int, results: dict[str, report.Figures]) -> None:
    base = next(iter(results.values()))
    first = next(iter(results))
    header = (
        "chat",
        "deliveries/s",
        f"{first} has",
        "ms to the last",
        "CPU µs/delivery",
        f"to {first}'s",
        "bytes/parked",
        "server busy",
        "client busy",
    )
    rows = [
        (
            name,
            report.count(figures["rate"]),
            report.ratio(base["rate"], figures["rate"]),
            f"{figures['last']:.1f}",
            f"{figures['cpu']:.1f}",
            report.ratio(figures["cpu"], base["cpu"]),
            report.count(figures["bytes"]),
            f"{figures['busy']:.0%}",
            f"{figures['client']:.0%}",
        )
        for name, figures in results.items()
    ]
    print(report.table(f"fan-out to {listeners:,} listeners", header, rows), flush=True)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = rig.options("benchmarks.fanout", "Compare one push to N waiting pulls.", CHAT)
    # The uvloop variant is worth its minute only now and then.
    parser.set_defaults(contenders=["cogen", "aiohttp", "starlette"])
    parser.add_argument("--listeners", nargs="+", type=int, default=SIZES)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    return parser.parse_args(argv)


if __name__ == "__main__":
    rig.command(main)

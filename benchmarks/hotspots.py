"""``python -m benchmarks.hotspots``: where the microseconds of one answer go, by layer.

``sampler`` looks at the server's stack while the chat's fan-out runs, or ``hotspots hello``. A
sample belongs to the innermost layer on its stack, so that what the standard library does for
Beaker is Beaker's, and what the kernel does for a send is the connection's; shares of samples,
times the processor time of an answer, give microseconds.

The second table has the functions with most samples of their own. The cyclic garbage collector
is a layer, because what it takes depends on how many objects wait, not on who creates the next.
"""

import argparse
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from . import report, rig, sampler, wrk
from .crowd import Crowd
from .serve import CHAT

# Innermost first: the first that a frame's file is in has the sample. A path stands for all below.
LAYERS = (
    ("garbage collector", ("benchmarks/sampler",)),
    ("parse", ("cogen/web/parser", "cogen/web/head", "httptools/")),
    ("connection", ("cogen/web/connection", "cogen/web/outlet", "cogen/web/tls")),
    ("response", ("cogen/web/response",)),
    ("exchange", ("cogen/web/exchange",)),
    ("environ", ("cogen/web/environ", "cogen/web/gate", "cogen/web/async_", "cogen/web/body")),
    ("workers", ("cogen/web/workers",)),
    ("server, the rest", ("cogen/web/",)),
    ("core", ("cogen/core/",)),
    ("webob", ("webob/",)),
    ("session", ("beaker/", "pylons/sessions", "pylons/stores", "pylons/cookies")),
    ("routes", ("routes/", "repoze/lru", "pylons/routing", "chatapp/config/routing")),
    ("registry", ("pylons/registry", "pylons/context")),
    ("controllers", ("pylons/controllers/", "pylons/decorators/")),
    ("pylons, the rest", ("pylons/",)),
    ("application", ("chatapp/",)),
    ("gevent's hub", ("gevent/",)),
)
REST = "the rest"
UNSAMPLED_SECONDS = 2  # to know what an answer costs when nobody looks


class Sample(NamedTuple):
    """One stack, outermost frame first, and how often it was seen."""

    frames: tuple[str, ...]
    times: int


def main(argv: Sequence[str] | None = None) -> int:
    options = _options(argv)
    rig.raise_descriptor_limit()
    with rig.load_core(options.load_core):
        cpu, samples = _sample(options)
    print(_layers(options.what, samples, cpu))
    print(_functions(samples, cpu, options.functions, options.callees))
    if options.keep:
        lines = [f"{';'.join(sample.frames)} {sample.times}" for sample in samples]
        Path(options.keep).write_text("\n".join(lines) + "\n")
    print(report.machine(("gevent", "httptools", "WebOb", "Beaker", "Routes")))
    return 0


def layer_of(frames: Sequence[str]) -> str:
    """Return the layer that the stack's innermost known frame is in."""
    for frame in reversed(frames):
        for layer, paths in LAYERS:
            if any(path in frame for path in paths):
                return layer
    return REST


def _sample(options: argparse.Namespace) -> tuple[float, list[Sample]]:
    """Sample the chat or hello under load; return the seconds of CPU per answer, and the stacks."""
    with tempfile.TemporaryDirectory() as directory:
        stacks = Path(directory) / "stacks"
        os.environ[sampler.VARIABLE] = str(stacks)
        chat = options.what == "chat"
        with rig.serve(options.contenders[0], options.server_core, chat=chat) as server:
            if chat:
                return _sample_chat(server, stacks, options)
            return _sample_hello(server, stacks, options)


def _sample_chat(
    server: rig.Server, stacks: Path, options: argparse.Namespace
) -> tuple[float, list[Sample]]:
    with Crowd(server.port, options.listeners) as crowd:
        server.settle()
        crowd.push()
        spent = server.cpu_seconds()
        deliveries = _push_for(UNSAMPLED_SECONDS, crowd, options.listeners)
        spent = server.cpu_seconds() - spent
        with _sampled(server, stacks) as samples:
            _push_for(options.seconds, crowd, options.listeners)
            return spent / deliveries, samples()


def _push_for(seconds: float, crowd: Crowd, listeners: int) -> int:
    """Push until the time is over; return the deliveries."""
    deliveries = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        crowd.push()
        deliveries += listeners
    return deliveries


def _sample_hello(
    server: rig.Server, stacks: Path, options: argparse.Namespace
) -> tuple[float, list[Sample]]:
    wrk.run(server, options.connections, 1)
    load = wrk.run(server, options.connections, UNSAMPLED_SECONDS)
    with _sampled(server, stacks) as samples:
        wrk.run(server, options.connections, options.seconds)
        return load.microseconds / 1e6, samples()


@contextmanager
def _sampled(server: rig.Server, stacks: Path) -> Iterator[Callable[[], list[Sample]]]:
    """Let the server look at its stack; yield a function that stops it and gives the samples."""
    os.kill(server.pid, signal.SIGUSR2)
    yield lambda: _read(sampler.collect(server.pid, stacks))


def _read(lines: Iterable[str]) -> list[Sample]:
    samples = []
    for line in lines:
        stack, _, times = line.rpartition(" ")
        samples.append(Sample(tuple(stack.split(";")), int(times)))
    return samples


def _layers(what: str, samples: Sequence[Sample], cpu: float) -> str:
    found: Counter[str] = Counter()
    for sample in samples:
        found[layer_of(sample.frames)] += sample.times
    total = found.total() or 1
    rows = [
        (layer, f"{times / total * cpu * 1e6:.1f}", f"{times / total:.1%}")
        for layer, times in found.most_common()
    ]
    rows.append(("all", f"{cpu * 1e6:.1f}", f"{found.total():,} samples"))
    return report.table(f"{what}: one answer, by layer", ("layer", "CPU µs", "share"), rows)


def _functions(samples: Sequence[Sample], cpu: float, most: int, by_all: bool) -> str:
    """Return the hottest functions by their own samples, or by those of what they call too."""
    own: Counter[str] = Counter()
    everything: Counter[str] = Counter()
    for frames, times in samples:
        own[frames[-1]] += times
        for frame in set(frames):
            everything[frame] += times
    microseconds = cpu * 1e6 / (own.total() or 1)
    rows = [
        (
            _name(frame),
            layer_of([frame]),
            f"{own[frame] * microseconds:.1f}",
            f"{everything[frame] * microseconds:.1f}",
        )
        for frame, _ in (everything if by_all else own).most_common(most)
    ]
    header = ("function", "layer", "own µs", "with callees µs")
    return report.table(f"the {most} hottest functions", header, rows)


def _name(frame: str) -> str:
    """Shorten "get (/long/path/site-packages/beaker/session.py)" to what tells it apart."""
    function, _, path = frame.removesuffix(")").partition(" (")
    return f"{function}  {'/'.join(path.split('/')[-2:])}"


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = rig.options("benchmarks.hotspots", "Profile the chat's fan-out, or hello.", CHAT)
    parser.set_defaults(contenders=["cogen"])
    parser.add_argument("what", nargs="?", choices=("chat", "hello"), default="chat")
    parser.add_argument("--connections", type=int, default=64, help="that ask for hello")
    parser.add_argument("--listeners", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=8, help="to sample")
    parser.add_argument("--functions", type=int, default=40, help="to list")
    parser.add_argument("--callees", action="store_true", help="order by time with callees")
    parser.add_argument("--keep", metavar="FILE", help="keep the stacks, for a flame graph")
    return parser.parse_args(argv)


if __name__ == "__main__":
    rig.command(main)

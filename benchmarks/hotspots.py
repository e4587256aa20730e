"""``python -m benchmarks.hotspots``: where the microseconds of one delivery go, by layer.

py-spy samples the chat's stack from outside while the fan-out runs. A tracing profiler would
charge each Python call a microsecond or two of its own, and so make the layers with many small
functions look worst. A sample belongs to the innermost layer on its stack, so that what the
standard library does for Beaker is Beaker's; shares of samples, times the processor time of a
delivery, give microseconds.

The second table is flat: the functions with most samples of their own.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from . import report, rig
from .crowd import Crowd
from .serve import CHAT

# Innermost first: the first that a frame's file is in has the sample. A path stands for all below.
LAYERS = (
    ("parse", ("cogen/web/parser", "httptools/")),
    ("receive, send", ("cogen/web/connection", "cogen/web/response", "cogen/web/exchange")),
    ("environ", ("cogen/web/environ", "cogen/web/async_", "cogen/web/body")),
    ("workers", ("cogen/web/workers",)),
    ("server, the rest", ("cogen/web/",)),
    ("core", ("cogen/core/",)),
    ("webob", ("webob/",)),
    ("session", ("beaker/", "pylons/sessions")),
    ("routes", ("routes/", "repoze/lru", "pylons/routing", "chatapp/config/routing")),
    ("registry", ("pylons/registry", "pylons/context")),
    ("controllers", ("pylons/controllers/", "pylons/decorators/")),
    ("pylons, the rest", ("pylons/",)),
    ("application", ("chatapp/",)),
    ("gevent's hub", ("gevent/",)),
)
REST = "the rest"


class Sample(NamedTuple):
    """One stack, outermost frame first, and how often it was seen."""

    frames: tuple[str, ...]
    times: int


def main(argv: Sequence[str] | None = None) -> int:
    options = _options(argv)
    rig.raise_descriptor_limit()
    with rig.load_core(options.load_core):
        cpu, samples = _sample(options)
    print(_layers(samples, cpu), _functions(samples, cpu, options.functions), sep="\n")
    if options.keep:
        lines = [f"{';'.join(sample.frames)} {sample.times}" for sample in samples]
        Path(options.keep).write_text("\n".join(lines) + "\n")
    print(report.machine(("py-spy", "gevent")))
    return 0


def layer_of(frames: Sequence[str]) -> str:
    """Return the layer that the stack's innermost known frame is in."""
    for frame in reversed(frames):
        for layer, paths in LAYERS:
            if any(path in frame for path in paths):
                return layer
    return REST


def _sample(options: argparse.Namespace) -> tuple[float, list[Sample]]:
    """Run the fan-out under py-spy; return the seconds of CPU per delivery, and the stacks."""
    name, core = options.contenders[0], options.server_core
    with rig.serve(name, core, chat=True) as server:
        with Crowd(server.port, options.listeners) as crowd:
            server.settle()
            crowd.push()
            cpu = _cpu_per_delivery(server, crowd, options.listeners)
            with tempfile.NamedTemporaryFile("r") as found:
                spy = _start_spy(server.pid, options.seconds, found.name, options.native)
                try:
                    while spy.poll() is None:
                        crowd.push()
                finally:
                    spy.kill()
                    said = spy.communicate()[1]
                if spy.returncode != 0:
                    raise rig.Unavailable(f"py-spy failed: {said.decode(errors='replace')}")
                return cpu, _read(found)


def _cpu_per_delivery(server: rig.Server, crowd: Crowd, listeners: int) -> float:
    """Measure without the profiler, for a second: being sampled slows a process down."""
    pushes, spent = 0, server.cpu_seconds()
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        crowd.push()
        pushes += 1
    return (server.cpu_seconds() - spent) / (pushes * listeners)


def _start_spy(pid: int, seconds: int, path: str, native: bool) -> "subprocess.Popen[bytes]":
    program = shutil.which("py-spy", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin")
    if program is None:
        raise rig.Unavailable("py-spy is missing: pip install py-spy")
    command = [program, "record", "--pid", str(pid), "--duration", str(seconds)]
    command += ["--format", "raw", "--full-filenames", "--rate", "400", "--output", path]
    if native:
        command.append("--native")
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _read(lines: Iterable[str]) -> list[Sample]:
    samples = []
    for line in lines:
        stack, _, times = line.rpartition(" ")
        samples.append(Sample(tuple(stack.split(";")), int(times)))
    return samples


def _layers(samples: Sequence[Sample], cpu: float) -> str:
    found: Counter[str] = Counter()
    for sample in samples:
        found[layer_of(sample.frames)] += sample.times
    total = found.total() or 1
    rows = [
        (layer, f"{times / total * cpu * 1e6:.1f}", f"{times / total:.1%}")
        for layer, times in found.most_common()
    ]
    rows.append(("all", f"{cpu * 1e6:.1f}", f"{found.total():,} samples"))
    return report.table("one delivery, by layer", ("layer", "CPU µs", "share"), rows)


def _functions(samples: Sequence[Sample], cpu: float, most: int) -> str:
    found: Counter[tuple[str, str]] = Counter()
    for sample in samples:
        found[_name(sample.frames[-1]), layer_of(sample.frames)] += sample.times
    total = found.total() or 1
    rows = [
        (name, layer, f"{times / total * cpu * 1e6:.2f}", f"{times / total:.1%}")
        for (name, layer), times in found.most_common(most)
    ]
    header = ("function, by its own samples", "layer", "CPU µs", "share")
    return report.table(f"the {most} hottest functions", header, rows)


def _name(frame: str) -> str:
    """Shorten "get (/long/path/site-packages/beaker/session.py:12)" to what tells it apart."""
    function, _, place = frame.partition(" (")
    path = place.rstrip(")").rpartition(":")[0]
    return f"{function}  {'/'.join(path.split('/')[-2:])}"


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = rig.options("benchmarks.hotspots", "Profile the chat's fan-out.", CHAT)
    parser.set_defaults(contenders=["cogen"])
    parser.add_argument("--listeners", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=8, help="to sample")
    parser.add_argument("--functions", type=int, default=40, help="to list")
    parser.add_argument("--native", action="store_true", help="see into C code too")
    parser.add_argument("--keep", metavar="FILE", help="keep the stacks, for a flame graph")
    return parser.parse_args(argv)


if __name__ == "__main__":
    rig.command(main)

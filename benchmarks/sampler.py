"""Sample the stack of the process that this module is in, by the processor time it uses.

SIGUSR2 starts and stops it; at the stop the stacks are written to the file that the environment
variable ``BENCHMARK_STACKS`` names, as "frame;frame;frame times" a line, outermost first.

A tracing profiler charges each Python call a microsecond or two and so makes the layers with many
small functions look worst. A sampler outside the process (py-spy) stops it mostly at the end of a
system call and so makes those look worst: 80 % of "hello", where perf sees half of that. SIGPROF
interrupts anywhere; Python calls the handler when the C function that was running returns, so that
its time is its caller's.
"""

import gc
import os
import signal
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import CodeType, FrameType

PERIOD_SECONDS = 0.001  # of processor time; the kernel's tick may make it longer
VARIABLE = "BENCHMARK_STACKS"

Stack = tuple[CodeType, ...]


class Sampler:
    """Count the stacks of this process while it is on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stacks: Counter[Stack] = Counter()
        self._on = False

    def toggle(self, signum: int, frame: FrameType | None) -> None:
        """Start, or stop and write what was found; a handler of SIGUSR2."""
        self._on = not self._on
        if self._on:
            self._stacks.clear()
            gc.callbacks.append(self._garbage_collector)
            signal.signal(signal.SIGPROF, self._sample)
            signal.setitimer(signal.ITIMER_PROF, PERIOD_SECONDS, PERIOD_SECONDS)
        else:
            signal.setitimer(signal.ITIMER_PROF, 0)
            gc.callbacks.remove(self._garbage_collector)
            self._write()

    def _sample(self, signum: int, frame: FrameType | None) -> None:
        stack = []
        while frame is not None:
            stack.append(frame.f_code)
            frame = frame.f_back
        self._stacks[tuple(reversed(stack))] += 1

    def _garbage_collector(self, phase: str, info: Mapping[str, int]) -> None:
        """Be on the stack when a collection ends: a signal that came during it is handled here."""

    def _write(self) -> None:
        lines = [
            ";".join(f"{code.co_qualname} ({code.co_filename})" for code in stack) + f" {times}"
            for stack, times in self._stacks.items()
        ]
        unfinished = self._path.with_suffix(".part")
        unfinished.write_text("\n".join(lines))
        unfinished.rename(self._path)


def install() -> None:
    """Wait for SIGUSR2, if the environment asks for it."""
    if path := os.environ.get(VARIABLE):
        signal.signal(signal.SIGUSR2, Sampler(Path(path)).toggle)


def collect(pid: int, path: Path) -> list[str]:
    """Stop the sampler of another process and return the lines that it writes."""
    os.kill(pid, signal.SIGUSR2)
    give_up = time.monotonic() + 10
    while not path.exists():
        if time.monotonic() > give_up:
            raise TimeoutError(f"process {pid} has not written {path}")
        time.sleep(0.05)
    return path.read_text().splitlines()

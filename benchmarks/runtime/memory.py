"""Resident bytes of each coroutine, task or greenlet that waits for an item.

The bytes are the kernel's (/proc), so that what a C extension takes counts as well. Each contender
is measured in a process of its own, which has loaded nothing but this module: what has been freed
before would be used again, and would not show.
"""

import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gevent
import gevent.queue

from cogen.core import queue
from cogen.core.coroutines import coro
from cogen.core.schedulers import Scheduler

from .. import report

WAITING = 10_000
PAGE = os.sysconf("SC_PAGE_SIZE")


def table() -> str:
    bytes_of = {name: measured_apart(name) for name in PARKED}
    base = bytes_of["cogen"]
    return report.table(
        f"resident bytes of each of {report.count(WAITING)} that wait for an item",
        ["", "bytes", "of cogen's"],
        [[name, report.count(size), report.ratio(size, base)] for name, size in bytes_of.items()],
    )


def measured_apart(name: str) -> float:
    command = [sys.executable, "-m", "benchmarks.runtime.memory", name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def bytes_per_waiting(park: Callable[[int], Any]) -> float:
    """Return by how much the process grows for each of those that ``park`` lets wait."""
    warm = park(100)
    gc.collect()
    before = resident()
    parked = park(WAITING)
    gc.collect()
    grown = resident() - before
    del warm, parked
    return grown / WAITING


def resident() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * PAGE


def park_cogen(number: int, timeout: float | None = None) -> Any:
    sched, lonely = Scheduler(), queue.Queue()

    @coro
    def waiter() -> Iterator[Any]:
        yield lonely.get(timeout=timeout)

    for _ in range(number):
        sched.add(waiter)
    steps = sched.iter_run()
    while len(lonely.waiting_gets) < number:
        next(steps)
    return sched, steps


def park_asyncio(number: int, timeout: float | None = None) -> Any:
    loop = asyncio.new_event_loop()
    lonely: asyncio.Queue[None] = asyncio.Queue()

    async def waiter() -> None:
        if timeout:
            async with asyncio.timeout(timeout):
                await lonely.get()
        else:
            await lonely.get()

    tasks = [loop.create_task(waiter()) for _ in range(number)]
    loop.run_until_complete(asyncio.sleep(0.01))
    return loop, tasks


def park_gevent(number: int, timeout: float | None = None) -> Any:
    lonely = gevent.queue.Queue()
    begun: list[None] = []

    def waiter() -> None:
        begun.append(None)
        lonely.get(timeout=timeout)

    greenlets = [gevent.spawn(waiter) for _ in range(number)]
    while len(begun) < number:
        gevent.sleep(0.01)
    return lonely, greenlets


PARKED: dict[str, Callable[[int], Any]] = {
    "cogen": park_cogen,
    "asyncio": park_asyncio,
    "gevent": park_gevent,
    "cogen, time-out": partial(park_cogen, timeout=600),
    "asyncio, time-out": partial(park_asyncio, timeout=600),
    "gevent, time-out": partial(park_gevent, timeout=600),
}

if __name__ == "__main__":
    print(bytes_per_waiting(PARKED[sys.argv[1]]), flush=True)
    os._exit(0)  # not all of those that wait can be ended without complaints

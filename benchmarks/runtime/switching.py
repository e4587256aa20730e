"""Switches per second between two: giving way, and ping-pong through two queues.

Each contender does it in its library's own words: our coroutines, asyncio's tasks, greenlets,
and simpy's processes if simpy is installed.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gevent
import gevent.queue

from cogen.core import queue
from cogen.core.coroutines import coro
from cogen.core.schedulers import Scheduler

from .. import report

try:
    import simpy
except ImportError:
    simpy = None


def table(rounds: int, steps: int) -> str:
    def measure(name: str) -> report.Figures:
        passes, ping_pong = CONTENDERS[name]
        return {"passes": rate(passes, steps), "ping-pong": rate(ping_pong, steps)}

    figures = report.interleave(CONTENDERS, rounds, measure)
    base = figures["cogen"]
    rows = [
        [
            name,
            report.count(figure["passes"]),
            report.ratio(base["passes"], figure["passes"]),
            report.count(figure["ping-pong"]),
            report.ratio(base["ping-pong"], figure["ping-pong"]),
        ]
        for name, figure in figures.items()
    ]
    return report.table(
        "switches per second between two: giving way, and ping-pong through two queues",
        ["", "giving way", "cogen is", "ping-pong", "cogen is"],
        rows,
    )


def rate(contender: Callable[[int], None], steps: int) -> float:
    """Return switches per second of two parties that make ``steps`` each."""
    began = time.perf_counter()
    contender(steps)
    return 2 * steps / (time.perf_counter() - began)


def both_ways(party: Callable[..., Any], ping: Any, pong: Any) -> list[Callable[[], Any]]:
    """Return the two who play: each takes from its own queue and puts into the other's."""
    return [partial(party, ping, pong), partial(party, pong, ping)]


def cogen_passes(steps: int) -> None:
    @coro
    def party() -> Iterator[Any]:
        for _ in range(steps):
            yield

    cogen_run(party, party)


def cogen_ping_pong(steps: int) -> None:
    @coro
    def party(mine: queue.Queue, other: queue.Queue) -> Iterator[Any]:
        for _ in range(steps):
            yield other.put((yield mine.get()))

    ping, pong = queue.Queue(), queue.Queue()
    ping.queue.append("ball")
    cogen_run(*both_ways(party, ping, pong))


def cogen_run(*parties: Callable[[], Any]) -> None:
    sched = Scheduler()
    for party in parties:
        sched.add(party)
    sched.run()


def asyncio_passes(steps: int) -> None:
    async def party() -> None:
        for _ in range(steps):
            await asyncio.sleep(0)

    asyncio_run(party, party)


def asyncio_ping_pong(steps: int) -> None:
    async def party(mine: asyncio.Queue[str], other: asyncio.Queue[str]) -> None:
        for _ in range(steps):
            await other.put(await mine.get())

    ping: asyncio.Queue[str] = asyncio.Queue()
    pong: asyncio.Queue[str] = asyncio.Queue()
    ping.put_nowait("ball")
    asyncio_run(*both_ways(party, ping, pong))


def asyncio_run(*parties: Callable[[], Any]) -> None:
    async def together() -> None:
        await asyncio.gather(*(party() for party in parties))

    asyncio.run(together())


def gevent_passes(steps: int) -> None:
    def party() -> None:
        for _ in range(steps):
            gevent.sleep(0)

    gevent_run(party, party)


def gevent_ping_pong(steps: int) -> None:
    def party(mine: Any, other: Any) -> None:
        for _ in range(steps):
            other.put(mine.get())

    ping, pong = gevent.queue.Queue(), gevent.queue.Queue()
    ping.put("ball")
    gevent_run(*both_ways(party, ping, pong))


def gevent_run(*parties: Callable[[], None]) -> None:
    gevent.joinall([gevent.spawn(party) for party in parties])


def simpy_passes(steps: int) -> None:
    env = simpy.Environment()

    def party() -> Iterator[Any]:
        for _ in range(steps):
            yield env.timeout(0)

    simpy_run(env, party, party)


def simpy_ping_pong(steps: int) -> None:
    def party(mine: Any, other: Any) -> Iterator[Any]:
        for _ in range(steps):
            yield other.put((yield mine.get()))

    env = simpy.Environment()
    ping, pong = simpy.Store(env), simpy.Store(env)
    ping.put("ball")
    simpy_run(env, *both_ways(party, ping, pong))


def simpy_run(env: Any, *parties: Callable[[], Any]) -> None:
    for party in parties:
        env.process(party())
    env.run()


CONTENDERS = {
    "cogen": (cogen_passes, cogen_ping_pong),
    "asyncio": (asyncio_passes, asyncio_ping_pong),
    "gevent": (gevent_passes, gevent_ping_pong),
}
if simpy is not None:
    CONTENDERS["simpy"] = (simpy_passes, simpy_ping_pong)

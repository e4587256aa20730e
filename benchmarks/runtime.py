"""``python -m benchmarks.runtime``: what waiting and switching cost in the coroutine runtime.

Five tables: an operation with a time-out while others wait; switches per second against
asyncio tasks, gevent greenlets and simpy processes; memory per waiting coroutine; publishing to
N subscribers; and by how much that delays a timer and an accept. The memory is read from /proc
in a fresh process for each contender.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gevent
import gevent.queue

from cogen.core import events, pubsub, queue, sockets, threads
from cogen.core.coroutines import coro
from cogen.core.schedulers import Scheduler
from cogen.core.util import priority

from . import report

OTHERS = (0, 1_000, 10_000, 50_000)
SUBSCRIBERS = (100, 1_000, 10_000)
WAITING = 10_000
PACKAGES = ("gevent", "greenlet", "simpy")
PAGE = os.sysconf("SC_PAGE_SIZE")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runtime")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which the median counts")
    parser.add_argument("--steps", type=int, default=20_000, help="operations per measurement")
    parser.add_argument("--memory", choices=PARKED, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.memory:
        print(bytes_per_waiting(PARKED[options.memory]), flush=True)
        os._exit(0)  # not all of those that wait can be ended without complaints
    waiting_table(options.rounds, options.steps)
    switching_table(options.rounds, options.steps)
    memory_table()
    publishing_table(options.rounds)
    print(report.machine(PACKAGES))
    return 0


# -- an operation with a time-out while others wait ------------------------------------------


class Nobody:
    """Waits for an operation from outside, as a request does."""

    running = True
    debug = False

    def run_op(self, op: Any, sched: Scheduler) -> events.Operation:
        return events.HANDED_OVER


def waiting_table(rounds: int, steps: int) -> None:
    figures = report.interleave(OTHERS, rounds, lambda others: put_and_get(others, steps))
    rows = [[report.count(n), *(f"{value:.2f}" for value in figures[n].values())] for n in OTHERS]
    print(
        report.table(
            "put and get with a time-out, while others wait with time-outs; microseconds",
            ["others waiting", "item is there", "get waits", "get times out"],
            rows,
        )
    )


def put_and_get(others: int, steps: int) -> report.Figures:
    """Time a put and a get that finds the item, one that waits for it, and a time-out."""
    sched, lonely, taken = Scheduler(), queue.Queue(), queue.Queue()
    figures: report.Figures = {}

    @coro
    def other(n: int) -> Iterator[Any]:
        yield lonely.get(timeout=1000 + n % 100)

    @coro
    def at_once() -> Iterator[Any]:
        for _ in range(steps):
            yield taken.put(1, timeout=60)
            yield taken.get(timeout=60)

    @coro
    def putter() -> Iterator[Any]:
        for _ in range(steps):
            yield taken.put(1, timeout=60, prio=priority.OP)  # the getter runs at once

    @coro
    def getter() -> Iterator[Any]:
        for _ in range(steps):
            yield taken.get(timeout=60)

    @coro
    def timed(name: str, *parts: Any) -> Iterator[Any]:
        began = time.perf_counter()
        instances = [sched.add(part) for part in parts]
        for instance in instances:
            yield events.Join(instance)
        figures[name] = (time.perf_counter() - began) / steps * 1e6

    @coro
    def time_outs() -> Iterator[Any]:
        nobody = Nobody()
        for step in range(steps):
            op = taken.get(timeout=60)
            sched.begin(op, nobody)
            sched.expire(op, nobody)
            if step % 50 == 0:
                yield  # what expired is delivered

    @coro
    def story() -> Iterator[Any]:
        while len(lonely.waiting_gets) < others:
            yield
        # A full collection, some 60 ms at 50,000, would fall into one of them by chance.
        gc.collect()
        gc.freeze()
        yield timed("at once", at_once)
        yield timed("waits", getter, putter)
        yield timed("times out", time_outs)
        gc.unfreeze()
        sched.shutdown()

    for n in range(others):
        sched.add(other, (n,))
    sched.add(story)
    sched.run()
    return figures


# -- switches per second ---------------------------------------------------------------------


def switching_table(rounds: int, steps: int) -> None:
    contenders = {
        "cogen": (cogen_passes, cogen_ping_pong),
        "asyncio": (asyncio_passes, asyncio_ping_pong),
        "gevent": (gevent_passes, gevent_ping_pong),
    }
    with contextlib.suppress(ImportError):
        import simpy  # noqa: F401

        contenders["simpy"] = (simpy_passes, simpy_ping_pong)

    def measure(name: str) -> report.Figures:
        passes, ping_pong = contenders[name]
        return {"passes": rate(passes, steps), "ping-pong": rate(ping_pong, steps)}

    figures = report.interleave(contenders, rounds, measure)
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
    print(
        report.table(
            "switches per second between two: giving way, and ping-pong through two queues",
            ["", "giving way", "cogen is", "ping-pong", "cogen is"],
            rows,
        )
    )


def rate(contender: Callable[[int], None], steps: int) -> float:
    """Return switches per second of two parties that make ``steps`` each."""
    began = time.perf_counter()
    contender(steps)
    return 2 * steps / (time.perf_counter() - began)


def cogen_passes(steps: int) -> None:
    @coro
    def party() -> Iterator[Any]:
        for _ in range(steps):
            yield

    cogen_run(party(), party())


def cogen_ping_pong(steps: int) -> None:
    @coro
    def party(mine: queue.Queue, other: queue.Queue) -> Iterator[Any]:
        for _ in range(steps):
            yield other.put((yield mine.get()))

    ping, pong = queue.Queue(), queue.Queue()
    ping.queue.append("ball")
    cogen_run(party(ping, pong), party(pong, ping))


def cogen_run(*instances: Any) -> None:
    sched = Scheduler()
    for instance in instances:
        sched.add(lambda instance=instance: instance)
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
    asyncio_run(lambda: party(ping, pong), lambda: party(pong, ping))


def asyncio_run(*parties: Callable[[], Any]) -> None:
    async def together() -> None:
        await asyncio.gather(*(party() for party in parties))

    asyncio.run(together())


def gevent_passes(steps: int) -> None:
    def party() -> None:
        for _ in range(steps):
            gevent.sleep(0)

    gevent.joinall([gevent.spawn(party), gevent.spawn(party)])


def gevent_ping_pong(steps: int) -> None:
    def party(mine: Any, other: Any) -> None:
        for _ in range(steps):
            other.put(mine.get())

    ping, pong = gevent.queue.Queue(), gevent.queue.Queue()
    ping.put("ball")
    gevent.joinall([gevent.spawn(party, ping, pong), gevent.spawn(party, pong, ping)])


def simpy_passes(steps: int) -> None:
    import simpy

    def party(env: Any) -> Iterator[Any]:
        for _ in range(steps):
            yield env.timeout(0)

    env = simpy.Environment()
    env.process(party(env))
    env.process(party(env))
    env.run()


def simpy_ping_pong(steps: int) -> None:
    import simpy

    def party(mine: Any, other: Any) -> Iterator[Any]:
        for _ in range(steps):
            yield other.put((yield mine.get()))

    env = simpy.Environment()
    ping, pong = simpy.Store(env), simpy.Store(env)
    ping.put("ball")
    env.process(party(ping, pong))
    env.process(party(pong, ping))
    env.run()


# -- memory ----------------------------------------------------------------------------------


def memory_table() -> None:
    bytes_of = {name: measured_apart(name) for name in PARKED}
    base = bytes_of["cogen"]
    rows = [[name, report.count(size), report.ratio(size, base)] for name, size in bytes_of.items()]
    print(
        report.table(
            f"resident bytes of each of {report.count(WAITING)} that wait for an item",
            ["", "bytes", "of cogen's"],
            rows,
        )
    )


def measured_apart(name: str) -> float:
    command = [sys.executable, "-m", "benchmarks.runtime", "--memory", name]
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
    "cogen, time-out": lambda number: park_cogen(number, 600),
    "asyncio, time-out": lambda number: park_asyncio(number, 600),
    "gevent, time-out": lambda number: park_gevent(number, 600),
}


# -- publishing ------------------------------------------------------------------------------


def publishing_table(rounds: int) -> None:
    figures = report.interleave(SUBSCRIBERS, rounds, publish)
    rows = [
        [
            report.count(n),
            f"{figures[n]['all'] * 1e3:.1f}",
            f"{figures[n]['all'] / n * 1e6:.2f}",
            f"{figures[n]['timer'] * 1e3:.1f}",
            f"{figures[n]['accept'] * 1e3:.1f}",
            f"{figures[n]['collection'] * 1e3:.1f}",
        ]
        for n in SUBSCRIBERS
    ]
    print(
        report.table(
            "one message to N subscribers, each of which fetches it and puts it into a queue; "
            "milliseconds until the last has it, and by how much others are late",
            ["N", "the last", "us each", "a timer", "an accept", "full gc"],
            rows,
        )
    )


def publish(subscribers: int) -> report.Figures:
    """Publish ten times; return the median time to the last one, and the longest delays.

    The garbage collector's own pause is measured apart: a server freezes what lives long.
    """
    sched, bus, done = Scheduler(), pubsub.PublishSubscribeQueue(), [0]
    late = {"timer": 0.0, "accept": 0.0, "collection": 0.0}
    took: list[float] = []
    listener = sockets.Socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()

    @coro
    def subscriber() -> Iterator[Any]:
        mine = queue.Queue(10)
        yield bus.subscribe()
        while True:
            yield mine.put_nowait((yield bus.fetch()))
            done[0] += 1
            mine.queue.clear()

    @coro
    def clock() -> Iterator[Any]:
        while True:
            due = time.perf_counter() + 0.001
            yield events.Sleep(0.001)
            late["timer"] = max(late["timer"], time.perf_counter() - due)

    @coro
    def acceptor() -> Iterator[Any]:
        while True:
            conn, _ = yield listener.accept()
            yield conn.send(b"x")
            conn.close()

    @coro
    def story() -> Iterator[Any]:
        yield events.Sleep(0.05)
        gc.collect()
        began = time.perf_counter()
        gc.collect()
        late["collection"] = time.perf_counter() - began
        gc.freeze()
        command = [sys.executable, "-c", CALLER, str(listener.getsockname()[1])]
        caller = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        yield events.Sleep(0.3)
        late["timer"] = 0.0
        for _ in range(10):
            done[0] = 0
            began = time.perf_counter()
            yield bus.publish("message")
            while done[0] < subscribers:
                yield
            took.append(time.perf_counter() - began)
            yield events.Sleep(0.005)
        answer = yield threads.call(caller.communicate)
        late["accept"] = float(answer[0])
        gc.unfreeze()
        sched.shutdown()

    for part in (*[subscriber] * subscribers, clock, acceptor, story):
        sched.add(part)
    sched.run()
    listener.close()
    return {"all": sorted(took)[len(took) // 2], **late}


#: Connects again and again until its input ends; writes the longest wait for the first byte.
CALLER = """
import select, socket, sys, time
longest = 0.0
while not select.select([sys.stdin], [], [], 0.0005)[0]:
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as client:
        client.recv(1)
    longest = max(longest, time.perf_counter() - began)
print(longest)
"""


if __name__ == "__main__":
    sys.exit(main())

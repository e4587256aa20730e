"""No reference cycles, no growth: memory is flat with the garbage collector off."""

import contextlib
import gc
import socket
import sys
import tracemalloc

import pytest

from cogen.core import events, queue
from cogen.core.coroutines import coro, current, local
from cogen.core.pipe import Iterate, chunk, sentinel
from cogen.core.pubsub import PublishSubscribeQueue
from cogen.core.schedulers import Scheduler
from cogen.core.sockets import Socket


@contextlib.contextmanager
def no_collector():
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@coro
def returns(sched):
    yield events.Sleep(0)
    return "result"


@coro
def raises(sched):
    yield events.Sleep(0)
    raise KeyError("nobody catches this")


@coro
def calls_what_raises(sched):
    with contextlib.suppress(KeyError):
        yield raises(sched)


@coro
def times_out_uncaught(sched):
    yield queue.Queue().get(timeout=0.0001)


@coro
def fetch_times_out_uncaught(sched):
    pubsub = PublishSubscribeQueue()
    yield pubsub.subscribe()
    yield pubsub.fetch(timeout=0.0001)


@coro
def cannot_start_uncaught(sched):
    yield queue.Queue().get_nowait()


@coro
def is_no_operation(sched):
    yield 5


@coro
def joins_and_is_joined(sched):
    yield events.Join(sched.add(returns, (sched,)))


@coro
def is_cancelled(sched):
    sched.call_soon(current().cancel)
    yield events.WaitForSignal("never", timeout=60)


@coro
def uses_queue_and_pubsub(sched):
    q, pubsub = queue.Queue(1), PublishSubscribeQueue()
    yield q.put(1)
    yield q.get(timeout=60)
    yield pubsub.subscribe()
    yield pubsub.publish("x")
    yield pubsub.fetch(timeout=60)


@coro
def has_locals(sched):
    own.value = bytearray(100)
    yield


@coro
def iterates(sched):
    token = yield Iterate(produces)
    yield token
    yield token
    yield token.stop()


@coro
def produces():
    while True:
        yield chunk(bytearray(100))


@coro
def reads_a_socket(sched):
    left, right = (Socket(_sock=end) for end in socket.socketpair())
    try:
        yield left.recv(1, timeout=0.0001)
    except events.OperationTimeout:
        yield right.sendall(b"x\n")
    file = left.makefile()
    yield file.readline()
    left.close()
    right.close()


own = local()

STORIES = [
    returns,
    raises,
    calls_what_raises,
    times_out_uncaught,
    fetch_times_out_uncaught,
    cannot_start_uncaught,
    is_no_operation,
    joins_and_is_joined,
    is_cancelled,
    uses_queue_and_pubsub,
    has_locals,
    iterates,
    reads_a_socket,
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_coroutine_that_has_ended_leaves_nothing(story, caplog):
    caplog.set_level(100)  # a logged exception would be kept by the log
    sched = Scheduler()

    def once():
        for _ in range(20):
            sched.add(story, (sched,))
        sched.run()

    with no_collector():
        once()
        once()
        gc.collect()
        once()
        assert gc.collect() == 0, "reference cycles"
    assert not sched.coros


def test_memory_is_flat_over_many_rounds_of_all_of_them(caplog):
    caplog.set_level(100)
    sched = Scheduler()

    def rounds(n):
        for _ in range(n):
            for story in STORIES:
                sched.add(story, (sched,))
            sched.run()

    with no_collector():
        rounds(20)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        rounds(100)
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    assert grown < 20_000


def test_a_consumer_that_goes_on_keeps_nothing_of_the_producers_before():
    rounds = 200

    @coro
    def produces_one():
        yield chunk(bytearray(100))

    @coro
    def consumer():
        for turn in range(2 * rounds):
            if turn == rounds:
                tracemalloc.start()
                before = tracemalloc.get_traced_memory()[0]
            token = yield Iterate(produces_one)
            yield token
            assert (yield token) is sentinel
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        return grown

    assert Scheduler().run(consumer()) < 20_000


def test_a_waiting_coroutine_is_small(sched):
    """A third of the 8 to 10 kB of a parked greenlet is the limit; it is far below."""
    q, number = queue.Queue(), 1000

    @coro
    def waiter():
        yield q.get(timeout=60)

    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(number):
        sched.add(waiter)
    steps = sched.iter_run()
    while len(q.waiting_gets) < number:
        next(steps)
    each = (tracemalloc.get_traced_memory()[0] - before) / number
    tracemalloc.stop()
    steps.close()
    sched.cleanup()
    assert each < (1600 if sys.version_info < (3, 14) else 2000)


def test_what_waits_is_kept_alive_by_its_scheduler(sched):
    """Only the scheduler knows of it, and the collector must not end it."""
    seen = []

    @coro
    def waiter():
        try:
            yield events.WaitForSignal("spring")
        finally:
            seen.append("ended")

    sched.add(waiter)
    sched.run()
    gc.collect()
    assert seen == []
    sched.cleanup()
    assert seen == ["ended"]

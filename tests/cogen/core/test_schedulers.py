"""The scheduler: running, embedding, stopping, turns, what is seen from inside."""

import socket
import subprocess
import sys
import threading
import time

import gevent
import pytest

from cogen.core import events, queue
from cogen.core.coroutines import CoroutineCancelled, coro, current
from cogen.core.schedulers import Scheduler
from cogen.core.sockets import Socket
from cogen.core.util import priority


@coro
def sleeper(seconds, result=None):
    yield events.Sleep(seconds)
    return result


class Request:
    """What a server would be: something that waits and is not stepped by the scheduler."""

    running = True
    debug = False

    def __init__(self):
        self.outcomes = []

    def run_op(self, op, sched):
        self.outcomes.append(op)
        return events.HANDED_OVER


def turn(sched, times=1):
    """Let ``sched`` step what is ready."""
    steps = sched.iter_run()
    for _ in range(times):
        next(steps, None)
    steps.close()


def test_an_empty_scheduler_returns_at_once(sched):
    assert sched.run() is None
    assert not sched.running


def test_run_gives_the_result_of_the_main_coroutine_or_raises_what_it_raised(sched, caplog):
    @coro
    def failing():
        yield
        raise KeyError("main")

    assert sched.run(sleeper(0, "result")) == "result"
    with pytest.raises(KeyError, match="main"):
        sched.run(failing())
    assert caplog.records == []
    with pytest.raises(TypeError, match="main must be a coroutine instance"):
        sched.run(failing)


def test_run_returns_when_only_other_coroutines_could_help_and_goes_on_later(sched):
    q, seen = queue.Queue(), []

    @coro
    def consumer():
        seen.append((yield q.get()))

    @coro
    def producer():
        yield q.put("item")

    sched.add(consumer)
    sched.run()
    assert seen == []
    sched.add(producer)
    sched.run()
    assert seen == ["item"]


def test_add_puts_behind_the_others_or_at_the_head(sched):
    seen = []

    @coro
    def note(name, mark=""):
        seen.append(name + mark)

    sched.add(note, ("a",))
    sched.add(note, ("b",), {"mark": "!"})
    sched.add(note, ("c",), first=False)
    sched.run()
    assert seen == ["c", "a", "b!"]


def test_add_refuses_what_is_no_coroutine(sched):
    with pytest.raises(TypeError, match="coro must be a function"):
        sched.add(5)
    with pytest.raises(TypeError, match="decorate it with @coro"):
        sched.add(lambda: 5)
    with pytest.raises(TypeError, match="proactor must be a class"):
        Scheduler(proactor="epoll")


def test_all_the_options_of_2008_are_taken():
    sched = Scheduler(
        default_priority=priority.FIRST,
        default_timeout=5,
        proactor_resolution=0.5,
        proactor_greedy=False,
        ops_greedy=True,
        proactor_multiplex_first=False,
        proactor_default_size=1024,
    )
    assert sched.proactor.multiplex_first is False
    assert (sched.proactor_greedy, sched.ops_greedy, sched.proactor_resolution) == (
        False,
        True,
        0.5,
    )


def test_iter_run_goes_step_by_step_and_waits_no_longer_than_the_resolution():
    sched, seen = Scheduler(proactor_resolution=0.001), []
    instance = sched.add(sleeper, (0.02,))
    longest = 0.0
    before = time.monotonic()
    for _ in sched.iter_run():
        longest = max(longest, time.monotonic() - before)
        seen.append(current())
        before = time.monotonic()
    assert not instance.running
    assert len(seen) > 3
    assert set(seen) == {None}
    assert longest < 0.015


def test_two_schedulers_may_be_embedded_in_one_loop():
    seen = []

    @coro
    def story(sched):
        for _ in range(3):
            seen.append(current().sched is sched)
            yield

    loops = []
    for sched in (Scheduler(), Scheduler()):
        sched.add(story, (sched,))
        loops.append(sched.iter_run())
    while loops:
        loops = [loop for loop in loops if next(loop, "end") != "end"]
    assert seen == [True] * 6


def test_a_scheduler_that_sleeps_uses_no_cpu_and_wakes_in_time(sched):
    """In 2008 timers without sockets made it spin."""
    before = time.process_time()
    began = time.monotonic()
    sched.run(sleeper(0.2))
    assert time.process_time() - before < 0.02
    assert 0.199 < time.monotonic() - began < 0.3


def test_stop_lets_run_return_and_the_rest_goes_on_later(sched):
    seen = []

    @coro
    def stopper():
        yield
        sched.stop()
        seen.append("stopped")
        yield
        seen.append("went on")

    sched.add(stopper)
    sched.run()
    assert seen == ["stopped"]
    sched.run()
    assert seen == ["stopped", "went on"]


def test_shutdown_cancels_every_coroutine(sched):
    seen = []

    @coro
    def waiter(name):
        try:
            yield events.WaitForSignal("never")
        finally:
            seen.append(name)

    @coro
    def story():
        yield
        yield
        sched.shutdown()
        yield events.Sleep(60)

    sched.add(waiter, ("a",))
    sched.add(waiter, ("b",))
    with pytest.raises(CoroutineCancelled):
        sched.run(story())
    assert sorted(seen) == ["a", "b"]
    assert not sched.coros


def test_cleanup_from_inside_cancels_those_that_are_started_meanwhile_and_oneself(sched):
    seen = []

    @coro
    def late():
        try:
            yield events.Sleep(60)
        finally:
            seen.append("late")

    @coro
    def waiter():
        try:
            yield events.Sleep(60)
        finally:
            sched.add(late)

    @coro
    def story():
        yield events.Sleep(0.001)
        sched.cleanup()
        seen.append("cleaned")
        yield events.Sleep(60)

    sched.add(waiter)
    sched.add(story)
    sched.run()
    assert seen == ["cleaned"]
    assert not sched.coros


def test_shutdown_of_one_that_does_not_run_cancels_what_waits(sched):
    instance = sched.add(sleeper, (60,))
    turn(sched, 2)
    assert sched.pending == 1
    sched.shutdown()
    assert not instance.running


def test_hold_keeps_it_running_until_release(sched):
    seen = []

    def later():
        seen.append("later")
        sched.release()

    sched.hold()
    gevent.spawn_later(0.005, later)
    sched.run()
    assert seen == ["later"]


def test_a_second_run_at_the_same_time_is_refused(sched):
    @coro
    def story():
        with pytest.raises(RuntimeError, match="is running already"):
            sched.run()
        yield

    sched.run(story())


def test_the_hub_has_its_turn_while_coroutines_are_busy(sched):
    """Timers, greenlets and callbacks of gevent go on beside coroutines that never wait."""
    beats = []

    def heart():
        while len(beats) < 10:
            beats.append(time.monotonic())
            gevent.sleep(0.001)
        sched.stop()

    @coro
    def busy():
        q = queue.Queue()
        while True:
            yield q.put(1)
            yield q.get()

    gevent.spawn(heart)
    sched.add(busy)
    sched.run()
    assert max(b - a for a, b in zip(beats, beats[1:], strict=False)) < 0.1
    sched.shutdown()


def test_a_coroutine_that_never_waits_does_not_keep_the_others_from_running(sched):
    seen = []

    @coro
    def busy():
        q = queue.Queue()
        while not seen:
            yield q.put(1)
            yield q.get()

    @coro
    def calls():
        @coro
        def nothing():
            return
            yield

        while not seen:
            yield nothing()

    @coro
    def other():
        yield
        yield
        seen.append("other")

    for func in (busy, calls, other):
        sched.add(func)
    sched.run()
    assert seen == ["other"]


@pytest.mark.parametrize("what", ["timer", "time-out", "socket"])
def test_what_comes_from_outside_is_not_behind_thousands_that_are_queued(sched, what):
    left, right = (Socket(_sock=end) for end in socket.socketpair())
    steps, at = [], []

    @coro
    def queued():
        began = time.perf_counter()
        while time.perf_counter() - began < 0.00002:
            pass
        steps.append(None)

    @coro
    def waiter():
        if what == "timer":
            yield events.Sleep(0.01)
        elif what == "socket":
            yield left.recv(1)
        else:
            with pytest.raises(events.OperationTimeout):
                yield left.recv(1, timeout=0.01)
        at.append(len(steps))

    @coro
    def story():
        sched.add(waiter)
        yield events.Sleep(0.001)
        for _ in range(5000):
            sched.add(queued)
        yield right.send(b"x" * (what == "socket"))

    sched.run(story())
    assert len(steps) == 5000
    assert at[0] < 2500
    left.close()
    right.close()


def test_a_coroutine_that_blocks_in_gevent_stalls_its_scheduler_only(sched):
    seen = []

    @coro
    def blocker():
        yield
        gevent.sleep(0.02)
        seen.append("blocker")

    @coro
    def other():
        yield events.Sleep(0.001)
        seen.append("other coroutine")

    gevent.spawn_later(0.005, lambda: seen.append("greenlet"))
    sched.add(blocker)
    sched.add(other)
    sched.run()
    assert seen == ["greenlet", "blocker", "other coroutine"]


def test_a_call_from_outside_does_not_disturb_a_coroutine_that_blocks_in_gevent(sched):
    seen = []

    @coro
    def blocker():
        yield
        began = time.monotonic()
        gevent.sleep(0.02)
        seen.append(time.monotonic() - began > 0.019)
        yield

    gevent.spawn_later(0.005, sched.call_threadsafe, seen.append, "call")
    sched.add(blocker)
    sched.run()
    assert seen == [True, "call"]


def test_two_schedulers_of_one_thread_share_a_queue_between_their_greenlets():
    q, seen = queue.Queue(1), []
    first, second = Scheduler(default_priority=priority.FIRST), Scheduler()

    @coro
    def producer():
        for i in range(10):
            yield q.put(i)

    @coro
    def consumer():
        for _ in range(10):
            seen.append((yield q.get(timeout=5)))

    first.hold()
    running = gevent.spawn(first.run)
    gevent.sleep(0)
    first.add(producer)
    second.run(consumer())
    first.release()
    running.get(timeout=5)
    assert seen == list(range(10))


def test_a_scheduler_may_be_made_in_one_thread_and_run_in_another(sched):
    outcome = []
    sched.add(sleeper, (0.001,))

    def work():
        try:
            outcome.append(sched.run(sleeper(0.002, "result")))
        finally:
            gevent.get_hub().destroy(destroy_loop=True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(5)
    assert outcome == ["result"]


def test_a_scheduler_that_waits_in_one_thread_is_not_run_in_another(sched):
    outcome = []
    instance = sched.add(sleeper, (60,))
    turn(sched, 2)

    def work():
        try:
            sched.run()
        except RuntimeError as exc:
            outcome.append(str(exc))
        finally:
            gevent.get_hub().destroy(destroy_loop=True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(5)
    assert "in another thread" in outcome[0]
    instance.cancel()


def test_call_threadsafe_wakes_a_scheduler_that_sleeps(sched):
    seen = []
    sched.hold()

    def work():
        seen.append(threading.get_ident())
        sched.release()

    thread = threading.Timer(0.005, sched.call_threadsafe, (work,))
    thread.start()
    sched.run()
    thread.join()
    assert seen == [threading.get_ident()]


def test_a_call_that_fails_is_logged_and_the_rest_goes_on(sched, caplog):
    sched.call_soon(lambda: 1 / 0)
    assert sched.run(sleeper(0, "result")) == "result"
    assert "ZeroDivisionError" in caplog.text


def test_begin_gives_what_completes_at_once_and_delivers_the_rest_once(sched):
    q, request = queue.Queue(), Request()
    put = q.put("a")
    assert sched.begin(put, request) is put
    get = q.get()
    assert sched.begin(get, request) is get
    assert get.finalize(sched) == "a"
    get = q.get(timeout=60)
    assert sched.begin(get, request) is None
    sched.begin(q.put("b"), Request())
    sched.run()
    assert request.outcomes == [get]
    assert get.finalize(sched) == "b"


def test_begin_of_a_coroutine_delivers_its_result_and_its_exception(sched):
    @coro
    def failing():
        yield
        raise KeyError("failed")

    good, bad = Request(), Request()
    called = sleeper(0.001, "result")
    assert sched.begin(called, good) is None
    assert sched.begin(failing(), bad) is None
    sched.run()
    assert good.outcomes == [called]
    assert called.finalize(sched) == "result"
    assert bad.outcomes[0].args[1].args == ("failed",)


def test_begin_of_what_is_no_operation_gives_the_type_error(sched):
    failed = sched.begin("text", Request())
    assert failed.args[0] is TypeError


@pytest.mark.parametrize("when", ["waiting", "handed over", "timed out", "coroutine timed out"])
def test_nothing_is_delivered_after_cancel(sched, when):
    q, request = queue.Queue(), Request()
    op = sleeper(60) if when == "coroutine timed out" else q.get(timeout=60)
    sched.begin(op, request)
    if when == "handed over":
        sched.begin(q.put("item", prio=priority.LAST), Request())
    elif when != "waiting":
        sched.expire(op, request)
    sched.cancel(op, request)
    sched.run()
    assert request.outcomes == []
    assert list(q.queue) == (["item"] if when == "handed over" else [])


def test_cancel_of_a_coroutine_ends_the_one_it_called_but_not_one_it_joined(sched):
    caller, joiner = Request(), Request()
    called = sleeper(60)
    joined = sched.add(sleeper, (60,))
    sched.begin(called, caller)
    sched.begin(joined, joiner)
    turn(sched, 2)
    sched.cancel(called, caller)
    sched.cancel(joined, joiner)
    assert not called.running
    assert joined.running
    joined.cancel()
    sched.run()
    assert caller.outcomes == joiner.outcomes == []


def test_expire_does_what_the_timer_would(sched):
    q, getting, sleeping, calling = queue.Queue(), Request(), Request(), Request()
    get, sleep, call = q.get(timeout=60), events.Sleep(60), sleeper(60)
    for op, request in ((get, getting), (sleep, sleeping), (call, calling)):
        sched.begin(op, request)
    turn(sched)
    for op, request in ((get, getting), (sleep, sleeping), (call, calling)):
        sched.expire(op, request)
        sched.expire(op, request)
    sched.run()
    assert getting.outcomes[0].args[0] is events.OperationTimeout
    assert getting.outcomes[0].args[1].args == (get,)
    assert sleeping.outcomes == [sleep]
    assert calling.outcomes[0].args[0] is events.OperationTimeout
    assert not call.running
    assert len(getting.outcomes) == len(calling.outcomes) == 1


def test_the_snapshot_lists_who_waits_for_what_and_for_how_long(sched):
    @coro
    def outer():
        yield inner()

    @coro
    def inner():
        yield events.WaitForSignal("spring", timeout=60)

    outside = sched.add(outer)
    turn(sched, 2)
    lines = {line.name: line for line in sched.snapshot()}
    assert set(lines) == {"outer", "inner"}
    assert lines["outer"].operation is lines["inner"].coroutine
    assert lines["inner"].operation.name == "spring"
    assert 0 <= lines["inner"].seconds < 1
    assert lines["outer"].seconds is None
    assert "coros:2" in repr(sched)
    outside.cancel()
    assert sched.snapshot() == []


def test_it_works_under_monkey_patching():
    """In a process of its own: patching can't be undone."""
    program = """
from gevent import monkey
monkey.patch_all()
import socket, threading
from cogen.common import *
from cogen.core import threads
sched = Scheduler()
listener = sockets.Socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
@coro
def server():
    conn, address = yield listener.accept()
    assert type(conn._fd).__module__ == "socket", type(conn._fd)
    yield conn.sendall((yield conn.recv(10)).upper())
    conn.close()
@coro
def client():
    sched.add(server)
    sock = sockets.Socket()
    yield sock.connect(listener.getsockname())
    yield sock.sendall(b"patched")
    answer = yield sock.recv(10)
    sock.close()
    return answer, (yield threads.call(lambda: 5))
result = sched.run(client())
listener.close()
assert result == (b"PATCHED", 5), result
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")

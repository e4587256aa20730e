"""Greenlets, futures and threads: waiting for them, and handing work to a scheduler."""

import threading
import time
import types
from concurrent.futures import CancelledError, Future

import gevent
import pytest
from gevent.event import AsyncResult, Event

from cogen.core import events, queue, threads
from cogen.core.coroutines import coro


@coro
def double(x, seconds=0.001):
    yield events.Sleep(seconds)
    if x is None:
        raise KeyError("nothing to double")
    return x * 2


def test_wait_for_a_greenlet_gives_its_value_or_raises(run):
    @coro
    def story():
        assert (yield threads.wait(gevent.spawn(lambda: 5))) == 5
        late = gevent.spawn_later(0.001, lambda: 6)
        assert (yield threads.wait(late)) == 6
        assert (yield threads.wait(late)) == 6
        failing = AsyncResult()
        gevent.spawn(failing.set_exception, KeyError("failed"))
        with pytest.raises(KeyError, match="failed"):
            yield threads.wait(failing)
        return "done"

    assert run(story) == "done"


def test_wait_for_an_event_gives_true(run):
    @coro
    def story():
        event = Event()
        gevent.spawn_later(0.001, event.set)
        return (yield threads.wait(event))

    assert run(story) is True


def test_wait_for_a_future_of_another_thread(run):
    @coro
    def story():
        good, bad, gone = Future(), Future(), Future()
        gone.cancel()
        threading.Timer(0.001, good.set_result, (5,)).start()
        threading.Timer(0.001, bad.set_exception, (KeyError("failed"),)).start()
        assert (yield threads.wait(good)) == 5
        with pytest.raises(KeyError, match="failed"):
            yield threads.wait(bad)
        with pytest.raises(CancelledError):
            yield threads.wait(gone)
        return "done"

    assert run(story) == "done"


@pytest.mark.parametrize("kind", [AsyncResult, Event, Future])
def test_a_wait_that_is_over_or_cancelled_leaves_the_other_alone(sched, run, kind):
    @coro
    def waiter(obj):
        yield threads.wait(obj)

    @coro
    def story():
        obj = kind()
        with pytest.raises(events.OperationTimeout):
            yield threads.wait(obj, timeout=0.001)
        waiting = sched.add(waiter, (obj,))
        yield events.Sleep(0.001)
        waiting.cancel()
        getattr(obj, "set", getattr(obj, "set_result", None))(*[5][: kind is not Event])
        yield events.Sleep(0.001)
        return sched.pending

    assert run(story) == 0


def test_a_wait_that_is_over_leaves_no_link_behind(run):
    @coro
    def story():
        event = Event()
        with pytest.raises(events.OperationTimeout):
            yield threads.wait(event, timeout=0.001)
        return event.linkcount()

    assert run(story) == 0


def test_call_runs_in_a_thread_while_the_others_go_on(sched, run):
    seen = []

    @coro
    def other():
        yield events.Sleep(0.001)
        seen.append("other")

    @coro
    def story():
        sched.add(other)
        thread = yield threads.call(lambda x, y: (time.sleep(0.02), threading.get_ident()), 1, y=2)
        seen.append("call")
        with pytest.raises(ValueError, match="invalid literal"):
            yield threads.call(int, "x")
        return thread[1] != threading.get_ident()

    assert run(story)
    assert seen == ["other", "call"]


def test_more_calls_than_the_pool_has_threads_stall_nobody(sched, run):
    release, begun = threading.Event(), []

    def work(number):
        begun.append(number)
        return release.wait(5)

    @coro
    def caller(number):
        return (yield threads.call(work, number))

    @coro
    def story():
        size = gevent.get_hub().threadpool.maxsize
        callers = [sched.add(caller, (number,)) for number in range(size + 3)]
        yield events.Sleep(0.01)
        assert len(begun) <= size + 1
        callers[-1].cancel()
        release.set()
        for instance in callers[:-1]:
            assert (yield events.Join(instance)) is True, "the scheduler was stalled"
        return sorted(begun) == list(range(size + 2))

    assert run(story)


def test_a_call_that_times_out_is_given_up(sched, run):
    release = threading.Event()

    @coro
    def story():
        with pytest.raises(events.OperationTimeout):
            yield threads.call(release.wait, 5, timeout=0.001)
        release.set()
        return (yield threads.call(lambda: "next"))

    assert run(story) == "next"


def test_submit_from_another_thread(sched):
    sched.hold()
    outcomes = []

    def work():
        outcomes.append(threads.submit(sched, double(21)).result(5))
        outcomes.append(threads.submit(sched, events.Sleep(0)).result(5))
        outcomes.append(type(threads.submit(sched, double(None)).exception(5)))
        slow = threads.submit(sched, double(1, 60))
        done = threads.submit(sched, double(2))
        done.result(5)
        outcomes.append(slow.cancel())
        outcomes.append(threads.submit(sched, double(3)).result(5))
        sched.call_threadsafe(sched.release)

    thread = threading.Thread(target=work)
    thread.start()
    sched.run()
    thread.join(5)
    assert outcomes == [42, None, KeyError, True, 6]
    assert not sched.coros


def test_a_future_cancelled_before_the_scheduler_runs_is_not_begun(sched):
    q = queue.Queue()
    future = threads.submit(sched, q.put("item"))
    future.cancel()
    sched.run()
    assert future.cancelled()
    assert q.empty()


def test_a_future_cancelled_while_its_outcome_is_on_the_way_stays_cancelled(sched):
    @coro
    def story():
        yield events.Sleep(0.001)
        future.cancel()
        return "too late"

    future = threads.submit(sched, story())
    sched.run()
    assert future.cancelled()


def test_a_finalize_that_fails_is_raised_outside(sched):
    class Broken(events.Operation):
        def finalize(self, sched):
            raise LookupError("no value")

    future = threads.submit(sched, Broken())
    sched.run()
    assert isinstance(future.exception(), LookupError)


def test_get_from_a_greenlet(sched):
    def work():
        try:
            first = threads.get(sched, double(21))
            with pytest.raises(KeyError, match="nothing to double"):
                threads.get(sched, double(None))
            with pytest.raises(TimeoutError, match="was not done after"):
                threads.get(sched, double(1, 60), timeout=0.005)
            return first
        finally:
            sched.release()

    sched.hold()
    worker = gevent.spawn(work)
    sched.run()
    assert worker.get() == 42
    assert not sched.coros


def test_get_in_a_coroutine_would_wait_for_itself(sched, run):
    @coro
    def story():
        with pytest.raises(RuntimeError, match="yield the operation"):
            threads.get(sched, double(1))
        yield
        return "refused"

    assert run(story) == "refused"


def test_bad_arguments_are_refused_at_the_call():
    with pytest.raises(TypeError, match="obj must be an object of gevent"):
        threads.wait(5)
    with pytest.raises(TypeError, match="obj must be an object of gevent"):
        # gevent's Popen can be linked to, and has no value: wait for its .result
        threads.wait(types.SimpleNamespace(rawlink=print))
    with pytest.raises(TypeError, match="func must be callable"):
        threads.call(5)

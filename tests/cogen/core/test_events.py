"""Sleep, Signal, WaitForSignal, AddCoro, Join: values and the orders of waking."""

import datetime
import time

import pytest

from cogen.core import events
from cogen.core.coroutines import CoroutineCancelled, CoroutineInstance, coro
from cogen.core.schedulers import Scheduler
from cogen.core.util import priority

CORO, OP, FIRST, LAST = priority.CORO, priority.OP, priority.FIRST, priority.LAST


def test_sleep_gives_none_after_its_time(run):
    @coro
    def story():
        before = time.monotonic()
        assert (yield events.Sleep(0.01)) is None
        assert (yield events.Sleep(datetime.timedelta(seconds=0.01))) is None
        assert (
            yield events.Sleep(datetime.datetime.now() + datetime.timedelta(seconds=0.01))
        ) is None
        assert (yield events.Sleep(timestamp=time.time() + 0.01)) is None
        return time.monotonic() - before

    assert 0.039 < run(story) < 0.5


def test_sleep_0_lets_the_others_run_and_resumes(sched):
    seen = []

    @coro
    def story(name):
        for i in range(2):
            seen.append((name, i))
            assert (yield events.Sleep(0)) is None

    sched.add(story, ("a",))
    sched.add(story, ("b",))
    sched.run()
    assert seen == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]


def test_yield_none_lets_the_others_run_and_gives_none(sched):
    seen = []

    @coro
    def story(name):
        seen.append((name, (yield)))
        seen.append((name, (yield None)))

    sched.add(story, ("a",))
    sched.add(story, ("b",))
    sched.run()
    assert seen == [("a", None), ("b", None)] * 2


@pytest.mark.parametrize("args", [(), (-1,), (-5,), ("x",)])
def test_sleep_refuses_what_is_no_time(args):
    with pytest.raises((TypeError, ValueError)):
        events.Sleep(*args)


@pytest.mark.parametrize(
    ("prio", "order"),
    [
        (FIRST, [1, 2, 4, 3, 6, 5]),
        (OP, [1, 2, 3, 4, 5, 6]),
        (CORO, [1, 2, 4, 3, 6, 5]),
        (LAST, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_signal_and_who_is_first(prio, order):
    sched, seen, thing = Scheduler(default_priority=prio), [], object()

    @coro
    def signalee():
        seen.append(1)
        assert (yield events.WaitForSignal("name")) == "value"
        seen.append(3)
        yield events.WaitForSignal(thing)
        seen.append(5)

    @coro
    def signaller():
        seen.append(2)
        assert (yield events.Signal("name", "value")) == 1
        seen.append(4)
        assert (yield events.Signal(thing, recipients=1)) == 1
        seen.append(6)

    sched.add(signalee)
    sched.add(signaller)
    sched.run()
    assert seen == order


@pytest.mark.parametrize(
    ("prio", "order"),
    [
        (FIRST, [1, 2, 3, 4, 7, 6, 5]),
        (OP, [1, 2, 3, 4, 6, 5, 7]),
        (CORO, [1, 2, 3, 4, 7, 5, 6]),
        (LAST, [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_a_signal_waits_for_its_recipients_and_gives_their_number(prio, order):
    sched, seen = Scheduler(default_priority=prio), []

    @coro
    def signaller():
        seen.append(1)
        assert (yield events.Signal("name", recipients=2)) == 2
        seen.append(7)

    @coro
    def signalee():
        seen.append(2)
        yield events.WaitForSignal("name")
        seen.append(5)

    @coro
    def late():
        seen.append(3)
        yield events.Sleep(0.001)
        seen.append(4)
        yield events.WaitForSignal("name")
        seen.append(6)

    for func in (signaller, signalee, late):
        sched.add(func)
    sched.run()
    assert seen == order
    assert sched.sigwait == {}
    assert sched.signals == {}


def test_a_signal_that_nobody_waits_for_gives_0(run):
    @coro
    def story():
        return (yield events.Signal("nobody"))

    assert run(story) == 0


def test_two_signals_of_one_name_wait_for_their_recipients_each(sched):
    """In 2008 the second one took the place of the first, which waited for ever."""
    seen = []

    @coro
    def signaller(n):
        seen.append((n, (yield events.Signal("name", n, recipients=n))))

    @coro
    def signalee():
        seen.append((yield events.WaitForSignal("name")))

    sched.add(signaller, (2,))
    sched.add(signaller, (1,))
    for _ in range(3):
        sched.add(signalee)
    sched.run()
    assert seen == [1, (1, 1), 2, 2, (2, 2)]


def test_a_wait_for_a_signal_that_is_over_or_cancelled_is_forgotten(sched, run):
    @coro
    def story():
        with pytest.raises(events.OperationTimeout):
            yield events.WaitForSignal("name", timeout=0.001)
        waiting = yield events.AddCoro(waiter)
        blocked = yield events.AddCoro(signaller)
        yield events.Sleep(0)
        yield events.Sleep(0)
        assert len(sched.sigwait) == len(sched.signals) == 1
        waiting.cancel()
        blocked.cancel()
        return sched.sigwait, sched.signals

    @coro
    def waiter():
        yield events.WaitForSignal("name")

    @coro
    def signaller():
        yield events.Signal("other", recipients=1)

    assert run(story) == ({}, {})


def test_a_bad_signal_is_refused_at_the_call():
    with pytest.raises(TypeError, match="unhashable"):
        events.WaitForSignal([])
    with pytest.raises(TypeError, match="unhashable"):
        events.Signal({})
    with pytest.raises(ValueError, match="recipients"):
        events.Signal("x", recipients=-1)


@pytest.mark.parametrize("prio", [FIRST, OP, CORO, LAST])
def test_add_coro_gives_the_instance_whatever_the_priority(prio):
    """In 2008 only with the CORO flag."""
    sched, seen = Scheduler(), []

    @coro
    def added(x, y):
        seen.append(("added", x, y))

    @coro
    def adder():
        instance = yield events.AddCoro(added, args=(1,), kwargs={"y": 2}, prio=prio)
        seen.append("adder")
        return instance

    instance = sched.run(adder())
    assert isinstance(instance, CoroutineInstance)
    order = ["adder", ("added", 1, 2)]
    assert seen == (order if prio & CORO else order[::-1])


def test_a_generator_that_is_added_queues_up_once_more_before_its_first_line(sched):
    """As in 2008: its turn in the queue makes the generator."""
    seen = []

    @coro
    def added():
        seen.append("added")
        yield

    @coro
    def adder():
        yield events.AddCoro(added, prio=LAST)
        seen.append("adder")

    sched.run(adder())
    assert seen == ["adder", "added"]


def test_add_coro_with_the_op_flag_goes_before_those_that_are_queued(sched):
    seen = []

    @coro
    def note(name):
        seen.append(name)
        yield

    @coro
    def adder(prio, name):
        yield events.AddCoro(note, (name,), prio=prio)

    sched.add(adder, (CORO, "late"))
    sched.add(adder, (FIRST, "early"))
    sched.run()
    assert seen == ["early", "late"]


def test_add_coro_refuses_what_makes_no_coroutine(run):
    with pytest.raises(TypeError, match="coro must be a function decorated"):
        events.AddCoro(5)

    @coro
    def story():
        with pytest.raises(TypeError, match="decorate it with @coro"):
            yield events.AddCoro(lambda: 5)
        return "went on"

    assert run(story) == "went on"


def test_join_gives_the_result(sched, run):
    @coro
    def joined():
        yield events.Sleep(0.001)
        return "result"

    @coro
    def story():
        return (yield events.Join(sched.add(joined)))

    assert run(story) == "result"


def test_join_of_one_that_has_ended_gives_the_result_at_once(sched, run):
    """In 2008: AssertionError."""

    @coro
    def joined():
        return "result"
        yield

    @coro
    def story():
        instance = sched.add(joined)
        yield events.Sleep(0.001)
        assert not instance.running
        return [(yield events.Join(instance)), (yield events.Join(instance)), (yield instance)]

    assert run(story) == ["result"] * 3


def test_join_raises_what_it_raised_before_and_after(sched, run):
    """In 2008 join gave None."""

    @coro
    def joined():
        yield events.Sleep(0.001)
        raise KeyError("failed")

    @coro
    def story():
        instance = sched.add(joined)
        for _ in range(2):
            with pytest.raises(KeyError, match="failed"):
                yield events.Join(instance)
        return "went on"

    assert run(story) == "went on"


def test_everyone_who_joins_is_told(sched):
    seen = []

    @coro
    def joined():
        yield events.Sleep(0.001)
        return "result"

    @coro
    def joiner(instance):
        seen.append((yield events.Join(instance)))

    instance = sched.add(joined)
    for _ in range(3):
        sched.add(joiner, (instance,))
    sched.run()
    assert seen == ["result"] * 3


def test_a_join_that_times_out_leaves_the_other_alone(sched, run):
    @coro
    def joined():
        yield events.Sleep(0.005)
        return "result"

    @coro
    def story():
        instance = sched.add(joined)
        with pytest.raises(events.OperationTimeout):
            yield events.Join(instance, timeout=0.001)
        assert not instance.waiters
        return (yield events.Join(instance))

    assert run(story) == "result"


def test_join_of_a_cancelled_one_is_told_so(sched, run):
    @coro
    def joined():
        yield events.Sleep(60)

    @coro
    def story():
        instance = sched.add(joined)
        yield events.Sleep(0.001)
        sched.call_soon(instance.cancel)
        with pytest.raises(CoroutineCancelled, match="joined"):
            yield events.Join(instance)
        return "told"

    assert run(story) == "told"


def test_join_refuses_what_is_no_instance_and_oneself(run):
    with pytest.raises(TypeError, match="coro must be a coroutine instance"):
        events.Join(lambda: 5)

    @coro
    def story():
        from cogen.core.coroutines import current

        with pytest.raises(ValueError, match="can't join itself"):
            yield events.Join(current())
        return "went on"

    assert run(story) == "went on"

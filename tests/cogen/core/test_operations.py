"""The base of the operations: life, time-outs, custom subclasses old and new."""

import datetime
import logging
import time

import pytest

from cogen.core import events
from cogen.core.coroutines import CoroutineException, coro
from cogen.core.operations import brief, check_timeout, seconds_left
from cogen.core.schedulers import Scheduler


def test_a_bare_operation_resumes_with_itself(run):
    @coro
    def story():
        op = events.Operation()
        return (yield op) is op

    assert run(story)


def test_a_bare_timed_operation_waits_for_its_timeout(run):
    @coro
    def story():
        op = events.TimedOperation(timeout=0.001)
        with pytest.raises(events.OperationTimeout) as caught:
            yield op
        return caught.value.args == (op,)

    assert run(story)


def test_an_operation_written_for_2008_works(run):
    """Its finalize takes no scheduler, its process arms the time-out and completes at once."""

    class Answer(events.TimedOperation):
        __slots__ = ("question",)

        def __init__(self, question, **kws):
            super(Answer, self).__init__(**kws)  # noqa: UP008 - as it was written
            self.question = question

        def process(self, sched, coro):
            super(Answer, self).process(sched, coro)  # noqa: UP008
            return self, coro

        def finalize(self):
            super(Answer, self).finalize()  # noqa: UP008
            return self.question, 42

    @coro
    def story():
        return (yield Answer("why?", timeout=60))

    assert run(story) == ("why?", 42)


def test_an_operation_that_could_not_start_leaves_no_timer_behind(sched, run):
    class Broken(events.TimedOperation):
        def process(self, sched, coro):
            super().process(sched, coro)
            raise LookupError("no luck")

    @coro
    def story():
        op = Broken(timeout=60)
        with pytest.raises(LookupError, match="no luck"):
            yield op
        return op.state, op.timer, sched.pending

    assert run(story) == (events.ERRORED, None, 0)


def test_an_exception_raised_again_by_an_operation_harms_nobody_it_went_through(sched, run):
    """Its traceback has frames of coroutines that caught it and are waiting now."""
    kept = []

    class Again(events.Operation):
        def process(self, sched, coro):
            raise kept[0]

    @coro
    def failing():
        yield
        raise LookupError("kept")

    @coro
    def catcher():
        try:
            yield failing()
        except LookupError as exc:
            kept.append(exc)
        yield events.Sleep(0.005)
        return "survived"

    @coro
    def story():
        catching = sched.add(catcher)
        yield events.Sleep(0.001)
        with pytest.raises(LookupError, match="kept"):
            yield Again()
        return (yield events.Join(catching))

    assert run(story) == "survived"


def test_a_cleanup_that_returns_nothing_keeps_the_timeout_from_being_raised(run):
    """This is how an operation of 2008 made its own time-out a success."""

    class Nap(events.TimedOperation):
        def cleanup(self, sched, coro):
            sched.ready(self, coro)

        def finalize(self):
            return "rested"

    @coro
    def story():
        return (yield Nap(timeout=0.001))

    assert run(story) == "rested"


@pytest.mark.parametrize(
    "op", [5, "", object(), lambda: None, type], ids=["int", "str", "object", "function", "class"]
)
def test_what_is_no_operation_raises_type_error_in_that_coroutine_only(sched, run, op):
    seen = []

    @coro
    def other():
        yield events.Sleep(0.001)
        seen.append("other")

    @coro
    def story():
        with pytest.raises(TypeError, match="must yield an operation"):
            yield op
        return "went on"

    sched.add(other)
    assert run(story) == "went on"
    assert seen == ["other"]


def test_a_timeout_may_be_seconds_a_timedelta_or_a_moment(run):
    now = datetime.datetime.now()

    @coro
    def story():
        for timeout in (
            0.001,
            datetime.timedelta(milliseconds=1),
            now,
            datetime.datetime.now(datetime.UTC),
        ):
            with pytest.raises(events.OperationTimeout):
                yield events.WaitForSignal("never", timeout=timeout)
        return "all over"

    assert run(story) == "all over"


def test_the_default_timeout_is_for_operations_that_have_none():
    sched = Scheduler(default_timeout=0.001)

    @coro
    def story():
        with pytest.raises(events.OperationTimeout):
            yield events.WaitForSignal("never")
        sched.add(signaller)
        return (yield events.WaitForSignal("later", timeout=-1))

    @coro
    def signaller():
        yield events.Sleep(0.003)
        yield events.Signal("later", "came")

    assert sched.run(story()) == "came"


@pytest.mark.parametrize("bad", ["soon", b"1", [1], object()])
def test_a_timeout_of_the_wrong_type_is_refused_by_name(bad):
    with pytest.raises(TypeError, match="timeout must be a number of seconds"):
        events.WaitForSignal("x", timeout=bad)


@pytest.mark.parametrize("bad", [-2, -0.001, float("nan"), datetime.timedelta(-1)])
def test_a_negative_timeout_is_refused_by_name(bad):
    with pytest.raises(ValueError, match="default_timeout must not be negative"):
        Scheduler(default_timeout=bad)


def test_an_endless_timeout_is_none():
    assert events.WaitForSignal("x", timeout=float("inf")).timeout == -1


@pytest.mark.parametrize("bad", ["high", 4, -2, None, [1]])
def test_a_priority_that_is_none_is_refused_by_name(bad):
    for make in (events.Operation, lambda prio: events.WaitForSignal("x", prio=prio)):
        with pytest.raises(ValueError, match="prio must be a flag"):
            make(prio=bad)
    with pytest.raises(ValueError, match="default_priority must be a flag"):
        Scheduler(default_priority=bad)
    with pytest.raises(ValueError, match="default_priority must be a flag"):
        Scheduler(default_priority=-1)


def test_a_cleanup_that_fails_does_not_lose_the_coroutine(sched, run, caplog):
    class Broken(events.TimedOperation):
        def cleanup(self, sched, coro):
            raise LookupError("can't undo")

    @coro
    def waiter():
        yield Broken(timeout=60)

    @coro
    def story():
        with pytest.raises(LookupError, match="can't undo"):
            yield Broken(timeout=0.001)
        waiting = sched.add(waiter)
        yield events.Sleep(0.001)
        waiting.cancel()
        return waiting.running

    assert run(story) is False
    assert "could not be undone" in caplog.text


def test_an_outcome_that_can_not_be_made_does_not_lose_the_coroutine_either(run):
    class Broken(events.TimedOperation):
        def expired(self):
            raise LookupError("no outcome")

    @coro
    def story():
        with pytest.raises(LookupError, match="no outcome"):
            yield Broken(timeout=0.001)
        return "went on"

    assert run(story) == "went on"


def test_a_moment_that_has_passed_is_no_time_away():
    assert seconds_left(check_timeout(datetime.datetime(2008, 4, 29))) == 0


def test_a_weak_timeout_counts_from_the_last_progress_a_strong_one_from_the_start(sched, run):
    """A fed operation that makes progress every 4 ms outlives a weak time-out of 10 ms."""
    seen = []

    class Fed(events.TimedOperation):
        pass

    @coro
    def eater(weak):
        op = Fed(timeout=0.01, weak_timeout=weak)
        feeding = sched.add(feeder, (op,))
        try:
            yield op
        except events.OperationTimeout:
            seen.append((weak, feeding.running))
        feeding.cancel()

    @coro
    def feeder(op):
        for _ in range(5):
            yield events.Sleep(0.004)
            op.last_update = time.monotonic()

    run(eater, True)
    run(eater, False)
    assert seen == [(True, False), (False, True)]


def test_the_repr_says_what_it_waits_for_and_for_how_long(sched):
    @coro
    def story():
        yield events.WaitForSignal("spring", timeout=60)

    waiting = sched.add(story)
    for _ in sched.iter_run():
        break
    assert "name:'spring'" in repr(waiting.op)
    assert "waiting for 0.0" in repr(waiting.op)
    assert "WaitForSignal" in repr(waiting)
    assert " for 0.0" in repr(waiting)
    waiting.cancel()
    assert "CANCELLED" not in repr(waiting)
    assert "FAILED" in repr(waiting)


def test_a_long_value_is_cut_in_the_repr():
    assert len(brief("x" * 1000)) == 80


def test_a_coroutine_exception_may_carry_a_type_alone():
    kind = CoroutineException(KeyError, None, None)
    assert isinstance(kind.raisable(), KeyError)
    assert CoroutineException(KeyError, "k", None).raisable().args == ("k",)


def test_yielding_a_carried_exception_raises_it(run):
    @coro
    def story():
        with pytest.raises(KeyError, match="carried"):
            yield CoroutineException.of(KeyError("carried"))
        return "went on"

    assert run(story) == "went on"


def test_nobody_is_told_of_a_debug_message_by_default(caplog):
    with caplog.at_level(logging.INFO, "cogen"):
        Scheduler().run()
    assert caplog.records == []

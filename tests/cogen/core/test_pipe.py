"""The pipe: a producer and a consumer in lockstep."""

import pytest

from cogen.core import events
from cogen.core.coroutines import coro
from cogen.core.pipe import Iterate, IterationStopped, chunk, sentinel


def test_values_come_one_at_a_time_and_the_producer_may_wait(sched, run):
    seen = []

    @coro
    def producer():
        seen.append("started")
        for i in (1, 2, 3):
            assert (yield chunk(i)) is None
        seen.append((yield events.WaitForSignal("go on")))
        yield chunk(None)
        yield chunk(sentinel)

    @coro
    def signaller():
        yield events.Signal("go on", "signal")

    @coro
    def story():
        iterator = yield Iterate(producer)
        while True:
            value = yield iterator
            if value is sentinel:
                break
            seen.append(value)
            if value == 3:
                yield events.AddCoro(signaller)
        return "end"

    assert run(story) == "end"
    assert seen == ["started", 1, 2, 3, "signal", None]


def test_after_the_last_value_there_is_only_the_sentinel(run):
    @coro
    def producer(*args, **kwargs):
        yield chunk((args, kwargs))

    @coro
    def story():
        iterator = yield Iterate(producer, (1,), {"x": 2}, sentinel="END")
        return [(yield iterator), (yield iterator), (yield iterator)]

    assert run(story) == [((1,), {"x": 2}), "END", "END"]


def test_stop_raises_in_the_producer_after_the_consumer_went_on(sched, caplog):
    seen = []

    @coro
    def producer(careful):
        try:
            yield chunk(1)
        except IterationStopped:
            seen.append("raised")
            if not careful:
                raise

    @coro
    def story(careful):
        iterator = yield Iterate(producer, (careful,))
        seen.append((yield iterator))
        assert (yield iterator.stop()) is sentinel
        assert (yield iterator) is sentinel
        seen.append("end")

    for careful in (True, False):
        sched.run(story(careful))
    assert seen == [1, "end", "raised"] * 2
    assert caplog.records == []


def test_stop_before_the_first_value_never_starts_the_producer(sched, run):
    seen = []

    @coro
    def producer():
        seen.append("started")
        yield chunk(1)

    @coro
    def story():
        iterator = yield Iterate(producer)
        return (yield iterator.stop()) is sentinel

    assert run(story)
    assert seen == []
    assert not sched.coros


def test_an_exception_of_the_producer_is_raised_in_the_consumer(run, caplog):
    @coro
    def producer():
        yield chunk(1)
        raise KeyError("broken")

    @coro
    def story():
        iterator = yield Iterate(producer)
        assert (yield iterator) == 1
        with pytest.raises(KeyError, match="broken"):
            yield iterator
        return (yield iterator)

    assert run(story) is sentinel
    assert caplog.records == []


@pytest.mark.parametrize("where", ["waiting", "between"])
def test_the_producer_ends_with_the_consumer(sched, where):
    seen = []

    @coro
    def producer():
        try:
            yield chunk(1)
            yield events.Sleep(60)
        finally:
            seen.append("finally")

    @coro
    def consumer():
        iterator = yield Iterate(producer)
        yield iterator
        yield iterator if where == "waiting" else events.WaitForSignal("x")

    instance = sched.add(consumer)

    @coro
    def story():
        yield events.Sleep(0.001)
        instance.cancel()

    sched.run(story())
    assert seen == ["finally"]


def test_the_producer_ends_with_a_consumer_that_is_no_coroutine(sched):
    """A request, say: it can't tell when it ends, but the operation it waits for is undone."""
    seen = []

    class Request:
        running, debug = True, False

        def run_op(self, op, sched):
            seen.append(op.finalize(sched))
            return events.HANDED_OVER

    @coro
    def producer():
        try:
            yield chunk(1)
            yield events.Sleep(60)
        finally:
            seen.append("finally")

    request = Request()
    token = sched.begin(Iterate(producer), request).finalize(sched)
    steps = sched.iter_run()
    for _ in range(2):
        sched.begin(token, request)
        next(steps)
    sched.cancel(token, request)
    assert seen == [1, "finally"]
    steps.close()


def test_the_function_decorated_stays_an_ordinary_coroutine(run):
    """In 2008 Iterate changed the decorated function itself."""

    @coro
    def producer():
        yield chunk(1)

    @coro
    def story():
        yield (yield Iterate(producer))
        return type(producer()).__name__

    assert run(story) == "CoroutineInstance"


def test_a_chunk_without_a_consumer_is_refused(run):
    @coro
    def story():
        with pytest.raises(TypeError, match="has no consumer here"):
            yield chunk(1)
        return "went on"

    assert run(story) == "went on"


def test_iterate_refuses_what_is_no_function():
    with pytest.raises(TypeError, match="coro must be a function"):
        Iterate(5)

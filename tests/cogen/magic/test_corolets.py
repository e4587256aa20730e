"""Corolets: coroutines in greenlets, mixed with those that are generators."""

import contextvars
import gc

import gevent
import pytest

from cogen.core import events, queue
from cogen.core.coroutines import CoroutineCancelled, coro, current, local
from cogen.core.locals import runners
from cogen.core.schedulers import Scheduler
from cogen.magic.corolets import (
    Corolet,
    CoroletInstance,
    DebugCorolet,
    corolet,
    debug_corolet,
    yield_,
)


@pytest.fixture
def sched():
    return Scheduler()


def test_it_waits_at_any_depth_of_calls(sched):
    def deep(n):
        return deep(n - 1) if n else yield_(queue_of_one.get())

    queue_of_one = queue.Queue()

    @coro
    def putter():
        yield events.Sleep(0.001)
        yield queue_of_one.put("item")

    @corolet
    def story():
        sched.add(putter)
        return deep(20)

    assert sched.run(story()) == "item"


def test_corolets_and_coroutines_call_and_join_each_other(sched):
    @corolet
    def inner(x):
        yield_(events.Sleep(0))
        return x + 1

    @coro
    def middle(x):
        return (yield inner(x)) + (yield events.Join(sched.add(inner, (x,))))

    @corolet
    def outer():
        return yield_(middle(1)), yield_(events.Join(yield_(events.AddCoro(inner, (5,)))))

    assert sched.run(outer()) == (4, 6)


def test_exceptions_go_both_ways(sched):
    @coro
    def failing():
        yield
        raise KeyError("from the generator")

    @corolet
    def middle():
        with pytest.raises(KeyError, match="from the generator"):
            yield_(failing())
        with pytest.raises(events.OperationTimeout):
            yield_(events.WaitForSignal("never", timeout=0.001))
        raise ValueError("from the corolet")

    @coro
    def outer():
        with pytest.raises(ValueError, match="from the corolet"):
            yield middle()
        return "done"

    assert sched.run(outer()) == "done"


def test_a_function_that_never_waits_and_one_that_only_passes(sched):
    @corolet
    def plain():
        return "plain"

    @corolet
    def passes():
        assert yield_() is None
        return "passed"

    assert sched.run(plain()) == "plain"
    assert sched.run(passes()) == "passed"


def test_cancel_runs_finally_and_undoes_the_operation(sched):
    seen = []

    @corolet
    def waiter():
        try:
            yield_(events.Sleep(60))
        finally:
            seen.append("finally")

    @coro
    def story():
        instance = sched.add(waiter)
        yield events.Sleep(0.001)
        instance.cancel()
        with pytest.raises(CoroutineCancelled):
            yield instance
        return sched.pending

    assert sched.run(story()) == 0
    assert seen == ["finally"]


def test_cancel_before_the_start_and_of_one_that_ignores_it(sched, caplog):
    seen = []

    @corolet
    def stubborn():
        try:
            yield_(events.Sleep(60))
        except GeneratorExit:
            yield_(events.Sleep(60))
        seen.append("went on")

    never = sched.add(stubborn)
    never.cancel()
    ignoring = sched.add(stubborn)
    for _ in sched.iter_run():
        ignoring.cancel()
    assert ignoring.exception[0] is RuntimeError
    assert "corolet ignored GeneratorExit" in caplog.text
    assert seen == []


def test_current_and_locals_and_context_are_those_of_the_corolet(sched):
    mine, var = local(), contextvars.ContextVar("var", default="unset")
    var.set("set by the caller")

    @corolet
    def story(name):
        assert current().name == "story"
        mine.name = name
        yield_(events.Sleep(0))
        assert mine.name == name
        inherited = var.get()
        var.set(name)
        yield_(events.Sleep(0))
        return inherited, var.get()

    instances = [sched.add(story, (name,)) for name in ("a", "b")]
    sched.run()
    assert [instance.result for instance in instances] == [
        ("set by the caller", "a"),
        ("set by the caller", "b"),
    ]
    assert var.get() == "set by the caller"


def test_a_corolet_may_block_in_gevent(sched):
    @corolet
    def story():
        gevent.sleep(0.001)
        return yield_(events.Sleep(0.001))

    assert sched.run(story()) is None


def test_yield_outside_of_a_corolet_is_refused(sched):
    @coro
    def story():
        with pytest.raises(RuntimeError, match="in a @coro use yield"):
            yield_(events.Sleep(0))
        yield

    sched.run(story())
    with pytest.raises(RuntimeError, match="works only in a @corolet"):
        yield_(events.Sleep(0))


def test_names_methods_and_debugging(sched, caplog):
    class Thing:
        @corolet
        def method(self):
            """Do it."""
            return self

    thing = Thing()
    assert sched.run(thing.method()) is thing
    assert (thing.method().name, Thing.method.__doc__) == ("method", "Do it.")
    assert isinstance(thing.method(), CoroletInstance)
    assert (corolet, debug_corolet) == (Corolet, DebugCorolet)
    with pytest.raises(TypeError, match="func must be a function"):
        CoroletInstance(5)

    @debug_corolet
    def traced():
        yield_(events.Sleep(0))

    with caplog.at_level("DEBUG", "cogen.core.coroutines"):
        sched.run(traced())
    assert "coroutine traced yields <Sleep" in caplog.text


def test_a_corolet_that_has_ended_leaves_no_cycle(sched):
    @corolet
    def story():
        yield_(events.Sleep(0))

    sched.run(story())
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            sched.run(story())
        assert gc.collect() == 0
    finally:
        gc.enable()
    assert not runners

"""Coroutines: calls, results, errors, decorating, locals, tracing."""

import gc
import logging
import weakref

import pytest

from cogen.core import coroutines, events
from cogen.core.coroutines import (
    Coroutine,
    CoroutineCancelled,
    CoroutineInstance,
    coro,
    coroutine,
    current,
    debug_coro,
    local,
)
from cogen.core.schedulers import Scheduler


def test_a_call_gives_the_return_value(run):
    @coro
    def inner(x):
        yield events.Sleep(0)
        return x * 2

    @coro
    def empty():
        return
        yield

    @coro
    def story():
        return [(yield inner(1)), (yield inner(2)), (yield empty())]

    assert run(story) == [2, 4, None]


def test_calls_nest(run):
    @coro
    def deep(n):
        return n if not n else 1 + (yield deep(n - 1))

    assert run(deep, 200) == 200


def test_a_plain_function_is_a_coroutine_of_one_step(run):
    @coro
    def plain(x):
        return x + 1

    @coro
    def story():
        return (yield plain(1))

    assert run(story) == 2


def test_a_call_passes_the_exception_on_with_the_lines_it_came_from(run):
    @coro
    def first():
        yield second()

    @coro
    def second():
        yield third()

    @coro
    def third():
        yield
        raise KeyError("long one")

    @coro
    def story():
        with pytest.raises(KeyError, match="long one") as caught:
            yield first()
        return [entry.name for entry in caught.traceback]

    assert run(story) == ["story", "first", "second", "third"]


def test_an_object_with_send_and_throw_is_a_coroutine(run):
    class Countdown:
        def __init__(self, n):
            self.n = n

        def send(self, value):
            self.n -= 1
            if self.n:
                return events.Sleep(0)
            raise StopIteration("zero")

        def throw(self, exc):
            raise exc

    @coro
    def story():
        return (yield CoroutineInstance(Countdown(3)))

    assert run(story) == "zero"


def test_a_generator_is_a_coroutine(run):
    def gen():
        yield events.Sleep(0)
        return "done"

    @coro
    def story():
        return (yield CoroutineInstance(gen()))

    assert run(story) == "done"


def test_what_can_be_no_coroutine_is_refused():
    with pytest.raises(ValueError, match="coro must be a generator or a function"):
        CoroutineInstance(5)
    with pytest.raises(TypeError, match="func must be a function"):
        coro(5)


def test_yielding_an_instance_that_runs_joins_it(sched, run):
    @coro
    def inner():
        yield events.Sleep(0.001)
        return "result"

    @coro
    def story():
        instance = sched.add(inner)
        yield events.Sleep(0)
        return (yield instance)

    assert run(story) == "result"


def test_an_instance_can_be_started_once(sched):
    @coro
    def story():
        yield

    instance = sched.add(story)
    with pytest.raises(ValueError, match="started already"):
        sched.run(instance)


def test_the_exception_of_a_coroutine_nobody_waits_for_is_logged(sched, caplog):
    @coro
    def lonely():
        yield
        raise KeyError("lost")

    instance = sched.add(lonely)
    sched.run()
    assert instance.exception[0] is KeyError
    (record,) = caplog.records
    assert "lonely" in record.getMessage()
    assert record.exc_info[1].args == ("lost",)


def test_system_exit_in_a_coroutine_is_reported_and_the_others_go_on(sched, caplog):
    seen = []

    @coro
    def quitter():
        yield
        raise SystemExit(3)

    @coro
    def other():
        yield events.Sleep(0.001)
        seen.append("other")

    sched.add(quitter)
    sched.add(other)
    sched.run()
    assert seen == ["other"]
    assert "quitter" in caplog.text


def test_system_exit_in_the_main_coroutine_ends_the_run(sched):
    seen = []

    @coro
    def quitter():
        yield
        raise SystemExit(3)

    @coro
    def other():
        try:
            yield events.Sleep(0.001)
            seen.append("other")
        finally:
            seen.append("end")

    sched.add(other)
    with pytest.raises(SystemExit, match="3"):
        sched.run(quitter())
    assert seen == []
    sched.shutdown()
    assert seen == ["end"]


def test_keyboard_interrupt_ends_the_run_from_any_coroutine(sched):
    @coro
    def interrupted():
        yield
        raise KeyboardInterrupt

    instance = sched.add(interrupted)
    with pytest.raises(KeyboardInterrupt):
        sched.run()
    assert not instance.running
    assert not sched.running


def test_the_states_are_those_of_2008(sched):
    @coro
    def story():
        yield

    instance = story()
    assert (instance.state, instance.running) == (CoroutineInstance.STATE_NEED_INIT, True)
    sched.add(lambda: instance)
    sched.run()
    assert (instance.state, instance.running) == (CoroutineInstance.STATE_COMPLETED, False)
    assert instance.finalize() is None
    assert instance.state == CoroutineInstance.STATE_FINALIZED == 4


def test_decorating_keeps_name_and_doc_and_works_on_all_kinds_of_methods(run):
    class Thing:
        @coro
        def method(self, x):
            """Do it."""
            yield
            return self, x

        @coro
        @classmethod
        def of_class(cls, x):
            yield
            return cls, x

        @classmethod
        @coro
        def of_class_too(cls, x):
            yield
            return cls, x

        @coro
        @staticmethod
        def static(x):
            yield
            return x

    thing = Thing()
    assert Thing.method.__name__ == "method"
    assert thing.method.__doc__ == "Do it."
    assert run(thing.method, 1) == (thing, 1)
    assert run(Thing.method, thing, 2) == (thing, 2)
    assert run(thing.of_class, 3) == run(Thing.of_class, 3) == (Thing, 3)
    assert run(thing.of_class_too, 4) == (Thing, 4)
    assert run(thing.static, 5) == run(Thing.static, 5) == 5


def test_decorating_keeps_the_constructor_for_methods():
    """In 2008 a bound method lost it."""

    class Special(CoroutineInstance):
        pass

    class Thing:
        def method(self):
            yield

        method = Coroutine(method, Special)

    assert isinstance(Thing().method(), Special)
    assert coroutine is coro is Coroutine
    assert Thing.method.constructor is Special
    assert Thing.method.wrapped_func.__name__ == "method"


def test_current_is_the_coroutine_whose_step_runs(sched, run):
    seen = []

    @coro
    def inner():
        seen.append(current())
        yield events.Sleep(0)
        seen.append(current())

    @coro
    def story():
        instance = inner()
        yield instance
        assert seen == [instance, instance]
        assert coroutines.ident is current()
        sched.call_soon(lambda: seen.append(current()))
        yield events.Sleep(0.001)
        return seen[-1]

    assert run(story) is None
    assert current() is None


def test_a_local_is_each_coroutines_own_and_outside_there_is_one_more(sched, run):
    mine = local()
    mine.name = "outside"

    @coro
    def own(name):
        with pytest.raises(AttributeError, match="no 'name' was set"):
            mine.name
        mine.name = name
        yield events.Sleep(0)
        assert mine.name == name
        assert name in repr(mine)
        del mine.name
        with pytest.raises(AttributeError, match="no 'name' was set"):
            del mine.name

    @coro
    def story():
        yield own("called")
        yield events.Join(sched.add(own, ("added",)))
        return "done"

    assert run(story) == "done"
    assert mine.name == "outside"


def test_a_local_forgets_a_coroutine_that_has_ended(sched):
    class Big:
        pass

    mine, gone = local(), []

    @coro
    def story():
        mine.big = Big()
        gone.append(weakref.ref(mine.big))
        yield

    instance = sched.add(story)
    sched.run()
    gc.collect()
    assert gone[0]() is None
    assert instance.locals is None


def test_cancel_runs_finally_tells_the_waiters_and_leaves_the_queue_and_timers(sched, run, caplog):
    seen = []

    @coro
    def waiter():
        try:
            yield events.WaitForSignal("never", timeout=60)
        except GeneratorExit:
            seen.append("exit")
            raise
        finally:
            seen.append("finally")

    @coro
    def story():
        instance = sched.add(waiter)
        yield events.Sleep(0)
        yield events.Sleep(0)
        assert instance.cancel() is True
        assert instance.cancel() is False
        assert not instance.running
        with pytest.raises(CoroutineCancelled):
            yield events.Join(instance)
        return sched.sigwait, sched.pending

    assert run(story) == ({}, 0)
    assert seen == ["exit", "finally"]
    assert caplog.records == []


def test_cancel_goes_down_the_calls_innermost_first(sched, run):
    seen = []

    @coro
    def outer():
        try:
            yield inner()
        finally:
            seen.append("outer")

    @coro
    def inner():
        try:
            yield events.Sleep(60)
        finally:
            seen.append("inner")

    @coro
    def story():
        instance = sched.add(outer)
        yield events.Sleep(0)
        yield events.Sleep(0)
        instance.close()
        return sched.pending, len(sched.coros)

    assert run(story) == (0, 1)
    assert seen == ["inner", "outer"]


def test_cancelling_what_is_called_is_raised_in_the_caller(sched, run):
    @coro
    def inner():
        yield events.Sleep(60)

    @coro
    def story():
        instance = inner()
        sched.call_soon(instance.cancel)
        with pytest.raises(CoroutineCancelled):
            yield instance
        return "told"

    assert run(story) == "told"


def test_cancel_before_the_first_step(sched):
    seen = []

    @coro
    def story():
        seen.append("ran")
        yield

    instance = sched.add(story)
    instance.cancel()
    sched.run()
    assert seen == []
    other = story()
    other.cancel()
    assert not other.running


def test_one_that_was_joined_but_never_started_tells_of_its_end_too(sched, run):
    @coro
    def never():
        yield

    @coro
    def story():
        instance = never()
        sched.call_soon(instance.cancel)
        with pytest.raises(CoroutineCancelled):
            yield events.Join(instance)
        return "told"

    assert run(story) == "told"


def test_a_coroutine_that_cancels_itself_ends_when_it_waits_next(run, sched):
    seen = []

    @coro
    def suicidal():
        assert current().cancel()
        seen.append("still here")
        try:
            yield events.Sleep(60)
            seen.append("survived")
        finally:
            seen.append("finally")

    @coro
    def story():
        with pytest.raises(CoroutineCancelled):
            yield suicidal()
        return sched.pending

    assert run(story) == 0
    assert seen == ["still here", "finally"]


def test_a_coroutine_that_ignores_cancelling_is_reported(sched, caplog):
    @coro
    def stubborn():
        try:
            yield events.Sleep(60)
        finally:
            yield events.Sleep(60)

    instance = sched.add(stubborn)
    for _ in sched.iter_run():
        instance.cancel()
    assert instance.exception[0] is RuntimeError
    assert "ignored GeneratorExit" in caplog.text


def test_at_end_is_called_however_it_ends(sched):
    seen = []

    @coro
    def story(how):
        current().at_end(lambda ended: seen.append((ended.name, how)))
        yield
        if how == "cancel":
            current().cancel()
            yield
        if how == "raise":
            raise KeyError

    for how in ("return", "raise", "cancel"):
        sched.add(story, (how,))
    sched.run()
    assert sorted(seen) == [("story", "cancel"), ("story", "raise"), ("story", "return")]


def test_an_ending_that_is_given_again_is_kept_and_called_once(sched):
    """A coroutine that subscribes and unsubscribes in turn gives the same one each time."""
    seen = []

    @coro
    def story():
        for _ in range(3):
            current().at_end(seen.append)
            yield

    instance = story()
    sched.run(instance)
    assert seen == [instance]


def test_an_ending_that_fails_is_logged_and_harms_nobody(sched, caplog):
    seen = []

    @coro
    def story():
        current().at_end(lambda ended: 1 / 0)
        current().at_end(lambda ended: seen.append("second"))
        yield
        return "result"

    assert sched.run(story()) == "result"
    assert seen == ["second"]
    assert "ZeroDivisionError" in caplog.text


def test_an_operation_whose_finalize_fails_raises_at_the_yield(run):
    class Broken(events.Operation):
        def finalize(self, sched):
            raise LookupError("no value")

    @coro
    def story():
        with pytest.raises(LookupError, match="no value"):
            yield Broken()
        return "went on"

    assert run(story) == "went on"


def test_tracing_one_coroutine_logs_each_step_of_it_and_of_what_it_calls(sched, caplog):
    @coro
    def inner():
        yield events.Sleep(0)

    @debug_coro
    def story():
        yield inner()

    @coro
    def silent():
        yield events.Sleep(0)

    with caplog.at_level(logging.DEBUG, "cogen.core.coroutines"):
        sched.add(silent)
        sched.run(story())
    text = caplog.text
    assert "coroutine story" in text
    assert "coroutine inner" in text
    assert "yields <Sleep" in text
    assert "silent" not in text


def test_waiters_can_be_added_and_removed(sched, run):
    @coro
    def inner():
        yield events.Sleep(0.001)

    @coro
    def story():
        instance = sched.add(inner)
        me = current()
        instance.add_waiter(me)
        instance.remove_waiter(me)
        instance.remove_waiter(me)
        yield events.Join(instance)
        with pytest.raises(ValueError, match="has ended"):
            instance.add_waiter(me)
        return "done"

    assert run(story) == "done"


def test_two_schedulers_of_one_thread_have_their_own_coroutines():
    first, second, seen = Scheduler(), Scheduler(), []

    @coro
    def story(name):
        seen.append((name, current().sched))
        yield

    first.add(story, ("first",))
    second.add(story, ("second",))
    second.run()
    first.run()
    assert seen == [("second", second), ("first", first)]


def test_an_unknown_name_of_the_module_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'idnet'"):
        coroutines.idnet

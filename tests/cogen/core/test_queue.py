"""Queue: values, limits, time-outs, priorities, cancelling."""

import pytest

from cogen.core import events, queue
from cogen.core.coroutines import coro
from cogen.core.schedulers import Scheduler
from cogen.core.util import priority


def test_put_gives_the_operation_and_get_the_item():
    sched, q, seen = Scheduler(), queue.Queue(), []

    @coro
    def story():
        put = q.put("a")
        seen.append((yield put) is put)
        seen.append((yield q.get()))

    sched.add(story)
    sched.run()
    assert seen == [True, "a"]


def test_a_timeout_raises_operation_timeout_and_only_nowait_raises_empty_and_full():
    sched, q, seen = Scheduler(), queue.Queue(1), []

    @coro
    def story():
        for op in (q.get(timeout=0.001), q.get_nowait(), q.get(block=False)):
            try:
                yield op
            except (events.OperationTimeout, queue.Empty) as exc:
                seen.append(type(exc))
        yield q.put(1)
        for op in (q.put(2, timeout=0.001), q.put_nowait(3), q.put(4, block=False)):
            try:
                yield op
            except (events.OperationTimeout, queue.Full) as exc:
                seen.append(type(exc))

    sched.add(story)
    sched.run()
    assert seen == [
        events.OperationTimeout,
        queue.Empty,
        queue.Empty,
        events.OperationTimeout,
        queue.Full,
        queue.Full,
    ]
    assert list(q.queue) == [1]
    assert not q.waiting_puts
    assert not q.waiting_gets
    assert sched.pending == 0


@pytest.mark.parametrize(
    ("prio", "order"),
    [
        (priority.LAST, [0, 1, 2, 3, "put", "time-out"]),
        (priority.OP, [0, 1, 2, 3, "put", "time-out"]),
        (priority.CORO, ["put", 0, 1, 2, 3, "time-out"]),
        (priority.FIRST, ["put", 0, 1, 2, 3, "time-out"]),
    ],
)
def test_who_goes_on_when_a_get_makes_room(prio, order):
    """The coroutine that waits to put goes first only where the CORO flag favours it."""
    sched, q, seen = Scheduler(default_priority=prio), queue.Queue(3), []

    @coro
    def putter():
        for i in range(4):
            yield q.put(i)
        seen.append("put")

    @coro
    def getter():
        yield events.Sleep(0.001)
        try:
            while True:
                seen.append((yield q.get(timeout=0.001)))
        except events.OperationTimeout:
            seen.append("time-out")

    sched.add(putter)
    sched.add(getter)
    sched.run()
    assert seen == order


@pytest.mark.parametrize(
    ("prio", "order"),
    [
        (priority.LAST, ["got", "got 2", "other", "put"]),
        (priority.OP, ["got", "got 2", "put", "other"]),
        (priority.CORO, ["put", "other", "got", "got 2"]),
        (priority.FIRST, ["put", "got", "got 2", "other"]),
    ],
)
def test_the_flag_of_a_put_alone_says_who_goes_on_when_it_is_admitted(prio, order):
    sched, q, seen = Scheduler(), queue.Queue(1), []

    @coro
    def putter():
        yield q.put(1, prio=prio)
        seen.append("put")

    @coro
    def other():
        seen.append("other")

    @coro
    def getter():
        yield q.put(0)
        yield events.AddCoro(putter)
        yield events.Sleep(0.001)
        yield events.AddCoro(other, prio=priority.CORO)
        yield q.get()
        seen.append("got")
        yield q.get()
        seen.append("got 2")

    sched.run(getter())
    assert seen == order


@pytest.mark.parametrize(
    ("prio", "order"),
    [
        (priority.LAST, ["put", "other", "got"]),
        (priority.OP, ["got", "other", "put"]),
        (priority.CORO, ["got", "put", "other"]),
        (priority.FIRST, ["got", "put", "other"]),
    ],
)
def test_who_goes_on_when_a_put_finds_a_getter(prio, order):
    sched, q, seen = Scheduler(), queue.Queue(), []

    @coro
    def getter():
        yield q.get()
        seen.append("got")

    @coro
    def other():
        seen.append("other")

    @coro
    def putter():
        yield events.AddCoro(getter)
        yield events.Sleep(0.001)
        yield events.AddCoro(other, prio=priority.CORO)
        yield q.put(1, prio=prio)
        seen.append("put")

    sched.run(putter())
    assert seen == order


def test_join_waits_for_the_last_task_done():
    sched, q, seen = Scheduler(), queue.Queue(2), []

    @coro
    def worker():
        while True:
            item = yield q.get()
            yield events.Sleep(0.001)
            seen.append(item)
            yield q.task_done()

    @coro
    def boss():
        for i in range(4):
            yield q.put(i)
        yield q.join()
        seen.append("joined")

    sched.add(worker)
    sched.add(boss)
    sched.run()
    assert seen == [0, 1, 2, 3, "joined"]
    with pytest.raises(ValueError, match="too many"):
        q.task_done()


@pytest.mark.parametrize("maxsize", [0, 2, 100])
def test_an_item_handed_to_a_cancelled_getter_goes_back_to_the_head(maxsize):
    sched, q, seen = Scheduler(), queue.Queue(maxsize), []

    @coro
    def getter():
        seen.append((yield q.get()))

    @coro
    def story():
        first = yield events.AddCoro(getter)
        yield events.Sleep(0)
        yield q.put("a")  # handed over; the getter is queued behind this coroutine
        yield q.put("b")
        assert first.op.state == events.READY
        first.cancel()
        seen.append(list(q.queue))

    sched.add(story)
    sched.run()
    assert seen == [["a", "b"]]


@pytest.mark.parametrize("leaves", [0, 1, 2, None])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_who_waits_is_served_in_order_and_can_leave_from_anywhere(number, leaves):
    sched, q, seen = Scheduler(), queue.Queue(1), []

    @coro
    def getter(name):
        seen.append((name, (yield q.get())))

    @coro
    def putter(name):
        yield q.put(name)

    @coro
    def joinee(name):
        yield q.join()
        seen.append(f"{name} joined")

    def some(what):
        """Start them one after the other, and cancel one of them when all wait."""
        instances = [sched.add(what, (name,)) for name in names]
        yield events.Sleep(0)
        yield events.Sleep(0)
        if leaves in names:
            instances[leaves].cancel()

    @coro
    def story():
        yield from some(getter)
        assert len(q.waiting_gets) == len(left)
        for name in left:
            yield q.put(name)
        yield events.Sleep(0)
        assert not q.waiting_gets
        yield q.put("first")
        yield from some(putter)
        assert [put.item for put in q.waiting_puts] == left
        yield from some(joinee)
        assert len(q.joinees) == len(left)
        got = []
        while not q.empty():
            got.append((yield q.get()))
        assert got == ["first", *left]
        while q.unfinished_tasks:
            yield q.task_done()

    names = list(range(number))
    left = [name for name in names if name != leaves]
    sched.run(story())
    assert seen == [*((name, name) for name in left), *(f"{name} joined" for name in left)]
    assert not any((q.waiting_gets, q.waiting_puts, q.joinees))


def test_an_item_handed_to_a_cancelled_getter_goes_to_the_next_one():
    sched, q, seen = Scheduler(), queue.Queue(), []

    @coro
    def getter(name):
        seen.append((name, (yield q.get())))

    @coro
    def story():
        first = yield events.AddCoro(getter, ("first",))
        yield events.AddCoro(getter, ("second",))
        yield events.Sleep(0)
        yield q.put("a")
        first.cancel()

    sched.add(story)
    sched.run()
    assert seen == [("second", "a")]


def test_a_queue_that_got_an_item_back_may_be_over_its_size_but_takes_no_more():
    sched, q = Scheduler(), queue.Queue(1)

    @coro
    def getter():
        yield q.get()

    @coro
    def story():
        getting = yield events.AddCoro(getter)
        yield events.Sleep(0)
        yield q.put("a")
        yield q.put("b")
        getting.cancel()
        assert list(q.queue) == ["a", "b"]
        with pytest.raises(queue.Full):
            yield q.put_nowait("c")
        return [(yield q.get()), (yield q.get_nowait())]

    assert sched.run(story()) == ["a", "b"]


def test_a_put_that_times_out_is_no_unfinished_task():
    sched, q, seen = Scheduler(), queue.Queue(1), []

    @coro
    def story():
        yield q.put(1)
        try:
            yield q.put(2, timeout=0.001)
        except events.OperationTimeout:
            seen.append(q.unfinished_tasks)

    sched.add(story)
    sched.run()
    assert seen == [1]


def test_a_subclass_may_have_another_order():
    class Stack(queue.Queue):
        def _get(self):
            return self.queue.pop()

    sched, q, seen = Scheduler(), Stack(), []

    @coro
    def story():
        for i in range(3):
            yield q.put(i)
        for _ in range(3):
            seen.append((yield q.get()))

    sched.add(story)
    sched.run()
    assert seen == [2, 1, 0]


def test_a_bad_argument_is_refused_at_the_call():
    q = queue.Queue()
    with pytest.raises(TypeError, match="timeout must be a number of seconds"):
        q.get(timeout="soon")
    with pytest.raises(ValueError, match="timeout must not be negative"):
        q.put(1, timeout=-2)
    with pytest.raises(TypeError, match="maxsize"):
        queue.Queue("10")

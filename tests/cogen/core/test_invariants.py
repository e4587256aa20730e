"""What must hold in every interleaving, tried on many (property tests).

* Every item that was put is received once or is still queued: never lost, never
  twice; and items are received in the order in which they were put, but for
  those that came back from a cancelled getter.
* Every subscriber receives every message published since it subscribed, once,
  however many fetches share the subscription, time out or are cancelled.
* Afterwards nothing waits that should not: no timer, no getter, no putter.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from cogen.core import events, queue
from cogen.core.coroutines import coro
from cogen.core.pubsub import PublishSubscribeQueue
from cogen.core.schedulers import Scheduler
from cogen.core.util import priority

BOUNDED = settings(max_examples=150, deadline=None)

PRIORITIES = st.sampled_from([priority.LAST, priority.CORO, priority.OP, priority.FIRST])


class Target:
    """A coroutine-like thing, so that a step may be taken apart from the delivery."""

    debug = False

    def __init__(self):
        self.running = True
        self.outcome = None
        self.endings = []

    def at_end(self, ending):
        self.endings.append(ending)

    def run_op(self, op, sched):
        assert self.running, "delivered after cancel, or twice"
        self.running = False
        self.outcome = op
        return events.HANDED_OVER

    def begin(self, sched, op):
        self.op = op
        done = sched.begin(op, self)
        if done is not None:
            self.run_op(done, sched)
        return self


def let_run(sched):
    """Step what is ready."""
    steps = sched.iter_run()
    next(steps, None)
    steps.close()


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put_nowait", "get", "get_nowait", "cancel", "expire", "run"]),
        st.integers(0, 30),
        PRIORITIES,
    ),
    max_size=40,
)


@BOUNDED
@given(actions=ACTIONS, maxsize=st.integers(0, 3), default=PRIORITIES)
def test_every_item_is_received_once_or_still_queued(actions, maxsize, default):
    sched, q = Scheduler(default_priority=default), queue.Queue(maxsize)
    putters, getters, returned = {}, [], set()
    for serial, (action, which, prio) in enumerate(actions):
        begun = [*putters.values(), *getters]
        if action.startswith("put"):
            op = q.put(serial, action == "put", prio=prio, timeout=60)
            putters[serial] = Target().begin(sched, op)
        elif action.startswith("get"):
            op = q.get(action == "get", prio=prio, timeout=60)
            getters.append(Target().begin(sched, op))
        elif action == "run":
            let_run(sched)
        elif begun and begun[which % len(begun)].running:
            target = begun[which % len(begun)]
            handed = target.op.state == events.READY
            if action == "expire":
                sched.expire(target.op, target)
            else:
                if handed and target in getters:
                    returned.add(target.op.result)
                sched.cancel(target.op, target)
                target.running = False
    # A put that was admitted counts even if it was cancelled before it was told.
    accepted = {s for s, t in putters.items() if t.op.state in (events.READY, events.CANCELLED)}
    let_run(sched)
    received = [t.outcome.result for t in getters if isinstance(t.outcome, queue.QGet)]
    queued = list(q.queue)
    assert len(set(received + queued)) == len(received + queued), "an item was received twice"
    done = {s for s, t in putters.items() if isinstance(t.outcome, queue.QPut)}
    waiting = {put.item for put in q.waiting_puts}
    assert done <= set(received + queued), "an item was lost"
    assert set(received + queued) <= done | accepted
    assert not waiting & set(received + queued)
    assert not (q.waiting_gets and queued), "an item lies there while someone waits for it"
    if not returned:
        assert received == sorted(received) or default or any(p for _, _, p in actions)
        assert queued == sorted(queued)
    assert sched.pending == len(q.waiting_gets) + len(q.waiting_puts)
    for op in [*q.waiting_gets, *q.waiting_puts]:
        sched.cancel(op, op.caller)
    assert sched.pending == 0


@BOUNDED
@given(
    actions=st.lists(
        st.tuples(
            st.sampled_from(["publish", "publish", "fetch", "cancel", "expire", "run", "compact"]),
            st.integers(0, 5),
            PRIORITIES,
        ),
        max_size=40,
    ),
    default=PRIORITIES,
)
def test_every_subscriber_receives_every_message_once(actions, default):
    sched, pubsub = Scheduler(default_priority=default), PublishSubscribeQueue(history=2)
    keys = ["a", "b", "c"]
    fetches = {key: [] for key in keys}
    published = []
    for key in keys:
        Target().begin(sched, pubsub.subscribe(key))
    for serial, (action, which, prio) in enumerate(actions):
        key = keys[which % 3]
        waiting = [t for t in fetches[key] if t.running]
        if action == "publish":
            published.append(serial)
            Target().begin(sched, pubsub.publish(serial, prio=prio))
        elif action == "fetch":
            fetches[key].append(Target().begin(sched, pubsub.fetch(key, prio=prio, timeout=60)))
        elif action == "run":
            let_run(sched)
        elif action == "compact":
            pubsub.compact()
        elif action == "expire" and waiting:
            target = waiting[serial % len(waiting)]
            sched.expire(target.op, target)
        elif action == "cancel" and waiting:
            target = waiting[serial % len(waiting)]
            sched.cancel(target.op, target)
            target.running = False
    let_run(sched)
    for key in keys:
        for target in fetches[key]:
            if target.running:
                sched.cancel(target.op, target)
                target.running = False
    assert not pubsub.active_subscribers
    for key in keys:
        fetches[key].append(Target().begin(sched, pubsub.fetch(key, timeout=60)))
        last = fetches[key][-1]
        if last.running:
            sched.cancel(last.op, last)
        batches = [t.outcome.result for t in fetches[key] if hasattr(t.outcome, "result")]
        assert all(batch == sorted(batch) for batch in batches)
        assert sorted(message for batch in batches for message in batch) == published
    assert sched.pending == 0


@settings(max_examples=60, deadline=None)
@given(
    plan=st.lists(
        st.tuples(
            st.sampled_from(["put", "get", "sleep", "cancel"]),
            st.integers(0, 5),
            st.sampled_from([None, 0.0001, 60]),
        ),
        min_size=1,
        max_size=25,
    ),
    maxsize=st.integers(0, 2),
    default=PRIORITIES,
)
def test_coroutines_lose_no_item_either(plan, maxsize, default):
    """The same with real coroutines, real time-outs and cancelling of any of them."""
    sched, q = Scheduler(default_priority=default), queue.Queue(maxsize)
    put, got, workers = [], [], []

    @coro
    def putter(serial, timeout):
        try:
            yield q.put(serial, timeout=timeout)
        except events.OperationTimeout:
            return
        put.append(serial)

    @coro
    def getter(timeout):
        try:
            got.append((yield q.get(timeout=timeout)))
        except events.OperationTimeout:
            pass

    @coro
    def director():
        for serial, (action, which, timeout) in enumerate(plan):
            if action == "put":
                workers.append(sched.add(putter, (serial, timeout)))
            elif action == "get":
                workers.append(sched.add(getter, (timeout,)))
            elif action == "sleep":
                yield events.Sleep(0.0002 * (which % 2))
            elif workers:
                workers[which % len(workers)].cancel()
        yield events.Sleep(0.001)
        for worker in workers:
            worker.cancel()

    sched.run(director())
    left = list(q.queue)
    assert len(set(got + left)) == len(got + left)
    assert set(put) <= set(got + left)
    assert not q.waiting_gets
    assert not q.waiting_puts
    assert sched.pending == 0
    assert not sched.coros

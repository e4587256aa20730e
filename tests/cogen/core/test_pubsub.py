"""Publish and subscribe: everybody gets everything, and nothing is kept for ever."""

import pytest

from cogen.core import events
from cogen.core.coroutines import coro
from cogen.core.pubsub import NotSubscribed, Overrun, PublishSubscribeQueue
from cogen.core.schedulers import Scheduler
from cogen.core.util import priority

PRIORITIES = [priority.FIRST, priority.OP, priority.CORO, priority.LAST]


@coro
def collect(pubsub, seen, timeout=0.002):
    """Subscribe, and fetch until nothing comes any more."""
    yield pubsub.subscribe()
    while True:
        try:
            seen.extend((yield pubsub.fetch(timeout=timeout)))
        except events.OperationTimeout:
            return


@pytest.mark.parametrize("prio", PRIORITIES)
def test_a_waiting_and_a_late_subscriber_get_the_same(prio):
    sched, pubsub, early, late = Scheduler(default_priority=prio), PublishSubscribeQueue(), [], []

    @coro
    def publisher():
        for i in range(5):
            yield pubsub.publish(i)

    sched.add(collect, (pubsub, early))
    sched.add(publisher)
    sched.run()
    sched.run(collect(pubsub, late))
    assert early == late == [0, 1, 2, 3, 4]


def test_publish_and_subscribe_give_the_operation_and_fetch_a_list(run):
    pubsub = PublishSubscribeQueue()

    @coro
    def story():
        for op in (pubsub.subscribe(), pubsub.publish("a"), pubsub.publish("b")):
            assert (yield op) is op
        assert (yield pubsub.fetch()) == ["a", "b"]
        op = pubsub.unsubscribe()
        assert (yield op) is op
        return op

    assert "unsubscribe" not in repr(run(story))


@pytest.mark.parametrize("prio", PRIORITIES)
def test_who_goes_on_after_a_publish(prio):
    """CORO: who publishes goes on; OP alone: it comes first as well; none: after the others."""
    sched, pubsub, seen = Scheduler(), PublishSubscribeQueue(), []

    @coro
    def subscriber():
        yield pubsub.subscribe()
        seen.append((yield pubsub.fetch(prio=priority.LAST)))

    @coro
    def publisher():
        yield events.Sleep(0.001)
        yield pubsub.publish("m", prio=prio)
        seen.append("published")

    sched.add(subscriber)
    sched.add(publisher)
    sched.run()
    assert seen == ([["m"], "published"] if prio == priority.LAST else ["published", ["m"]])


def test_fetch_gives_every_subscriber_a_list_of_its_own(sched):
    """In 2008 the first fetch gave out the queue's own list, so that messages came twice."""
    pubsub, batches = PublishSubscribeQueue(), []

    @coro
    def greedy():
        yield pubsub.subscribe()
        for _ in range(2):
            batch = yield pubsub.fetch()
            batches.append(batch)
            batch.append("mine")

    @coro
    def publisher():
        yield events.Sleep(0.001)
        yield pubsub.publish("a")
        yield pubsub.publish("b")

    for _ in range(2):
        sched.add(greedy)
    sched.add(publisher)
    sched.run()
    assert sorted(map(tuple, batches)) == [("a", "mine")] * 2 + [("b", "mine")] * 2
    assert pubsub.messages == ["a", "b"]


def test_a_subscription_ends_with_its_coroutine(sched):
    """In 2008 it stayed for ever."""
    pubsub = PublishSubscribeQueue()

    @coro
    def story(how):
        yield pubsub.subscribe()
        if how == "raise":
            raise KeyError
        yield pubsub.fetch()

    instances = [sched.add(story, (how,)) for how in ("raise", "cancel", "wait")]
    sched.run()
    instances[1].cancel()
    assert list(pubsub.subscribers) == instances[2:]
    assert list(pubsub.active_subscribers) == instances[2:]
    instances[2].cancel()
    assert not pubsub.subscribers
    assert not pubsub.active_subscribers


def test_messages_that_all_have_fetched_go_but_for_the_history(sched):
    """In 2008 every message was kept for ever."""
    pubsub, got = PublishSubscribeQueue(history=10), []

    @coro
    def reader():
        yield pubsub.subscribe()
        while len(got) < 5000:
            got.extend((yield pubsub.fetch()))

    @coro
    def publisher():
        for i in range(5000):
            yield pubsub.publish(i, prio=priority.LAST)
            assert len(pubsub.messages) < 100

    sched.add(reader)
    sched.add(publisher)
    sched.run()
    assert got == list(range(5000))
    late = []
    sched.run(collect(pubsub, late))
    assert 10 <= len(late) < 100
    assert late == list(range(5000 - len(late), 5000))


def test_without_subscribers_the_history_is_bounded_by_default(run):
    pubsub = PublishSubscribeQueue()

    @coro
    def story():
        for i in range(2000):
            yield pubsub.publish(i)
        return len(pubsub.messages)

    assert 100 <= run(story) < 400


def test_history_none_keeps_everything_as_in_2008(run):
    pubsub = PublishSubscribeQueue(history=None)

    @coro
    def story():
        for i in range(2000):
            yield pubsub.publish(i)
        yield pubsub.subscribe()
        return len((yield pubsub.fetch()))

    assert run(story) == 2000


def test_a_subscriber_that_falls_too_far_behind_is_told_how_many_it_lost(run):
    pubsub = PublishSubscribeQueue(history=0, backlog=100)

    @coro
    def story():
        yield pubsub.subscribe()
        for i in range(1000):
            yield pubsub.publish(i)
        assert len(pubsub.messages) < 400
        with pytest.raises(Overrun) as caught:
            yield pubsub.fetch()
        (lost,) = caught.value.args
        rest = yield pubsub.fetch()
        return rest == list(range(lost, 1000)), len(rest) >= 100

    assert run(story) == (True, True)


def test_compact_drops_what_everyone_has_fetched_and_gives_the_number(run):
    """In 2008 the levels stayed as they were, so that the next messages were missed."""
    pubsub = PublishSubscribeQueue()

    @coro
    def story():
        yield pubsub.subscribe()
        yield pubsub.subscribe("slow")
        for i in range(3):
            yield pubsub.publish(i)
        assert (yield pubsub.fetch()) == [0, 1, 2]
        assert pubsub.compact() == 0
        yield pubsub.publish(3)
        assert (yield pubsub.fetch("slow")) == [0, 1, 2, 3]
        assert pubsub.compact() == 3
        assert pubsub.messages == [3]
        yield pubsub.publish(4)
        assert (yield pubsub.fetch("slow")) == [4]
        return (yield pubsub.fetch())

    assert run(story) == [3, 4]


def test_compact_without_subscribers_drops_all(run):
    pubsub, seen = PublishSubscribeQueue(), []

    @coro
    def story():
        for i in range(5):
            yield pubsub.publish(i)
            if i == 2:
                assert pubsub.compact() == 3
        yield collect(pubsub, seen)

    run(story)
    assert seen == [3, 4]


@pytest.mark.parametrize("prio", PRIORITIES)
def test_compact_before_the_subscriber_has_run(prio):
    """The order in which an added coroutine begins is that of 2008."""
    sched, pubsub, seen = Scheduler(default_priority=prio), PublishSubscribeQueue(), []

    @coro
    def publisher():
        for i in range(5):
            yield pubsub.publish(i)
            if i == 1:
                yield events.AddCoro(collect, (pubsub, seen), prio=priority.CORO)
            if i == 2:
                pubsub.compact()

    sched.run(publisher())
    assert seen == [3, 4]


def test_a_key_shares_one_subscription_between_coroutines(sched):
    """In 2008 the second fetch of a key took the place of the first, which waited for ever."""
    pubsub, seen = PublishSubscribeQueue(), []

    @coro
    def member(name):
        seen.append((name, (yield pubsub.fetch("team"))))

    @coro
    def story():
        yield pubsub.subscribe("team")
        members = [sched.add(member, (name,)) for name in ("1st", "2nd", "3rd", "4th", "5th")]
        yield events.Sleep(0.001)
        members[1].cancel()
        members[4].cancel()
        for message in "abc":
            yield pubsub.publish(message)
        assert not pubsub.active_subscribers

    sched.run(story())
    assert seen == [("1st", ["a"]), ("3rd", ["b"]), ("4th", ["c"])]
    assert list(pubsub.subscribers) == ["team"]


def test_a_false_key_is_a_key(run):
    pubsub = PublishSubscribeQueue()

    @coro
    def story():
        yield pubsub.subscribe(0)
        yield pubsub.publish("a")
        return (yield pubsub.fetch(0))

    assert run(story) == ["a"]


def test_without_a_subscription_fetch_and_unsubscribe_say_so(run):
    pubsub = PublishSubscribeQueue()

    @coro
    def story():
        fetches = [pubsub.fetch(), pubsub.fetch("key")]
        for op in (*fetches, pubsub.unsubscribe(), pubsub.unsubscribe("key")):
            with pytest.raises(NotSubscribed, match="is not subscribed"):
                yield op
        return issubclass(NotSubscribed, AssertionError)

    assert run(story)


def test_unsubscribing_ends_a_fetch_that_waits(sched, run):
    pubsub = PublishSubscribeQueue()

    @coro
    def reader():
        with pytest.raises(NotSubscribed, match="unsubscribed meanwhile"):
            yield pubsub.fetch("key")
        return "told"

    @coro
    def story():
        yield pubsub.subscribe("key")
        reading = [sched.add(reader), sched.add(reader)]
        yield events.Sleep(0.001)
        yield pubsub.unsubscribe("key")
        return (yield events.Join(reading[0])), (yield events.Join(reading[1]))

    assert run(story) == ("told", "told")


def test_a_batch_of_a_cancelled_fetch_comes_back(sched, run):
    pubsub, seen = PublishSubscribeQueue(), []

    @coro
    def reader(name):
        seen.append((name, (yield pubsub.fetch("key"))))

    @coro
    def story():
        yield pubsub.subscribe("key")
        first = sched.add(reader, ("first",))
        yield events.Sleep(0.001)
        yield pubsub.publish("a", prio=priority.CORO)
        first.cancel()
        yield pubsub.publish("b", prio=priority.CORO)
        return (yield pubsub.fetch("key"))

    assert run(story) == ["a", "b"]
    assert seen == []


def test_a_batch_of_a_cancelled_fetch_goes_to_another_of_the_same_key(sched, run):
    pubsub, seen = PublishSubscribeQueue(), []

    @coro
    def reader(name):
        seen.append((name, (yield pubsub.fetch("key"))))

    @coro
    def story():
        yield pubsub.subscribe("key")
        first = sched.add(reader, ("first",))
        sched.add(reader, ("second",))
        yield events.Sleep(0.001)
        yield pubsub.publish("a", prio=priority.CORO)
        first.cancel()

    run(story)
    assert seen == [("second", ["a"])]


def test_something_that_cannot_tell_its_end_needs_a_key():
    class Request:
        running, debug = True, False

    sched, pubsub = Scheduler(), PublishSubscribeQueue()
    refused = sched.begin(pubsub.subscribe(), Request())
    assert "pass a key to subscribe()" in str(refused.args[1])
    assert sched.begin(pubsub.subscribe("key"), Request()) is not None
    assert list(pubsub.subscribers) == ["key"]


def test_a_request_drops_its_subscription_when_its_client_goes(sched):
    """A generator that is being closed can yield nothing, so not unsubscribe() either."""

    class Request:
        running, debug = True, False

    def application(key):
        yield pubsub.subscribe(key)
        try:
            yield pubsub.fetch(key)
        finally:
            dropped.append(pubsub.drop(key))

    pubsub, dropped, request, steps = PublishSubscribeQueue(), [], Request(), application("visitor")
    assert sched.begin(next(steps), request) is not None
    waiting = next(steps)
    assert sched.begin(waiting, request) is None
    assert list(pubsub.subscribers) == list(pubsub.active_subscribers) == ["visitor"]
    sched.cancel(waiting, request)
    steps.close()
    assert dropped == [True]
    assert not pubsub.subscribers
    assert not pubsub.active_subscribers
    assert not pubsub.drop("visitor"), "there is none any more"


def test_a_key_that_can_be_none_is_refused_at_the_call():
    pubsub = PublishSubscribeQueue()
    for method in (pubsub.subscribe, pubsub.fetch, pubsub.unsubscribe):
        with pytest.raises(TypeError, match="unhashable"):
            method([])


@pytest.mark.parametrize("option", ["history", "backlog"])
def test_a_bad_limit_is_refused_by_name(option):
    with pytest.raises(ValueError, match=option):
        PublishSubscribeQueue(**{option: -1})
    with pytest.raises(ValueError, match=option):
        PublishSubscribeQueue(**{option: "10"})

"""The worked example of the how-to does what its text says."""

import pathlib
import re
import textwrap

import pytest

from cogen.core import events
from cogen.core.coroutines import coro

PAGE = pathlib.Path(__file__).parents[3] / "docs" / "howto" / "own-operation.rst"


@pytest.fixture
def semaphore():
    """A semaphore of one permit, of the class that the page shows."""
    source = re.search(r"\.\. code-block:: python\n\n(.*?)\n\S", PAGE.read_text(), re.DOTALL)
    namespace = {}
    exec(textwrap.dedent(source.group(1)), namespace)
    return namespace["Semaphore"](1)


@coro
def hold(semaphore, seen, name, seconds=0.001, **options):
    got = yield semaphore.acquire(**options)
    assert got is semaphore
    seen.append(name)
    yield events.Sleep(seconds)
    semaphore.release()


def test_permits_are_given_in_order_and_come_back(sched, semaphore):
    seen = []
    for name in "abc":
        sched.add(hold, (semaphore, seen, name))
    sched.run()
    assert seen == ["a", "b", "c"]
    assert semaphore.permits == 1


def test_one_whose_time_is_over_leaves_the_line(sched, semaphore, caplog):
    seen = []
    sched.add(hold, (semaphore, seen, "a", 0.01))
    late = sched.add(hold, (semaphore, seen, "late"), {"timeout": 0.001})
    sched.run()
    assert late.exception[0] is events.OperationTimeout
    assert (seen, semaphore.permits) == (["a"], 1)


def test_one_that_is_cancelled_after_its_time_was_over_gives_back_nothing(sched, semaphore):
    class Request:
        running, debug = True, False

    held, late = semaphore.acquire(), semaphore.acquire(timeout=60)
    sched.begin(held, Request())
    request = Request()
    sched.begin(late, request)
    sched.expire(late, request)
    sched.cancel(late, request)
    sched.run()
    assert semaphore.permits == 0


def test_a_permit_given_to_one_who_is_cancelled_goes_on(sched, run, semaphore):
    seen = []

    @coro
    def story():
        yield semaphore.acquire()
        gone = sched.add(hold, (semaphore, seen, "gone"))
        sched.add(hold, (semaphore, seen, "next"))
        yield events.Sleep(0.001)
        semaphore.release()
        gone.cancel()
        yield events.Sleep(0.005)
        return semaphore.permits

    assert run(story) == 1
    assert seen == ["next"]

"""A fresh scheduler for each story, which must leave nothing behind."""

import pytest

from cogen.core.locals import runners
from cogen.core.schedulers import Scheduler


@pytest.fixture
def sched():
    """A scheduler; at the end nothing may be pending that would keep its loop busy."""
    sched = Scheduler()
    yield sched
    assert sched.pending == 0
    assert len(sched.proactor) == 0
    assert not runners


@pytest.fixture
def run(sched):
    """Run a decorated function as the main coroutine; return its result."""
    return lambda func, *args: sched.run(func(*args))

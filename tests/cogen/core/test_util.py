"""The small things: flags, the call tracer, cutting lists."""

import logging

from cogen import common
from cogen.core.util import debug, fmt_list, priority


def test_the_flags_are_those_of_2008():
    assert priority.DEFAULT == -1
    assert priority.LAST == priority.NOPRIO == 0
    assert (priority.CORO, priority.OP) == (1, 2)
    assert priority.FIRST == priority.PRIO == priority.CORO | priority.OP


def test_debug_logs_the_call_and_the_result(caplog):
    @debug(other=lambda func, args, kwargs: "extra")
    def add(x, y):
        return x + y

    assert add(1, y=2) == 3
    assert caplog.text == ""
    with caplog.at_level(logging.DEBUG, "cogen.core.util"):
        assert add(1, y=2) == 3
    assert "args=(1,) kwargs={'y': 2}" in caplog.text
    assert "'extra'" in caplog.text
    assert "returned 3" in caplog.text
    assert "test_debug_logs_the_call" in caplog.text


def test_fmt_list_cuts_after_the_limit():
    assert fmt_list(["abc", "def"]) == "['abc', 'def']"
    assert fmt_list(["abc", "defg", "hij"], 5) == "['abc', 'de ...' .. 1 more]"


def test_common_has_the_essential_names():
    names = {"Scheduler", "coro", "coroutine", "events", "priority", "proactors", "sockets"}
    assert set(common.__all__) == names
    assert all(hasattr(common, name) for name in names)

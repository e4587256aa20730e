"""The proactors choose gevent's backend, or say clearly why they can't."""

import socket
import subprocess
import sys

import gevent
import pytest

from cogen.core import events, proactors, sockets
from cogen.core.coroutines import coro
from cogen.core.schedulers import Scheduler


@coro
def nothing():
    return "ran"
    yield


def test_what_this_system_has():
    assert proactors.has_select().backend == "select"
    assert proactors.has_stdlib_epoll is proactors.has_epoll
    assert proactors.has_iocp() is proactors.has_ctypes_iocp() is None
    assert proactors.DefaultProactor is proactors.has_any()
    if sys.platform == "linux":
        assert proactors.has_kqueue() is proactors.has_stdlib_kqueue() is None
        assert proactors.has_epoll().backend == "epoll"


def test_get_first_gives_the_first_that_is_there():
    first = proactors.get_first(proactors.has_iocp, proactors.has_poll, proactors.has_select)
    assert first is proactors.has_poll()
    assert proactors.get_first(proactors.has_iocp) is None


def test_the_backend_that_gevent_uses_already_is_accepted():
    backend = gevent.get_hub().loop.backend
    proactor = getattr(proactors, f"has_{backend}")()
    assert Scheduler(proactor=proactor).run(nothing()) == "ran"


def test_another_backend_is_refused_with_the_remedy():
    backend = gevent.get_hub().loop.backend
    other = proactors.has_select() if backend != "select" else proactors.has_poll()
    sched = Scheduler(proactor=other)
    with pytest.raises(RuntimeError, match=f"set GEVENT_BACKEND={other.backend}"):
        sched.run(nothing())


@pytest.mark.parametrize("backend", ["select", "poll", "epoll"])
def test_a_backend_is_chosen_where_gevent_is_not_in_use_yet(backend):
    """In a process of its own; sockets work on each of them."""
    program = f"""
import gevent, socket
from cogen.common import *
proactor = proactors.has_{backend}()
if proactor is not None:
    left, right = (sockets.Socket(_sock=end) for end in socket.socketpair())
    @coro
    def sender():
        yield events.Sleep(0.001)
        yield left.sendall(b"x")
    @coro
    def story():
        yield events.AddCoro(sender)
        return (yield right.recv(1)), gevent.get_hub().loop.backend
    assert Scheduler(proactor=proactor).run(story()) == (b"x", "{backend}")
    left.close()
    right.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_custom_operation_may_bring_its_own_system_call():
    """As in 2008: request_generic(act, coro, perform)."""

    class Peek(sockets.SocketOperation):
        __slots__ = ("seen",)

        def process(self, sched, coro):
            return sched.proactor.request_recv(self, coro, Peek.look)

        def look(self):
            self.seen = self.sock._fd.recv(10, socket.MSG_PEEK)
            return self

        def finalize(self):
            return self.seen

    sched = Scheduler()
    left, right = (sockets.Socket(_sock=end) for end in socket.socketpair())

    @coro
    def sender():
        yield left.sendall(b"data")

    @coro
    def story():
        sched.add(sender)
        return (yield Peek(right)), (yield right.recv(10))

    assert sched.run(story()) == (b"data", b"data")
    assert repr(sched.proactor) == "<ProactorBase with 0 operations>"
    left.close()
    right.close()


@pytest.mark.parametrize("first", [True, False])
def test_multiplex_first_says_whether_to_try_before_waiting(first):
    class Request:
        running, debug = True, False

        def run_op(self, op, sched):
            return events.HANDED_OVER

    sched = Scheduler(proactor_multiplex_first=first)
    left, right = (sockets.Socket(_sock=end) for end in socket.socketpair())
    right._fd.send(b"x")
    receiving = left.recv(1)
    done = sched.begin(receiving, Request())
    sched.run()
    assert done is (receiving if first else None)
    assert receiving.buff == b"x"
    left.close()
    right.close()


def test_close_forgets_all_operations():
    sched = Scheduler()
    left, right = (sockets.Socket(_sock=end) for end in socket.socketpair())

    @coro
    def reader():
        yield left.recv(1)

    sched.add(reader)
    steps = sched.iter_run()
    next(steps)
    next(steps)
    assert len(sched.proactor) == 1
    sched.proactor.close()
    assert list(steps) == []
    left.close()
    right.close()

"""Who is in the chat, with a clock that the test turns."""

import pytest

from chatapp.lib.clients import Clients


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Client:
    left = False

    def leave(self):
        self.left = True


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def clients(clock):
    return Clients(idle_timeout=60, clock=clock)


@pytest.fixture
def rounds(clients):
    """The steps of expire(), without a scheduler: each is one look at all the clients."""
    return clients.expire().coro()


def test_a_client_is_found_under_its_id(clients):
    bob = Client()
    clients.add("b", bob)
    assert clients.get("b") is bob
    assert clients.get("z") is None
    assert len(clients) == 1


def test_only_the_first_has_expire_started(clients):
    assert clients.add("a", Client()) is True
    assert clients.add("b", Client()) is False
    assert clients.add("b", Client()) is False


def test_it_looks_ten_times_in_the_period(clients, rounds):
    clients.add("a", Client())
    assert next(rounds).timeout == 6


def test_who_has_not_pulled_in_time_leaves(clients, clock, rounds):
    ann, bob = Client(), Client()
    clients.add("a", ann)
    clients.add("b", bob)
    clock.now += 59
    next(rounds)
    assert len(clients) == 2
    clients.pulled(bob)
    clock.now += 1
    next(rounds)
    assert ann.left
    assert not bob.left
    assert clients.get("a") is None
    assert clients.get("b") is bob


def test_it_ends_with_the_last_client(clients, clock, rounds):
    clients.add("a", Client())
    next(rounds)
    clock.now += 60
    with pytest.raises(StopIteration):
        next(rounds)
    assert clients.add("a", Client()) is True

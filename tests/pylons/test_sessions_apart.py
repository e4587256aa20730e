"""Requests of one session that overlap never see each other's objects, whatever they do."""

from __future__ import annotations

import copy

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pylons.sessions import Session, SessionMiddleware

KEYS = st.sampled_from(["a", "b"])
VALUES = st.one_of(st.integers(), st.text(max_size=2), st.none(), st.builds(list), st.builds(dict))
STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["look", "time", "all", "set", "del", "fill", "revert", "save", "leave"]),
        KEYS,
        VALUES,
    ),
    max_size=25,
)


class Copies:
    """What a request must see: deep copies, made when it first touches the session."""

    def __init__(self, stored, now):
        self.before = copy.deepcopy(stored)
        self.data = copy.deepcopy(stored)
        self.read_at = now

    def merged(self, stored):
        stored = copy.deepcopy(stored)
        for key in self.before.keys() - self.data.keys():
            stored.pop(key, None)
        changed = {k: v for k, v in self.data.items() if self.before.get(k, self) != v}
        return {**stored, **changed}


class Visitor:
    """A session in the real store, up to three requests of it, and what they must see."""

    def __init__(self, serializer, stored):
        options = {"secret": "only the test knows", "data_serializer": serializer}
        self.layer = SessionMiddleware(None, **options)
        self.clock = 1_700_000_000.0
        first = Session(self.layer, None)
        first.update(copy.deepcopy(stored))
        first.save()
        self.cookie = first.persist().split(";")[0]
        self.stored = stored
        self.requests = {}

    def time(self):
        return self.clock

    def step(self, number, action, key, value):
        self.clock += 1.0
        session, copies = self.requests.setdefault(number, (Session(self.layer, self.cookie), None))
        if copies is None:
            copies = Copies(self.stored, self.clock)
            self.requests[number] = session, copies
        getattr(self, f"_{action}")(number, session, copies, key, value)

    def check(self):
        for session, copies in self.requests.values():
            for key in "ab":
                assert (key in session, session.get(key)) == (
                    key in copies.data,
                    copies.data.get(key),
                )

    def _look(self, number, session, copies, key, value):
        assert session.get(key) == copies.data.get(key)

    def _time(self, number, session, copies, key, value):
        assert session["_accessed_time"] == copies.read_at

    def _all(self, number, session, copies, key, value):
        assert {k: v for k, v in session.items() if k[0] != "_"} == copies.data

    def _set(self, number, session, copies, key, value):
        session[key] = copy.deepcopy(value)
        copies.data[key] = value

    def _del(self, number, session, copies, key, value):
        session.pop(key, None)
        copies.data.pop(key, None)

    def _fill(self, number, session, copies, key, value):
        for inside in (session.get(key), copies.data.get(key)):
            if isinstance(inside, list):
                inside.append(1)
            elif isinstance(inside, dict):
                inside["x"] = 1

    def _revert(self, number, session, copies, key, value):
        session.revert()
        copies.data = copy.deepcopy(copies.before)
        copies.read_at = self.clock

    def _save(self, number, session, copies, key, value):
        session.save()
        session.persist()
        self.stored = copies.merged(self.stored)
        del self.requests[number]

    def _leave(self, number, session, copies, key, value):
        session.persist()
        del self.requests[number]


@pytest.mark.parametrize("serializer", ["json", "pickle"])
@given(stored=st.dictionaries(KEYS, VALUES), steps=STEPS)
@example(stored={"a": {}}, steps=[(0, "fill", "a", None), (1, "look", "a", None)])
@example(stored={"a": []}, steps=[(0, "fill", "a", None), (1, "look", "a", None)])
@example(  # a request that saves upon what another has saved, while a third reads that
    stored={},
    steps=[
        (0, "look", "a", None),
        (1, "set", "a", 1),
        (1, "save", "a", None),
        (2, "look", "a", None),
        (0, "set", "b", 2),
        (0, "save", "b", None),
    ],
)
def test_each_request_sees_its_own(serializer, stored, steps):
    visitor = Visitor(serializer, stored)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pylons.sessions.time", visitor)
        for step in steps:
            visitor.step(*step)
            visitor.check()


class Tagged(str):
    """Text that carries something that can change."""


def test_text_with_attributes_is_not_shared():
    visitor = Visitor("pickle", {})
    session = Session(visitor.layer, visitor.cookie)
    session["a"] = Tagged("text")
    session["a"].tags = []
    session.save()
    session.persist()
    one, two = (Session(visitor.layer, visitor.cookie) for _ in range(2))
    one["a"].tags.append("mine")
    assert two["a"].tags == []

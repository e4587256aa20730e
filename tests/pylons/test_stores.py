"""Where sessions are kept: what is loaded is nobody else's, but for a dictionary to be read."""

import copy
import json

import pytest

from pylons.stores import make_store


@pytest.mark.parametrize(
    "stored",
    [
        {"nick": "bob", "visits": 3},
        {"cart": [1, 2]},
        {"user": {"name": "bob"}},
        {"long": "x" * 600},
    ],
    ids=["flat", "list", "dictionary", "long"],
)
def test_two_loads_never_share_a_value_that_can_change(stored):
    store = make_store({"type": "memory"}, timeout=None)
    store.update("id", lambda raw: copy.deepcopy(stored), now=0.0)
    raw, _ = store.load("id")
    first = store.decode(raw)
    assert first == stored
    for value in first.values():
        if isinstance(value, list):
            value.append("mine")
        elif isinstance(value, dict):
            value["mine"] = True
    assert store.decode(raw) == stored


@pytest.mark.parametrize("serializer", ["yaml", json])
def test_only_two_serializers_are_known(serializer):
    with pytest.raises(ValueError, match=r"data_serializer = .*: use json or pickle"):
        make_store({"data_serializer": serializer}, timeout=None)


def test_keys_need_not_be_text_with_pickle():
    store = make_store({"type": "memory", "data_serializer": "pickle"}, timeout=None)
    store.update("id", lambda raw: {1: "one"}, now=0.0)
    assert store.decode(store.load("id")[0]) == {1: "one"}


def test_sessions_share_their_keys():
    store = make_store({"type": "memory"}, timeout=None)
    for id in ("one", "two"):
        key = " ".join(["nick", "name"])  # another object each time, as from a form
        store.update(id, lambda raw, key=key: {key: "bob"}, now=0.0)
    (one,), (two,) = (store.decode(store.load(id)[0]) for id in ("one", "two"))
    assert one is two


def test_bytes_are_for_pickle():
    store = make_store({"type": "memory", "data_serializer": "pickle"}, timeout=None)
    store.update("id", lambda raw: {"picture": b"\xff"}, now=0.0)
    assert store.decode(store.load("id")[0]) == {"picture": b"\xff"}
    store = make_store({"type": "memory"}, timeout=None)
    with pytest.raises(TypeError, match=r"session\['picture'\] can't be stored"):
        store.update("id", lambda raw: {"picture": b"\xff"}, now=0.0)

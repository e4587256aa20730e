"""Where sessions are kept: what is stored is text, and what is loaded is nobody else's."""

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
def test_two_loads_never_share_an_object(stored):
    store = make_store({"type": "memory"}, timeout=None)
    store.update("id", lambda raw: stored, now=0.0)
    raw, _ = store.load("id")
    first = store.decode(raw)
    assert first == stored
    for value in first.values():
        if isinstance(value, list):
            value.append("mine")
        elif isinstance(value, dict):
            value["mine"] = True
    first["mine"] = True
    assert store.decode(raw) == stored


@pytest.mark.parametrize("serializer", ["yaml", json])
def test_only_two_serializers_are_known(serializer):
    with pytest.raises(ValueError, match=r"data_serializer = .*: use json or pickle"):
        make_store({"data_serializer": serializer}, timeout=None)

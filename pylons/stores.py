"""Where sessions are kept: in this process, or by one of Beaker's storage classes.

A store maps an id to the serialized data of one session. :class:`MemoryStore` is a dictionary
that forgets what has timed out, which Beaker's memory storage never does. :class:`BeakerStore`
is any other ``type`` of Beaker (``file``, ``dbm``, ``ext:redis`` and so on), in Beaker's own
format, so that applications with Beaker's middleware can share it.
"""

from __future__ import annotations

import json
import pickle
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

from beaker.cache import clsmap
from beaker.util import JsonSerializer, PickleSerializer

Data = dict[str, Any]
#: One session's data as the store keeps it; two of them are the same iff nothing was written.
Raw = Any
#: From what is stored (None if nothing is) to what is to be stored (None to leave it).
Change = Callable[[Raw | None], Data | None]


class Store(Protocol):
    """What a session layer asks of a store."""

    #: Whether noting a time of access costs no write.
    notes_freely: bool

    def load(self, id: str) -> tuple[Raw, float | None] | None:
        """Return what is stored, and the time of access if it is kept apart; or None."""

    def decode(self, raw: Raw) -> Data:
        """Return the data: the values are the caller's own, the dictionary is only to be read."""

    def update(self, id: str, change: Change, now: float) -> None:
        """Replace what is stored by ``change(it)``, alone with it."""

    def note_access(self, id: str, now: float) -> None:
        """Let the session time out from `now` on."""

    def delete(self, id: str) -> None:
        """Forget the session; none is no error."""


class MemoryStore:
    """Sessions in a dictionary of this process, until `timeout` seconds after their last use.

    What has timed out is removed when a session is stored, within a quarter of the timeout.
    What can change goes through the serializer here too: what a session can hold doesn't depend on
    where it is kept, and two requests never share such an object.
    """

    notes_freely = True

    def __init__(self, loads: Any, dumps: Any, timeout: float | None) -> None:
        self._loads = loads
        self._dumps = dumps
        self._timeout = timeout
        self._entries: dict[str, _Kept] = {}
        self._lock = threading.Lock()
        self._next_sweep = 0.0

    def __len__(self) -> int:
        return len(self._entries)

    def load(self, id: str) -> tuple[Raw, float | None] | None:
        kept = self._entries.get(id)
        return None if kept is None else (kept, kept.accessed)

    def decode(self, raw: Raw) -> Data:
        data: Data = self._loads(raw.text) if raw.flat is None else raw.flat
        return data

    def update(self, id: str, change: Change, now: float) -> None:
        with self._lock:
            data = change(self._entries.get(id))
            if data is not None:
                self._entries[id] = _Kept(data, self._dumps, now)
            if self._timeout is not None and now >= self._next_sweep:
                self._sweep(now - self._timeout)
                self._next_sweep = now + self._timeout / 4

    def note_access(self, id: str, now: float) -> None:
        kept = self._entries.get(id)
        if kept is not None:
            kept.accessed = now

    def delete(self, id: str) -> None:
        self._entries.pop(id, None)

    def _sweep(self, oldest: float) -> None:
        # 20,000 entries take 0.5 ms; with sessions of an hour that is once in 15 minutes.
        for id in [id for id, kept in self._entries.items() if kept.accessed < oldest]:
            del self._entries[id]


class _Kept:
    """One session's data: itself if there is nothing in it that can change, else serialized.

    Most sessions are a few short values, which a poll reads each time: to decode them takes 1.6 µs.
    """

    __slots__ = ("accessed", "flat", "text")

    def __init__(self, data: Data, dumps: Callable[[Data], Any], accessed: float) -> None:
        self.accessed = accessed
        self.flat: Data | None = None
        self.text: str | bytes | None = None
        if all(type(key) is str and type(data[key]) in _UNCHANGING for key in data):
            # All sessions have the same keys: each with its own takes 180 bytes more.
            self.flat = {_shared(key): value for key, value in data.items()}
        else:
            self.text = _dumped(dumps, data)


@lru_cache(maxsize=1024)  # sys.intern keeps for ever what it is given, up to Python 3.12.4
def _shared(key: str) -> str:
    """Return the one string that stands for all that equal it."""
    return key


#: What cannot change, not even by an attribute, and what each serializer gives back as it was.
_UNCHANGING = (str, int, float, bool, type(None))


class BeakerStore:
    """Sessions in one of Beaker's storage classes, locked as Beaker locks them."""

    notes_freely = False

    def __init__(self, namespace_class: Any, serializer: Any, options: dict[str, Any]) -> None:
        self._namespace_class = namespace_class
        self._serializer = serializer
        self._options = options

    def load(self, id: str) -> tuple[Raw, float | None] | None:
        namespace = self._open(id)
        namespace.acquire_read_lock()
        try:
            raw = namespace["session"]
        except (KeyError, TypeError):  # Beaker's storages have both ways to say that it is absent
            raw = None
        finally:
            namespace.release_read_lock()
        return None if raw is None else (raw, None)

    def decode(self, raw: Raw) -> Data:
        data: Data = self._serializer.loads(b64decode(raw))
        return data

    def update(self, id: str, change: Change, now: float) -> None:
        namespace = self._open(id)
        namespace.acquire_write_lock()
        try:
            try:
                raw = namespace["session"]
            except (KeyError, TypeError):
                raw = None
            data = change(raw)
            if data is not None:
                encoded = b64encode(_dumped(self._serializer.dumps, data))
                namespace["session"] = encoded.decode("ascii")
        finally:
            namespace.release_write_lock()

    def note_access(self, id: str, now: float) -> None:
        def noted(raw: Raw | None) -> Data | None:
            return None if raw is None else {**self.decode(raw), "_accessed_time": now}

        self.update(id, noted, now)

    def delete(self, id: str) -> None:
        self._open(id).remove()

    def _open(self, id: str) -> Any:
        return self._namespace_class(id, digest_filenames=False, **self._options)


def make_store(options: dict[str, Any], timeout: float | None) -> Store:
    """Return the store that the options ask for.

    :param options: ``type`` (by default ``file`` with a ``data_dir``, else ``memory``),
        ``data_serializer`` (``json`` or ``pickle``), and what the storage class takes.
    :raises ValueError: for an unknown type or serializer.
    """
    kind = options.pop("type", None) or ("file" if options.get("data_dir") else "memory")
    serializer = options.pop("data_serializer", "json")
    if serializer not in ("json", "pickle"):
        raise ValueError(f"beaker.session.data_serializer = {serializer}: use json or pickle")
    if kind == "memory":
        # Beaker's JSON serializer compresses too, and base64 follows: 10 µs there and back where
        # plain JSON takes 3 µs, for data that stays in this process.
        plain: Any = json if serializer == "json" else pickle
        return MemoryStore(plain.loads, plain.dumps, timeout)
    try:
        namespace_class = options.pop("namespace_class", None) or clsmap[kind]
    except KeyError:
        raise ValueError(f"beaker.session.type = {kind}: Beaker has no such storage") from None
    if timeout is not None:  # a storage that expires by itself must not do it first
        options["timeout"] = timeout + 120
    beakers = JsonSerializer() if serializer == "json" else PickleSerializer()
    return BeakerStore(namespace_class, beakers, options)


def _dumped(dumps: Callable[[Data], Any], data: Data) -> Any:
    try:
        return dumps(data)
    except (TypeError, pickle.PicklingError) as exc:
        culprit = next((key for key, value in data.items() if not _carries(dumps, value)), "?")
        raise TypeError(
            f"session[{culprit!r}] can't be stored: {exc}. A session holds plain data; keep an id "
            f"in it, and the object itself in a registry such as app_globals"
        ) from exc


def _carries(dumps: Callable[[Any], Any], value: object) -> bool:
    try:
        dumps(value)
    except (TypeError, pickle.PicklingError):
        return False
    return True

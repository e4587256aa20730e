"""Sessions: Beaker's cookies, options and storage, in a layer that costs little.

``SessionMiddleware`` takes Beaker's options (``beaker.session.key``, ``secret``, ``type``,
``timeout``, ``data_serializer`` and so on) and puts a :class:`Session` into
``environ['beaker.session']``. The session is loaded when it is first touched, and saved, its
cookie set, inside ``start_response``: so a generator action may change it until its first data,
and a later change is an error, not a loss.

What differs from Beaker's own middleware, and why:

* A request that waits doesn't undo what others did meanwhile. ``save()`` writes the keys that
  this request changed into what is stored by then, and a session that another request has deleted
  stays deleted. Beaker writes the whole session as it was when it was loaded, even to note the
  time of access.
* Sessions in memory go away after their timeout.
* An id whose data is gone is not used again, so nobody can choose or keep a visitor's id.
* JSON is the default serializer, ``httponly`` is on, and ``delete()`` deletes from the storage.
* It is lean. Of the 66 µs that a poll which reads its session spent in the whole stack, Beaker's
  layer took 52, most of them in ``http.cookies``, in zlib and in an object with 30 attributes; this
  one takes 2.

It refuses sessions that are stored in the cookie, and encrypted ones: wrap the application in
``beaker.middleware.SessionMiddleware`` for those; the ``pylons.session`` proxy works with it.
Where the data is kept is in ``pylons.stores``.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from beaker.util import asbool, coerce_session_params

from pylons.cookies import SessionCookie
from pylons.http import Environ, StartResponse, WSGIApp
from pylons.stores import Data, Raw, make_store

log = logging.getLogger(__name__)

#: Beaker's options that are not for the storage, with their defaults here.
_DEFAULTS: dict[str, Any] = {
    "auto": False,
    "cookie_domain": None,
    "cookie_expires": True,
    "cookie_path": "/",
    "httponly": True,
    "invalidate_corrupt": True,
    "key": "beaker.session.id",
    "samesite": "Lax",
    "save_accessed_time": True,
    "secret": None,
    "secure": False,
    "timeout": None,
}

#: What only Beaker's own middleware can do.
_REFUSED = ("encrypt_key", "validate_key", "session_class")

#: A time of access is noted this often at most (seconds), where noting it is a write.
_NOTED_EVERY = 60.0


class SessionMiddleware:
    """Give each request a lazy session in ``environ['beaker.session']``.

    :param config: the options, with the prefix ``beaker.session.`` or ``session.``; others in it
        are left alone.
    :param environ_key: where in environ the session is put.
    :param options: options without a prefix, which win.
    :raises ValueError: for an option that only Beaker's own middleware understands.
    """

    def __init__(
        self,
        wrap_app: WSGIApp,
        config: Mapping[str, Any] | None = None,
        environ_key: str = "beaker.session",
        **options: Any,
    ) -> None:
        self.app = wrap_app
        self.environ_key = environ_key
        given = {**_DEFAULTS, **_unprefixed(config or {}), **options}
        refused = [name for name in _REFUSED if given.get(name)]
        if refused or given.get("type") == "cookie":
            raise ValueError(
                f"beaker.session.{refused[0] if refused else 'type = cookie'}: not supported here; "
                f"use beaker.middleware.SessionMiddleware for encrypted sessions and for sessions "
                f"that are kept in the cookie"
            )
        try:
            coerce_session_params(given)
        except Exception as error:  # Beaker raises no more special one
            raise ValueError(f"beaker.session: {error}") from error
        self.options = {name: given.pop(name) for name in _DEFAULTS}
        self.options["invalidate_corrupt"] = asbool(self.options["invalidate_corrupt"])
        self.timeout: float | None = self.options["timeout"]
        self.store = make_store(given, self.timeout)
        self.cookie = SessionCookie(self.options)
        if not self.options["secret"]:
            log.warning("beaker.session.secret is not set: the session's cookie is not signed")

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (WSGI)."""
        # The session gets the cookie, not environ: each would keep the other alive.
        session = environ[self.environ_key] = Session(self, environ.get("HTTP_COOKIE"))
        return self.app(environ, _SavingStart(session, start_response))

    def notes_access(self, last: float, now: float) -> bool:
        """Tell whether a session that was only read has to have its time of access noted."""
        if not self.options["save_accessed_time"] or self.timeout is None:
            return False
        return self.store.notes_freely or now - last >= min(_NOTED_EVERY, self.timeout / 10)


class _SavingStart:
    """The ``start_response`` of a request with a session: saves that first, and sets its cookie.

    An object, because it is kept while the request waits: 48 bytes, where a closure takes 160.
    """

    __slots__ = ("_session", "_start_response")

    def __init__(self, session: Session, start_response: StartResponse) -> None:
        self._session = session
        self._start_response = start_response

    def __call__(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        cookie = self._session.persist()
        if cookie is not None:
            headers = [*headers, ("Set-Cookie", cookie)]
        return self._start_response(status, headers, exc_info)


class Session(MutableMapping[str, Any]):
    """A visitor's data, a dictionary whose values the serializer can carry.

    What has been changed is kept only if :meth:`save` is called (or with the option ``auto``).
    """

    __slots__ = (
        "_cookie",
        "_cookie_header",
        "_data",
        "_dirty",
        "_dropped",
        "_id",
        "_is_new",
        "_last_accessed",
        "_layer",
        "_persisted",
        "_raw",
        "_read_at",
    )

    def __init__(self, layer: SessionMiddleware, cookie_header: str | None) -> None:
        self._layer = layer
        self._cookie_header = cookie_header
        self._data: Data | None = None  # None until it is touched
        self._read_at: float | None = None  # when, while _data is the store's; None if it is ours
        self._raw: Raw | None = None  # what was stored when it was loaded
        self._id: str | None = None
        self._is_new = False
        self._last_accessed: float | None = None
        self._dirty = False
        self._persisted = False
        self._cookie: str | None = None  # the Set-Cookie value that the response needs
        self._dropped: tuple[str, ...] = ()  # ids whose data is to be deleted

    def __getitem__(self, key: str) -> Any:
        return self._having(key)[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._changeable()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._changeable()[key]

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of `key`, or `default`."""
        return self._having(key).get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._having(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._own())

    def __len__(self) -> int:
        return len(self._own())

    def __repr__(self) -> str:
        return f"<Session {self._own()!r}>"

    @property
    def id(self) -> str:
        """The id; a visitor without a session gets a new one."""
        self._loaded()
        return self._id or ""

    @property
    def is_new(self) -> bool:
        """Whether nothing had been stored under the id when the session was loaded."""
        self._loaded()
        return self._is_new

    @property
    def created(self) -> float:
        """When the session was made, in seconds since the epoch."""
        created: float = self._loaded()["_creation_time"]
        return created

    @property
    def last_accessed(self) -> float | None:
        """When the session was used before this request, in seconds since the epoch."""
        self._loaded()
        return self._last_accessed

    def accessed(self) -> bool:
        """Tell whether this request has touched the session."""
        return self._data is not None

    def save(self) -> None:
        """Have the changes stored when the response is started.

        :raises RuntimeError: if it has been started.
        """
        self._changeable()
        self._dirty = True

    def delete(self) -> None:
        """Have the session deleted, and the client's cookie with it."""
        self.invalidate()
        self._dirty = False
        self._cookie = self._layer.cookie.expired()

    def invalidate(self) -> None:
        """Empty the session and give it a new id; the data under the old id is deleted."""
        self._changeable()
        self._begin(drop=self.id)

    def regenerate_id(self) -> None:
        """Keep the data under a new id, as is good when a visitor logs in; then call save()."""
        data = self._changeable()
        self._begin(drop=self.id)
        self._data = data

    def revert(self) -> None:
        """Forget this request's changes."""
        self._changeable()
        self._dirty = False
        if self._raw is not None:
            self._data, self._read_at = self._layer.store.decode(self._raw), time.time()

    def get_by_id(self, id: str) -> Data | None:
        """Return a copy of the data stored under another `id`, or None."""
        found = self._layer.store.load(id)
        return None if found is None else dict(self._layer.store.decode(found[0]))

    def persist(self) -> str | None:
        """Store what is to be stored, and return the Set-Cookie value that the client needs.

        Called when the response is started. Nothing can be changed afterwards.
        """
        if self._persisted or self._data is None:
            self._persisted = True
            return self._cookie
        self._persisted = True
        store, now = self._layer.store, time.time()
        for id in self._dropped:
            store.delete(id)
        if self._dirty or self._layer.options["auto"]:
            store.update(self.id, self._updated, now)
            if self._is_new:
                self._cookie = self._layer.cookie.value(self.id)
        elif not self._is_new and self._layer.notes_access(self._last_accessed or 0, now):
            store.note_access(self.id, now)
        return self._cookie

    def _loaded(self) -> Data:
        if self._data is None:
            self._load()
        return self._data  # type: ignore[return-value]  # _load has set it

    def _own(self) -> Data:
        """Return the data as this request's own, which nobody else sees."""
        data = self._loaded()
        if self._read_at is not None:
            self._data = data = {**data, "_accessed_time": self._read_at}
            self._read_at = None
        return data

    def _having(self, key: object) -> Data:
        """Return data to look up `key` in.

        The store's serves a request that only reads, but for the time of access. To do without a
        copy saves 0.3 µs, and 184 bytes while the request waits.
        """
        return self._own() if key == "_accessed_time" else self._loaded()

    def _changeable(self) -> Data:
        if self._persisted:
            raise RuntimeError(
                "The session was saved, and its cookie sent, when the response was started; this "
                "change would be lost. Change the session before the action's first data (empty "
                "chunks and operations don't start the response)."
            )
        return self._own()

    def _load(self) -> None:
        layer, now = self._layer, time.time()
        id = layer.cookie.find(self._cookie_header)
        found = layer.store.load(id) if id is not None else None
        if id is None or found is None:
            # An id whose data is gone is not used again: somebody else may know it.
            self._begin()
            return
        raw, accessed = found
        try:
            data = layer.store.decode(raw)
        except Exception:
            if not layer.options["invalidate_corrupt"]:
                raise
            log.exception("Session %s can't be read, and begins anew", id)
            self._begin(drop=id)
            return
        if accessed is None:
            accessed = data.get("_accessed_time", now)
        if layer.timeout is not None and now - accessed > layer.timeout:
            self._begin(drop=id)
            return
        self._id, self._raw, self._last_accessed = id, raw, accessed
        self._data, self._read_at = data, now

    def _begin(self, drop: str | None = None) -> None:
        """Be a new session under a new id, and have the data under the id `drop` deleted."""
        if drop is not None:
            self._dropped = (*self._dropped, drop)
        now = time.time()
        self._raw = None
        self._is_new = True
        self._last_accessed = None
        self._data = {"_creation_time": now, "_accessed_time": now}
        self._id = uuid.uuid4().hex

    def _updated(self, raw: Raw | None) -> Data | None:
        """Return this request's changes upon what is stored by now; None to leave that alone."""
        data = self._own()
        if raw == self._raw:
            return data
        if raw is None:  # deleted meanwhile
            return None
        decode = self._layer.store.decode
        before = {} if self._raw is None else decode(self._raw)
        now = dict(decode(raw))
        for key in before.keys() - data.keys():
            now.pop(key, None)
        now.update((k, v) for k, v in data.items() if k not in before or before[k] != v)
        return now


def _unprefixed(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the session's options of a whole configuration, without their prefix."""
    found = {}
    for prefix in ("session.", "beaker.session."):
        for name, value in config.items():
            if name.startswith(prefix):
                found[name[len(prefix) :]] = value
    return found

"""Sessions: Beaker's, with a guard against changes that can't be kept.

Beaker saves a session, and sets its cookie, inside ``start_response``. What an action changes
after its first data would be lost silently; here it is a ``RuntimeError`` at the change. The
session object holds the cookie instead of environ, so it makes no reference cycle.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from beaker.middleware import SessionMiddleware as BeakerSessionMiddleware
from beaker.session import SessionObject

from pylons.http import Environ, StartResponse


class Session(SessionObject):
    """Beaker's lazy session, closed to changes once the response has been started."""

    def _changeable(self) -> None:
        if self.__dict__.get("_saved"):
            raise RuntimeError(
                "The session was saved, and its cookie sent, when the response was started; this "
                "change would be lost. Change the session before the action's first data (empty "
                "chunks and operations don't start the response)."
            )

    def __setitem__(self, key: str, value: Any) -> None:
        self._changeable()
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self._changeable()
        super().__delitem__(key)

    def save(self) -> None:
        """Have the session saved when the response is started."""
        self._changeable()
        super().save()

    def delete(self) -> None:
        """Delete the session and its cookie when the response is started."""
        self._changeable()
        super().delete()

    def invalidate(self) -> None:
        """Empty the session and give it a new id."""
        self._changeable()
        self._session().invalidate()


class SessionMiddleware(BeakerSessionMiddleware):
    """Give each request a lazy session in ``environ['beaker.session']``."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (WSGI)."""
        session = Session({"HTTP_COOKIE": environ.get("HTTP_COOKIE")}, **self.options)
        environ[self.environ_key] = session

        def saving_start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            if session.accessed():
                session.persist()
                outcome = session.__dict__["_headers"]
                if outcome["set_cookie"] and outcome["cookie_out"]:
                    headers.append(("Set-Cookie", outcome["cookie_out"].strip()))
            session.__dict__["_saved"] = True
            if exc_info is not None:
                return start_response(status, headers, exc_info)
            return start_response(status, headers)

        return self.wrap_app(environ, saving_start_response)

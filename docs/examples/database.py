"""SQLAlchemy in an application that waits: one session for each request, whatever greenlet it has.

Run it with ``python database.py``, then
``curl -d 'water the plants' http://127.0.0.1:8000/``. It needs SQLAlchemy.
"""

from contextvars import ContextVar

from sqlalchemy import create_engine, text
from sqlalchemy.orm import scoped_session, sessionmaker

from cogen.core import events
from cogen.web.wsgi import Runner

engine = create_engine("sqlite:///notes.db")
scope = ContextVar("scope")
Session = scoped_session(sessionmaker(engine), scopefunc=scope.get)


class SessionRemover:
    """A layer that gives each request a session, and takes it away at the request's end."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        scope.set(object())
        chunks = self.app(environ, start_response)
        try:
            yield from chunks
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
            Session.remove()


def application(environ, start_response):
    """Store the note that was posted, wait, and tell how many there are."""
    note = environ["wsgi.input"].read().decode()
    Session.execute(text("INSERT INTO note VALUES (:note)"), {"note": note})
    Session.commit()  # gives the connection back to the pool before the wait
    yield environ["cogen.yield"](events.Sleep(1))
    count = Session.scalar(text("SELECT count(*) FROM note"))
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield f"{count} notes\n".encode()


def make_tables():
    """Make what is not there yet."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS note (note TEXT)"))


if __name__ == "__main__":
    make_tables()
    Runner("127.0.0.1", 8000, SessionRemover(application), {}).run()

"""One connection of a client: readiness callbacks, bounded buffers, one exchange at a time.

A connection is a small object that the hub calls when its socket can be read or written; it has no
greenlet, and while nothing is being parsed no parser. What it reads goes through the parser's seam;
a request becomes an :class:`~cogen.web.exchange.Exchange`, and further requests that a client sends
ahead (pipelining) wait their turn here.

End of input has one meaning: the client wants nothing more. What is already running is answered,
a request that waits for an operation is cancelled, one that was sent ahead and has not begun is
dropped. A client that shuts down its sending side and goes on listening can't be told from one that
has gone, and a long poll whose listener has gone must not take a message with it. While reading
pauses, behind more of a body or of requests sent ahead than is buffered, it is looked for once a
second, if a request waits.
"""

from __future__ import annotations

import socket
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from .exchange import ConnectionGone, Exchange
from .head import HTTPError, RequestHead
from .outlet import Outlet
from .parser import END, Event, RequestParser
from .response import simple_response

if TYPE_CHECKING:
    from .server import WSGIServer

__all__ = ["Connection"]

_RECV_SIZE: Final = 65536
#: Events of requests sent ahead that are kept; beyond it nothing is read, so TCP holds them back.
_BACKLOG: Final = 32
#: What is read and thrown away, in octets, so that an early answer reaches a client that is still
#: sending: a close with unread data is a reset, which destroys the answer (RFC 9112, 9.6).
_LINGER: Final = 262144
_LINGER_SECONDS: Final = 2.0
_READ: Final = 1
NEVER: Final = float("inf")


class Connection(Outlet):
    """Serve the requests of one client, in order.

    :ivar remote_addr: the client's address as environ shows it, "" on a UNIX socket.
    :ivar exchange: the request being answered, None between requests.
    :ivar deadline: when what is being waited for becomes too late, on the server's clock.
    """

    __slots__ = (
        "remote_addr",
        "remote_port",
        "exchange",
        "deadline",
        "_late",
        "_body_deadline",
        "_reader",
        "_parser",
        "_receiving",
        "_keep_alive",
        "_backlog",
        "_discarded",
    )

    def __init__(self, server: WSGIServer, sock: Any, address: Any, tls: Any = None) -> None:
        super().__init__(server, sock, tls)
        if isinstance(address, tuple):
            self.remote_addr, self.remote_port = address[0], str(address[1])
        else:
            self.remote_addr = self.remote_port = ""
        self.exchange: Exchange | None = None
        self._parser: RequestParser | None = None
        self._receiving: Exchange | None = None
        self._keep_alive = True
        self._backlog: deque[Event] | None = None
        self._discarded = -1
        self._body_deadline = NEVER
        self._reader = server.loop.io(sock.fileno(), _READ)
        self._reader.start(self._on_readable)
        self._wait_for("head", server.settings.header_timeout)

    def __repr__(self) -> str:
        doing = repr(self.exchange) if self.exchange is not None else "idle"
        return f"<Connection {self.remote_addr}:{self.remote_port} {doing}>"

    def fileno(self) -> int:
        """Return the descriptor, -1 once closed."""
        return self._socket.fileno()

    # Time.

    def _wait_for(self, what: str, seconds: float) -> None:
        """Note what must have come `seconds` from now; 0 is no limit."""
        self._late = what
        self.deadline = self.server.now() + seconds if seconds else NEVER

    def _wait_in_request(self) -> None:
        """Note which limit comes first: the body's, the request's, or the client's for reading."""
        now = self.server.now()
        settings = self.server.settings
        late, deadline = "body", self._body_deadline
        if self.is_sending:
            limit = settings.write_timeout
            if limit and now + limit < deadline:
                late, deadline = "write", now + limit
        if self.exchange is not None:
            limit = settings.request_timeout
            if limit and self.exchange.started + limit < deadline:
                late, deadline = "request", self.exchange.started + limit
        self._late = late
        self.deadline = deadline

    def _wait_for_body(self) -> None:
        """Let the body that is being received come within its time, counted from now."""
        limit = self.server.settings.body_timeout
        self._body_deadline = self.server.now() + limit if limit else NEVER
        self._wait_in_request()

    def overdue(self) -> None:
        """Give up on what did not come in time; the server calls this after `deadline`."""
        late = self._late
        self.deadline = NEVER
        if late == "head":
            if self._parser is None or not self._parser.in_message:
                self.close()
            else:
                self._refuse(HTTPError("408 Request Timeout", "The request's head took too long."))
        elif late == "body":
            self._body_failed(HTTPError("408 Request Timeout", "The request's body took too long."))
        elif late == "request" and self.exchange is not None and not self.is_sending:
            self.exchange.kill(HTTPError("503 Service Unavailable", "The request took too long."))
        else:
            self.abort(ConnectionGone(f"the client was too slow ({late})"))

    # Reading.

    def _on_readable(self) -> None:
        try:
            data = self._socket.recv(_RECV_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.abort(error)
            return
        if not data:
            self.on_eof()
            return
        self.server.received += len(data)
        if self._tls is not None:
            data = self._decrypt(data)
            if self._socket.fileno() < 0:
                return
        if data:
            self._take_data(data)
        if self._tls is not None and self._tls.ended:
            self.on_eof()

    def _take_data(self, data: bytes) -> None:
        if self._discarded >= 0:
            self._discard(len(data))
            return
        had_begun = self._parser is not None
        events, self._parser = self.server.parsers.feed(self._parser, data)
        if self._parser is not None and not had_begun and self.exchange is None:
            self._wait_for("head", self.server.settings.header_timeout)
        for event in events:
            if self._backlog is None and (self.exchange is None or self._receiving is not None):
                self._take(event)
            elif self._backlog is None:
                self._backlog = deque((event,))
            else:
                self._backlog.append(event)
        if self._backlog is not None and len(self._backlog) > _BACKLOG:
            self.pause_reading()
        if self.server.stopping:
            self._announce_close()

    def _take(self, event: Event) -> None:
        """Act on one event of the parser's; a request's head begins an exchange."""
        if type(event) is bytes:
            if self._receiving is not None:
                self._receiving.body.feed(event)
        elif event is END:
            if self._receiving is not None:
                exchange, self._receiving = self._receiving, None
                self._body_deadline = NEVER
                exchange.body.end()
                if exchange is self.exchange:
                    self._wait_in_request()
                else:
                    self._next_request()  # the rest of a body that nobody wanted has been skipped
        elif type(event) is RequestHead:
            if not self._keep_alive:
                return
            self._keep_alive = event.keep_alive
            exchange = Exchange(self, event)
            self.exchange = exchange
            self.server.requests += 1
            if event.length:
                self._receiving = exchange
                self._wait_for_body()
            else:
                self._wait_in_request()
        elif isinstance(event, HTTPError):
            if self._receiving is not None:
                self._body_failed(event)
            elif self._keep_alive:
                self._refuse(event)

    def _body_failed(self, error: HTTPError) -> None:
        """Let the request whose body can't be had answer that; there is no further request."""
        self._keep_alive = False
        self.server.count_refused(error.status)
        self._body_deadline = NEVER
        if self._receiving is not None:
            self._receiving.body.fail(error)
            self._receiving = None
        if self.exchange is None:
            self.close_gently()  # it was answered before, and the rest was being skipped
        else:
            self._wait_in_request()

    def _refuse(self, error: HTTPError) -> None:
        """Answer what is no request, and close."""
        self._keep_alive = False
        self.server.count_refused(error.status)
        self.send(simple_response(error.status, error.reason))
        self.close_gently()

    def pause_reading(self) -> None:
        """Let TCP hold the client back, for as long as the application needs."""
        self._reader.stop()
        self.server.held_back.add(self)
        self._body_deadline = NEVER
        self._wait_in_request()

    def resume_reading(self) -> None:
        """Read on after :meth:`pause_reading`; does nothing if reading goes on or is over."""
        if self._socket.fileno() >= 0 and not self._reader.active:
            self._reader.start(self._on_readable)
            self.server.held_back.discard(self)
            if self._receiving is not None:
                self._wait_for_body()

    def on_eof(self) -> None:
        """See the module's text: who runs is answered, who waits is cancelled."""
        self._keep_alive = False
        exchange = self.exchange
        self._reader.stop()
        if exchange is None or self._discarded >= 0:
            if not self._out:
                self.close()
            return
        gone = ConnectionGone("the client has gone")
        if self._receiving is not None:
            self._receiving.body.fail(gone)
            self._receiving = None
            self._body_deadline = NEVER
            self._wait_in_request()
        exchange.input_ended(gone)

    def _decrypt(self, data: bytes) -> bytes:
        try:
            data = self._tls.decrypt(data)
        except OSError as error:  # ssl.SSLError is one
            self._send_raw(self._tls.take_output())  # the alert that says so
            self.abort(error)
            return b""
        answer = self._tls.take_output()
        if answer:
            self._send_raw(answer)
        return data

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > _LINGER:
            self.close()

    # What the outlet tells.

    def on_progress(self) -> None:
        """Count the client's time for reading anew."""
        self._wait_in_request()

    def on_flushed(self) -> None:
        """Go on: the client has read what was sent."""
        if self._discarded >= 0:
            self._shut_down_sending()
        elif self.exchange is not None:
            self._wait_in_request()
            self.exchange.flushed()
        else:
            self._next_request()

    # From request to request, and the end.

    def send_continue(self) -> None:
        """Invite the body that the client holds back, unless the response has begun."""
        if self.exchange is not None and not self.exchange.response.head_sent:
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def exchange_done(self, exchange: Exchange) -> None:
        """Go on with the next request, or close; called when `exchange` has ended."""
        self.exchange = None
        self._keep_alive = self._keep_alive and exchange.response.keep_alive
        if self._socket.fileno() < 0:
            self.server.connection_closed(self)
        elif not self._out:
            self._next_request()

    def _next_request(self) -> None:
        """Take up what the client sent ahead, or wait for its next request."""
        backlog = self._backlog
        if not self._keep_alive or (self.server.stopping and not backlog):
            self.close_gently()
            return
        if self._receiving is not None and not self._receiving.body.skip():
            self.close_gently()
            return
        while backlog and (self.exchange is None or self._receiving is not None):
            self._take(backlog.popleft())
        if backlog is not None and not backlog:
            self._backlog = None
        if self._backlog is None or len(self._backlog) <= _BACKLOG:
            self.resume_reading()
        if self._receiving is not None:
            self._wait_in_request()
        elif self.exchange is None and self._discarded < 0:
            settings = self.server.settings
            has_begun = self._parser is not None
            self._wait_for(
                "head", settings.header_timeout if has_begun else settings.keepalive_timeout
            )
        if self.server.stopping:
            self._announce_close()

    def _announce_close(self) -> None:
        """Let the response to the last request that the client has sent say that it is the last."""
        if self.exchange is not None and not self._backlog:
            self.exchange.response.keep_alive = False

    def wind_up(self) -> None:
        """Read what has arrived, end a wait with its time-out outcome; close if nothing is to do.

        For shutdown: the response to the last request says that it is the last.
        """
        if self._discarded >= 0:
            return
        if self._reader.active:
            self._on_readable()
        if self.exchange is not None:
            self._announce_close()
            self.exchange.expire()
        elif self._parser is None and not self._out:
            self.close()

    def close_gently(self) -> None:
        """Close so that what was sent arrives: stop sending, read until the client closes."""
        if self._socket.fileno() < 0 or self._discarded >= 0:
            return
        self._discarded = 0
        self._keep_alive = False
        if not self._out:
            self._shut_down_sending()

    def _shut_down_sending(self) -> None:
        self._wait_for("close", _LINGER_SECONDS)
        try:
            if self._tls is not None:
                self._socket.send(self._tls.close())
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()  # the client was faster
        else:
            self.resume_reading()

    def kill(self, reason: BaseException) -> None:
        """Close at once, and end a step that is blocked in gevent."""
        exchange = self.exchange
        self.abort(reason)
        if exchange is not None:
            exchange.kill(reason)

    def close(self) -> None:
        """Close the socket and forget everything; may be called more than once.

        The server counts the connection for as long as its request runs.
        """
        if self._socket.fileno() < 0:
            return
        self._reader.stop()
        self._reader.close()
        self.server.held_back.discard(self)
        self.close_outlet()
        self._backlog = self._parser = None
        self._keep_alive = False
        self.deadline = NEVER
        if self.exchange is None:
            self.server.connection_closed(self)

    def abort(self, reason: BaseException) -> None:
        """Close at once: the client has gone or is too slow; its request is told."""
        self.close()
        exchange = self.exchange
        if exchange is not None:
            exchange.end(reason)

"""A server in a thread of its own, and a client that sends what it is told and reads strictly.

Responses are parsed by h11, which accepts nothing that RFC 9112 does not.
"""

import collections
import contextlib
import io
import logging
import re
import socket
import struct
import threading
import time
from concurrent.futures import Future

import gevent
import h11

from cogen.core import events
from cogen.core.schedulers import Scheduler
from cogen.web.wsgi import WSGIServer

SECONDS = 10  # How long anything may take before a test fails.

PLAIN = [("Content-Type", "text/plain")]

Response = collections.namedtuple("Response", "status reason headers body chunks version interim")


def until(condition, what="what the test waits for"):
    """Wait for something that no event announces, looking every millisecond."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.001)


class Serving:
    """Serve `app` from another thread until :meth:`stop`, which asserts a clean end.

    An error in the log fails the test unless :meth:`logged` has asked for it.
    """

    def __init__(self, app, address=("127.0.0.1", 0), **options):
        self.sched = Scheduler()
        self.server = WSGIServer(address, app, self.sched, **options)
        self.server.bind()
        self.address = self.server.bind_addr
        self._crash = None
        self._thread = threading.Thread(target=self._run, name="serving")
        self._records = _Records(self._thread)
        self._thread.start()
        self.call(lambda: None)

    def _run(self):
        hub = gevent.get_hub()
        hub.exception_stream = io.StringIO()
        try:
            self.sched.add(self.server.serve)
            self.sched.run()
        except BaseException as error:  # noqa: BLE001 - raised again in stop()
            self._crash = error
        finally:
            self._hub_errors = hub.exception_stream.getvalue()
            hub.destroy(destroy_loop=True)

    def call(self, function, *args):
        """Return ``function(*args)``, called in the server's thread."""
        future = Future()

        def run():
            try:
                future.set_result(function(*args))
            except BaseException as error:  # noqa: BLE001 - raised in the test
                future.set_exception(error)

        self.sched.call_threadsafe(run)
        return future.result(SECONDS)

    def begin(self, operation):
        """Start an operation whose outcome nobody waits for."""
        self.call(self.sched.begin, operation, _Nobody())

    def put(self, a_queue, item):
        """Put `item` into a queue that requests wait for."""
        self.begin(a_queue.put(item))

    def logged(self, pattern, number=1):
        """Take the errors that match out of the log and return them, at least `number`."""
        found = []

        def enough():
            found.extend(self.forget(pattern))
            return len(found) >= number

        until(enough, f"{pattern!r} in the log, {number} times")
        return found

    def forget(self, pattern):
        """Take the errors that match and have been logged so far, if any."""
        found = []
        for record in list(self._records):
            text = logging.Formatter().format(record)
            if re.search(pattern, text):
                self._records.remove(record)
                found.append(text)
        return found

    def parked(self, number=1):
        """Wait until `number` requests wait for an operation, and return them."""

        def waiting():
            exchanges = [connection.exchange for connection in list(self.server.connections)]
            return [e for e in exchanges if e is not None and e.operation is not None]

        until(lambda: len(self.call(waiting)) == number, f"{number} parked requests")
        return self.call(waiting)

    def connections(self, number):
        """Wait until the server has `number` connections."""
        until(lambda: self.call(len, self.server.connections) == number, f"{number} connections")

    def stop(self):
        if self._thread.is_alive():
            self.sched.call_threadsafe(self.server.stop)
            self._thread.join(SECONDS)
            assert not self._thread.is_alive(), f"the server did not stop: {self.server}"
        self._records.close()
        if self._crash is not None:
            raise self._crash
        assert not self._hub_errors, self._hub_errors
        assert not self._records, logging.Formatter().format(self._records[0])


class _Nobody:
    """Who a test's own operations belong to."""

    debug = False
    running = True

    def run_op(self, op, sched):
        return events.HANDED_OVER


class _Records(list):
    """The errors that a server's thread logs."""

    def __init__(self, thread):
        super().__init__()
        self._handler = logging.Handler(logging.ERROR)
        self._handler.addFilter(lambda record: record.thread == thread.ident)
        self._handler.emit = self.append
        logging.getLogger("cogen").addHandler(self._handler)

    def close(self):
        logging.getLogger("cogen").removeHandler(self._handler)


class Client:
    """One connection to a server; usable as a context manager."""

    def __init__(self, address, wrap=None, receive_buffer=None):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(SECONDS)
        try:
            self.socket.connect(address)
            if wrap is not None:
                self.socket = wrap(self.socket)
        except OSError:
            self.socket.close()
            raise
        self._rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def send(self, data):
        """Send raw octets."""
        self.socket.sendall(data)

    def request(self, target="/", method="GET", headers=(), body=b""):
        """Send a request; one with a body gets its Content-Length."""
        lines = [f"{method} {target} HTTP/1.1", "Host: test", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def get(self, target="/", method="GET", headers=(), body=b""):
        """Send a request and return its response."""
        self.request(target, method, headers, body)
        return self.response(method)

    def response(self, method="GET"):
        """Read one response to a request of `method`."""
        arriving = self.arriving(method)
        interim = []
        for head in arriving:
            if type(head) is h11.Response:
                break
            interim.append(head.status_code)
        chunks = [bytes(event.data) for event in arriving if type(event) is h11.Data]
        headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
        assert len(headers) == len(head.headers), f"a field was repeated: {head.headers}"
        return Response(
            head.status_code,
            head.reason.decode(),
            headers,
            b"".join(chunks),
            chunks,
            head.http_version.decode(),
            interim,
        )

    def arriving(self, method="GET"):
        """Yield h11's events of one response, as they arrive."""
        parser = h11.Connection(h11.CLIENT)
        parser.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
        parser.send(h11.EndOfMessage())
        if self._rest:
            parser.receive_data(self._rest)
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                parser.receive_data(self.socket.recv(65536))
                continue
            if type(event) is h11.EndOfMessage:
                self._rest = parser.trailing_data[0]
                return
            assert type(event) is not h11.ConnectionClosed, "closed without a response"
            yield event

    def is_closed(self):
        """Wait for the server to close; return whether it did so without sending more."""
        try:
            return not self._rest and not self.socket.recv(65536)
        except ConnectionResetError:
            return True

    def has_nothing(self, seconds=0.1):
        """Return whether nothing arrives for a moment, for what must not happen."""
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return not self._rest
        else:
            return False
        finally:
            self.socket.settimeout(SECONDS)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Close so that the server gets a RST, as from a host that has crashed."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()


def leave_by_fin(client):
    client.close()


def leave_by_rst(client):
    client.reset()


def leave_by_half_close(client):
    client.half_close()


LEAVING = [leave_by_fin, leave_by_rst, leave_by_half_close]


def chunked(*pieces):
    """Return a body of `pieces` in the chunked coding."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))


def hello(environ, start_response):
    """The smallest application."""
    start_response("200 OK", PLAIN)
    return [b"hello"]


class Closing:
    """An application's result that counts its close() calls."""

    def __init__(self, chunks):
        self._chunks = iter(chunks)
        self.closed = 0

    def __iter__(self):
        return self._chunks

    def close(self):
        self.closed += 1
        with contextlib.suppress(AttributeError):
            self._chunks.close()

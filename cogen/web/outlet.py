"""The sending half of a connection: octets to a socket that may not have room for them.

What the client does not read at once is kept here, and whoever sends is told, so that it can wait
instead of adding to it: one chunk is all that a slow client costs. It knows nothing of requests;
:class:`cogen.web.connection.Connection` is built on it.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, Final

from gevent.event import Event as GreenletEvent

if TYPE_CHECKING:
    from .server import WSGIServer

__all__ = ["Outlet"]

_WRITE: Final = 2


class Outlet:
    """Send to one socket, by TLS if there is a session.

    Who builds on it says what happens when the client has read all (`on_flushed`), has read some
    (`on_progress`), or has gone (`abort`).
    """

    __slots__ = ("server", "_socket", "_tls", "_out", "_file", "_writer", "_flushed")

    def __init__(self, server: WSGIServer, sock: Any, tls: Any) -> None:
        self.server = server
        self._socket = sock
        self._tls = tls
        self._out: bytearray | None = None
        self._file: Any = None
        self._writer: Any = None
        self._flushed: GreenletEvent | None = None

    def on_flushed(self) -> None:
        raise NotImplementedError

    def on_progress(self) -> None:
        raise NotImplementedError

    def abort(self, reason: BaseException) -> None:
        raise NotImplementedError

    def send(self, data: bytes) -> bool:
        """Send `data`; return False if some of it has to wait until the client reads.

        Never raises for a client that has gone: its exchange is told through ``end``.
        """
        return self._send_raw(data if self._tls is None else self._tls.encrypt(data))

    def _send_raw(self, data: bytes) -> bool:
        if self._out:
            self._out += data
            return False
        try:
            sent = self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self.abort(error)
            return True
        self.server.sent += sent
        if sent == len(data):
            return True
        self._out = bytearray(data)
        del self._out[:sent]
        self._watch_for_room()
        return False

    @property
    def is_sending(self) -> bool:
        """Whether something waits for the client to read."""
        return bool(self._out) or self._file is not None

    def _watch_for_room(self) -> None:
        self.on_progress()
        if self._writer is None:
            self._writer = self.server.loop.io(self._socket.fileno(), _WRITE)
        if not self._writer.active:
            self._writer.start(self._on_writable)

    def _on_writable(self) -> None:
        try:
            if self._out:
                sent = self._socket.send(self._out)
                self.server.sent += sent
                del self._out[:sent]
            elif self._file is not None:
                self._send_file_part()
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.abort(error)
            return
        if self.is_sending:
            self.on_progress()
        else:
            self._writer.stop()
            self._out = None
            if self._flushed is not None:
                self._flushed.set()
            self.on_flushed()

    def wait_until_flushed(self) -> None:
        """Block this greenlet until the client has read what was sent, or has gone."""
        self._flushed = GreenletEvent()
        self._flushed.wait()
        self._flushed = None

    @property
    def can_send_files(self) -> bool:
        """Whether :meth:`send_file` works here: TLS has to see the bytes."""
        return self._tls is None

    def send_file(self, head: bytes, descriptor: int, offset: int, size: int) -> bool:
        """Send `head`, then `size` octets of an open file by sendfile(2); return as `send` does."""
        all_sent = self._send_raw(head)
        if not size or self._socket.fileno() < 0:
            return all_sent
        self._file = (descriptor, offset, size)
        if all_sent:
            self._watch_for_room()
        return False

    def _send_file_part(self) -> None:
        descriptor, offset, size = self._file
        sent = os.sendfile(self._socket.fileno(), descriptor, offset, size)
        if not sent:
            raise OSError(errno.EIO, "the file has become shorter while it was sent")
        self.server.sent += sent
        self._file = (descriptor, offset + sent, size - sent) if sent < size else None

    def close_outlet(self) -> None:
        """Close the socket; what has not been sent is lost."""
        if self._writer is not None:
            self._writer.stop()
            self._writer.close()
        self._socket.close()
        self._out = self._file = None
        if self._flushed is not None:
            self._flushed.set()

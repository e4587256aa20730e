"""TLS as a codec: cipher text in, plain text out, and the other way. It does no I/O.

The connection owns the socket; this owns the session (:class:`ssl.SSLObject` on memory buffers), so
that TLS works with readiness callbacks like everything else.
"""

from __future__ import annotations

import ssl

__all__ = ["TLS", "server_context"]


def server_context(certfile: str, keyfile: str | None = None) -> ssl.SSLContext:
    """Return a context for serving with the certificate chain in `certfile`.

    :param keyfile: the private key's file, if it is not in `certfile`.
    :raises ValueError: if the files can't be read or don't belong together.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    # A client could make the server work for it again and again, and a write would have to wait.
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(certfile, keyfile or None)
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(f"server options certfile and keyfile: {error}") from error
    return context


class TLS:
    """The session of one connection.

    :ivar ended: whether the client has said that it sends nothing more (close_notify).
    :raises ssl.SSLError: from every method, when the client breaks the protocol.
    """

    __slots__ = ("ended", "_incoming", "_outgoing", "_session", "_ready")

    def __init__(self, context: ssl.SSLContext) -> None:
        self.ended = False
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._session = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._ready = False

    def decrypt(self, data: bytes) -> bytes:
        """Return the plain text that `data` completes, b"" during the handshake."""
        self._incoming.write(data)
        pieces = []
        try:
            if not self._ready:
                self._session.do_handshake()
                self._ready = True
            while piece := self._session.read(65536):
                pieces.append(piece)
            self.ended = True
        except ssl.SSLWantReadError:
            pass  # all that has come is decrypted
        return b"".join(pieces)

    def take_output(self) -> bytes:
        """Return what the protocol itself has to say to the client (handshake, key update)."""
        return self._outgoing.read()

    def encrypt(self, data: bytes) -> bytes:
        """Return `data` as cipher text."""
        self._session.write(data)
        return self._outgoing.read()

    def close(self) -> bytes:
        """Return the close_notify alert (RFC 8446, section 6.1)."""
        try:
            self._session.unwrap()
        except ssl.SSLError:
            pass  # wants the client's own alert, for which nobody waits
        return self._outgoing.read()

"""As much of HTTP as a client needs that only wants to know where a response ends.

Everything is built for the crowd's inner loop: bytes in, a truth value out, no objects.
"""

import re
import socket
from collections.abc import Iterator, Sequence

SIZE = 65536
SILENCE_SECONDS = 20.0  # longer than a poll waits
PORTS_PER_ADDRESS = 4000  # of some 28,000: a crowd of any size fits
BIND_ADDRESS_NO_PORT = 24  # Linux; the socket module names it only from Python 3.12 on
RESET_ON_CLOSE = b"\1\0\0\0\0\0\0\0"  # struct linger: no TIME_WAIT, the port is free at once

# The two spellings in use; a pattern that ignores case would take 2 µs instead of 0.5.
LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: *(\d+)")
CHUNKED = re.compile(rb"\r\n[Tt]ransfer-[Ee]ncoding: *chunked")
SET_COOKIE = re.compile(rb"\r\n[Ss]et-[Cc]ookie: ([^;\r]+)")


class BadResponse(Exception):
    """The server answered something that a benchmark may not count."""


def is_whole(data: bytes) -> bool:
    """Tell whether `data`, which begins with a response, holds all of it.

    Knows Content-Length and chunks. A body that itself contains the end of a chunked one would
    deceive it; the benchmarks' messages don't.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    if length := LENGTH.search(data, 0, end + 2):
        missing = end + 4 + int(length[1]) - len(data)
        if missing < 0:
            raise BadResponse(f"more than one answer to a request: {data[:300]!r}")
        return not missing
    if CHUNKED.search(data, 0, end + 2):
        return data.endswith(b"\r\n0\r\n\r\n")
    raise BadResponse(f"a response without Content-Length or chunks: {data[:300]!r}")


def cookies(response: bytes) -> bytes:
    """Return what a Cookie header has to say after this response."""
    return b"; ".join(SET_COOKIE.findall(response))


def request(method: str, path: str, cookie: bytes = b"", body: bytes = b"") -> bytes:
    """Return a request as bytes; one with a body is plain text with its length."""
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: 127.0.0.1"]
    if cookie:
        lines.append(b"Cookie: " + cookie)
    if body:
        lines += [b"Content-Type: text/plain", b"Content-Length: %d" % len(body)]
    return b"\r\n".join([*lines, b"", body])


def connections(port: int, count: int) -> Iterator[socket.socket]:
    """Open `count` blocking connections to a port of 127.0.0.1, from several addresses."""
    for number in range(count):
        connection = socket.socket()
        connection.setsockopt(socket.IPPROTO_IP, BIND_ADDRESS_NO_PORT, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(SILENCE_SECONDS)
        try:
            connection.bind((f"127.0.1.{1 + number // PORTS_PER_ADDRESS}", 0))
            connection.connect(("127.0.0.1", port))
        except OSError:
            connection.close()
            raise
        yield connection


def ask(connections: Sequence[socket.socket], requests: Sequence[bytes]) -> list[bytes]:
    """Send each connection its request, then wait for the responses; they must be 200."""
    for connection, text in zip(connections, requests, strict=True):
        connection.sendall(text)
    return [_response(connection) for connection in connections]


def _response(connection: socket.socket) -> bytes:
    data = b""
    while not is_whole(data):
        more = connection.recv(SIZE)
        if not more:
            raise BadResponse(f"closed in the middle of a response: {data[:300]!r}")
        data += more
    if not data.startswith(b"HTTP/1.1 200"):
        raise BadResponse(f"not a 200: {data[:300]!r}")
    return data

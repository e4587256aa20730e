"""Requests as octets, and what :class:`cogen.web.parser.RequestParser` tells of them, as text."""

import pytest

from cogen.web.head import HTTPError, RequestHead
from cogen.web.parser import END, RequestParser
from cogen.web.settings import Settings

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"

BAD = "400 Bad Request"

SMALL = {"max_header_bytes": 200, "max_headers": 5, "max_target_bytes": 50, "max_body_bytes": 100}


def with_field(line):
    return b"POST / HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n\r\nabc"


def with_target(target, host=b"a"):
    return b"GET " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"


class Request:
    """A request as the tables show it: one line for the head, and the body."""

    def __init__(self, head):
        self.head = head
        self.body = b""
        self.ended = not head.length

    def __repr__(self):
        head = self.head
        fields = {key: value for key, value in head.environ.items() if key != "HTTP_HOST"}
        text = f"{head.method} {head.path}"
        text += f"?{head.query}" if head.query else ""
        text += f" HTTP/{head.version}" if head.version != "1.1" else ""
        text += f" {fields}" if fields else ""
        text += "" if head.keep_alive else " close"
        text += f" {self.body!r}" if self.body else ""
        return text if self.ended else f"{text} ..."


def collect(events):
    """Return the requests of a sequence of events and the status it ends with, if any."""
    requests = []
    events = iter(events)
    for event in events:
        if isinstance(event, HTTPError):
            assert not list(events), "events after an error"
            return requests, event.status
        if isinstance(event, RequestHead):
            assert not requests or requests[-1].ended
            requests.append(Request(event))
        else:
            request = requests[-1]
            assert not request.ended
            if event is END:
                request.ended = True
                if request.head.length >= 0:
                    assert len(request.body) == request.head.length
            else:
                assert event
                request.body += event
    return requests, None


def parse(pieces, **options):
    parser = RequestParser(Settings(**options))
    return collect([event for piece in pieces for event in parser.feed(piece)])


def told(pieces, **options):
    """Return what a connection would be told, as text."""
    requests, status = parse(pieces, **options)
    return [repr(request) for request in requests] + ([status] if status else [])


def octets(data):
    return [data[i : i + 1] for i in range(len(data))]


def cut(data, places):
    borders = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in zip(borders, borders[1:], strict=False) if a < b]


#: A test of a request is made of the request whole, and of its octets one by one.
in_pieces = pytest.mark.parametrize(
    "pieces", [lambda data: [data], octets], ids=["whole", "by the octet"]
)

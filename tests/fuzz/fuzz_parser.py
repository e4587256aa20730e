"""Coverage-guided fuzzing of the parser's seam, by atheris.

    python tests/fuzz/fuzz_parser.py -max_total_time=60 [corpus directory]

Fails on any exception, and where the outcome depends on how the input was cut. The first octet
says where to cut; the rest is what a client sends. What may depend on the cuts: which of two faults
is the reason for refusing a request, and how much of its body had come before.
"""

import pathlib
import sys

import atheris

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

with atheris.instrument_imports(include=["cogen.web"]):
    from cogen.web.head import HTTPError, RequestHead
    from cogen.web.parser import END, RequestParser
    from cogen.web.settings import Settings

LIMITS = Settings(max_header_bytes=200, max_headers=5, max_target_bytes=50, max_body_bytes=100)


def outcome(pieces):
    """Return what a connection is told, with the pieces of each body joined."""
    parser = RequestParser(LIMITS)
    told = []
    for event in (event for piece in pieces for event in parser.feed(piece)):
        assert not told or not isinstance(told[-1], HTTPError), "events after an error"
        if isinstance(event, bytes) and told and isinstance(told[-1], bytes):
            told[-1] += event
        else:
            told.append(event)
    if len(told) > 1 and isinstance(told[-1], HTTPError) and isinstance(told[-2], bytes):
        del told[-2]
    return [told_as_values(event) for event in told]


def told_as_values(event):
    if isinstance(event, RequestHead):
        return event.method, event.target, sorted(event.environ.items()), event.length
    if isinstance(event, HTTPError):
        return "refused"
    return "END" if event is END else event


def check(data):
    place, data = (data[0], data[1:]) if data else (0, b"")
    whole = outcome([data])
    assert outcome([data[:place], data[place:]]) == whole
    assert outcome([data[i : i + 1] for i in range(len(data))]) == whole


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()

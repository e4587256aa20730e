"""A request's body, read by the operations of cogen.input."""

import gevent
import pytest

from tests.cogen.web.rig import PLAIN, chunked


def reader(environ, start_response):
    """Answer with what operations on the input give, with waits between them."""
    start_response("200 OK", PLAIN)
    gate = environ["cogen.wsgi"]
    for call in environ["PATH_INFO"][1:].split("-"):
        method, _, size = call.partition(" ")
        yield getattr(environ["cogen.input"], method)(*[int(size)] if size else [])
        if gate.exception:
            yield repr(gate.result).encode()
            return
        yield repr((gate.result, gate.read_count)).encode()
        yield environ["cogen.core"].events.Sleep(0.001)


def body_of(data, framing):
    if framing == "sized":
        return [f"Content-Length: {len(data)}"], data
    pieces = [data[i : i + 3] for i in range(0, len(data), 3)]
    return ["Transfer-Encoding: chunked"], chunked(*pieces)


@pytest.mark.parametrize("framing", ["sized", "chunked"])
@pytest.mark.parametrize("trickle", [False, True])
def test_input_by_operations(serve, connect, framing, trickle):
    client = connect(serve(reader))
    headers, body = body_of(b"abcd\nefgh\nijkl", framing)
    target = "/read%202-readline-readline%202-read%200-readline%2099-read%2099-read-readline"
    for _ in range(2):
        client.request(target, "POST", headers)
        for piece in [body[i : i + 1] for i in range(len(body))] if trickle else [body]:
            client.send(piece)
        assert client.response().chunks == [
            b"(b'ab', 2)",
            b"(b'cd\\n', 5)",
            b"(b'ef', 7)",
            b"(b'', 7)",
            b"(b'gh\\n', 10)",
            b"(b'ijkl', 14)",
            b"(b'', 14)",
            b"(b'', 14)",
        ]


def test_input_of_a_request_without_a_body_is_empty(serve, connect):
    assert connect(serve(reader)).get("/read-readline-read%205").chunks == [b"(b'', 0)"] * 3


@pytest.mark.parametrize("framing", ["sized", "chunked"])
@pytest.mark.parametrize("size", [100_000, -1])
def test_large_input_by_operations(serve, connect, framing, size):
    received = []

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        gate = environ["cogen.wsgi"]
        while True:
            yield environ["cogen.input"].read(size)
            received.append(len(gate.result))
            if not gate.result:
                break
            yield environ["cogen.core"].events.Sleep(0)
        yield str(gate.read_count).encode()

    client = connect(serve(application))
    headers, body = body_of(b"x" * 1_000_000, framing)
    client.request("/", "POST", headers)
    client.send(body)
    assert client.response().body == b"1000000"
    assert received == ([100_000] * 10 if size > 0 else [1_000_000]) + [0]


def test_reading_of_the_input_can_time_out(serve, connect):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        yield environ["cogen.input"].read(10, timeout=0.01)
        yield type(environ["cogen.wsgi"].result).__name__.encode()
        yield environ["cogen.input"].read(3)
        yield environ["cogen.wsgi"].result

    client = connect(serve(application))
    client.request(method="POST", headers=["Content-Length: 10"])
    answer = client.arriving()
    assert next(answer).status_code == 200
    assert next(answer).data == b"OperationTimeout"
    client.send(b"0123456789")
    assert next(answer).data == b"012"


def test_broken_or_too_large_input_is_the_result_of_its_operation(serve, connect):
    server = serve(reader, max_body_bytes=5)
    client = connect(server)
    client.request("/read%205-read", "POST", ["Transfer-Encoding: chunked"])
    client.send(b"5\r\nabcde\r\n1\r\nf\r\n")
    first, second = client.response().chunks
    assert first == b"(b'abcde', 5)"
    assert b"413 Content Too Large" in second
    assert client.is_closed()
    client = connect(server)
    client.request("/read", "POST", ["Transfer-Encoding: chunked"])
    client.send(b"broken\r\n")
    assert b"400 Bad Request" in client.response().body


def test_two_readers_at_a_time_are_refused(serve, connect):
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        gevent.spawn(environ["wsgi.input"].read, 5)
        gevent.sleep(0)
        yield environ["cogen.input"].read(5)
        yield repr(environ["cogen.wsgi"].result).encode()

    client = connect(serve(application))
    client.request(method="POST", headers=["Content-Length: 10"])
    answer = client.arriving()
    next(answer)
    assert b"two readers" in next(answer).data
    client.send(b"0123456789")

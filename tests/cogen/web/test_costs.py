"""What requests cost: nothing but memory while they wait, no work for the collector after."""

import gc

from cogen.core import events, queue
from cogen.core.coroutines import coro
from tests.cogen.web.apps import waiting
from tests.cogen.web.rig import PLAIN, Client, hello

# What a parked request costs.


def test_parked_requests_hold_no_greenlet_and_no_parser(serve):
    messages = queue.Queue()
    server = serve(waiting(messages))
    clients = [Client(server.address) for _ in range(200)]
    for client in clients:
        client.request()
    server.parked(200)
    assert server.call(lambda: len(server.server.workers)) < 5
    assert server.call(lambda: len(server.server.parsers)) < 5
    for number in range(200):
        server.put(messages, number)
    assert sorted(int(client.response().body) for client in clients) == list(range(200))
    for client in clients:
        client.close()


# What requests leave behind.


def failing(environ, start_response):
    raise RuntimeError("on purpose")


def operation_that_fails(environ, start_response):
    @coro
    def work():
        yield events.Sleep(0)
        raise LookupError(environ["PATH_INFO"])

    start_response("200 OK", PLAIN)
    yield environ["cogen.call"](work)()
    yield str(environ["cogen.wsgi"].result).encode()


def by_path(**apps):
    return lambda environ, start_response: apps[environ["PATH_INFO"][1:]](environ, start_response)


def read_until(client, end):
    """Read without h11, which would leave garbage of its own."""
    data = b""
    while end not in data:
        piece = client.socket.recv(65536)
        assert piece, f"closed after {data}"
        data += piece


def visit(server, client, messages):
    """Make a request of each kind that a connection survives."""
    client.request("/hello")
    read_until(client, b"hello")
    client.request("/hello", "POST", body=b"abc")
    read_until(client, b"hello")
    server.put(messages, "item")
    for path in ("/wait", "/time_out", "/operation_fails"):
        client.request(path)
        read_until(client, b"0\r\n\r\n")


def visit_and_leave(server):
    """Make a request of each kind after which its connection is closed, by whom it may be."""
    others = len(server.server.connections)
    with Client(server.address) as client:
        client.request("/wait")
        server.parked()
    server.connections(others)
    for request in (
        b"GARBAGE\r\n\r\n",
        b"GET /hello HTTP/1.0\r\n\r\n",
        b"GET /fail HTTP/1.1\r\nHost: a\r\n\r\n",
    ):
        with Client(server.address) as client:
            client.send(request)
            read_until(client, b"\r\n\r\n")
        server.connections(others)


def garbage_of(work):
    """Return how many objects are in cycles that only the collector could free after `work`."""
    gc.collect()
    gc.disable()
    try:
        work()
        return gc.collect()
    finally:
        gc.enable()


def test_requests_make_no_reference_cycles(serve, connect):
    messages = queue.Queue()
    app = by_path(
        hello=hello,
        wait=waiting(messages),
        time_out=waiting(messages, 0.0001),
        operation_fails=operation_that_fails,
        fail=failing,
    )
    server = serve(app)
    client = connect(server)

    def visits(number):
        for _ in range(number):
            visit(server, client, messages)
        for _ in range(number // 10):
            visit_and_leave(server)
        server.forget("on purpose")

    visits(20)  # what is made once, and kept, is there now
    garbage = garbage_of(lambda: visits(250))
    assert garbage < 25, f"{garbage} objects in cycles after 1,350 requests"

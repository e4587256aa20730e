"""RegistryManager gives each request one Context, unless the server has."""

from __future__ import annotations

import threading
from contextvars import ContextVar

from pylons.registry import RegistryManager
from tests.pylons.driver import Exchange, get, make_environ

current = ContextVar("current", default="nobody")


class Stream:
    """An application whose response tells who is current at each step."""

    def __init__(self):
        self.closed = []

    def __call__(self, environ, start_response):
        current.set(environ["PATH_INFO"])
        start_response("200 OK", [])
        stream = self

        class Body:
            steps = 0

            def __iter__(self):
                current.set(current.get() + "!")
                return self

            def __next__(self):
                self.steps += 1
                if self.steps > 2:
                    raise StopIteration
                return current.get().encode()

            def close(self):
                stream.closed.append(current.get())

        return Body()


def test_call_steps_and_close_run_in_the_requests_own_context():
    stream = Stream()
    app = RegistryManager(stream, streaming=True)
    one, two = Exchange(app, make_environ("/1")), Exchange(app, make_environ("/2"))
    for exchange in (one, two, one, two):
        exchange.step()
    one.close()
    two.close()
    assert (one.body, two.body) == (b"/1!/1!", b"/2!/2!")
    assert stream.closed == ["/1!", "/2!"]
    assert current.get() == "nobody"


def test_a_step_may_run_on_another_thread():
    exchange = Exchange(RegistryManager(Stream()), make_environ("/1"))
    thread = threading.Thread(target=exchange.step)
    thread.start()
    thread.join()
    assert exchange.body == b"/1!"


def test_it_passes_through_where_the_server_gives_contexts():
    exchange = Exchange(RegistryManager(Stream()), make_environ("/1", **{"cogen.wsgi": object()}))
    assert type(exchange.app_iter).__name__ == "Body"
    current.set("nobody")


def test_lists_and_files_are_not_wrapped():
    class FileWrapper:
        def __init__(self, file):
            self.file = file

        def __iter__(self):
            return iter(())

    for body in ([b"a"], (b"a",), FileWrapper(None)):

        def app(environ, start_response, body=body):
            start_response("200 OK", [])
            return body

        environ = make_environ(**{"wsgi.file_wrapper": FileWrapper})
        assert Exchange(RegistryManager(app), environ).app_iter is body


def test_a_layer_inside_it_sees_the_request_after_the_call(site):
    from pylons import request

    seen = []

    def layer(environ, start_response):
        answer = inner(environ, start_response)
        seen.append(request.path)
        return answer

    site.controller(index=lambda self: "x")
    inner = site.bare()
    get(RegistryManager(layer))
    assert seen == ["/"]


def test_an_application_without_it_is_right_too(site):
    from pylons import request

    def item(self, id):
        yield b""
        yield request.path

    site.controller(item=item)
    one, two = (Exchange(site.bare(), make_environ(f"/item/{n}")) for n in (1, 2))
    for exchange in (one, two, one, two):
        exchange.step()
    assert (one.body, two.body) == (b"/item/1", b"/item/2")
    assert get(site.bare(), "/item/3").body == b"/item/3"

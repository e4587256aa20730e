"""The status page and the metrics: read off the server when somebody asks."""

import re
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cogen.core import queue
from cogen.core.coroutines import coro
from cogen.web.settings import Settings
from cogen.web.status import StatusApplication, loopback_address
from cogen.web.wsgi import Runner
from tests.cogen.web.rig import hello


def ask(server, path):
    """Return status and body of the status application of a running server."""
    answer = []
    application = StatusApplication(server.server)
    body = server.call(
        lambda: b"".join(application({"PATH_INFO": path}, lambda *head: answer.extend(head)))
    )
    return answer[0], body.decode()


def metrics(server):
    """Return the samples of /metrics as ``{(name, sorted labels): value}``."""
    _, text = ask(server, "/metrics")
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def waiting(serve):
    """A server whose application waits for a queue, and that queue."""
    messages = queue.Queue()

    def app(environ, start_response):
        yield environ["cogen.call"](messages.get)()
        start_response("200 OK", [])
        yield environ["cogen.wsgi"].result

    return serve(app), messages


def test_a_parked_request_is_counted_by_its_operation(waiting, connect):
    server, messages = waiting
    client = connect(server)
    client.request()
    server.parked()
    assert metrics(server)["cogen_requests_parked", "QGet"] == 1
    assert metrics(server)["cogen_requests_running",] == 0
    assert re.search(r"QGet</th><td>1<", ask(server, "/")[1])

    server.put(messages, b"done")
    assert client.response().body == b"done"
    assert ("cogen_requests_parked", "QGet") not in metrics(server)


def test_counters_count_requests_octets_errors_and_refusals(serve, connect):
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/error":
            raise ValueError("no")
        return hello(environ, start_response)

    server = serve(app)
    request = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
    client = connect(server)
    client.send(request)
    client.response()
    assert metrics(server)["cogen_received_bytes_total",] == len(request)
    connect(server).get("/error")
    server.logged("ValueError: no")
    refused = connect(server)
    refused.send(b"nonsense\r\n\r\n")
    refused.response()
    found = metrics(server)
    assert found["cogen_requests_total",] == 2
    assert found["cogen_application_errors_total",] == 1
    assert found["cogen_requests_refused_total", "400"] == 1
    assert found["cogen_sent_bytes_total",] > 300


def test_coroutines_are_listed_by_what_they_wait_for(serve):
    messages = queue.Queue()

    @coro
    def watcher():
        yield messages.get()

    server = serve(hello)
    added = server.call(server.sched.add, watcher)
    server.call(lambda: None)
    assert metrics(server)["cogen_coroutines", "QGet", "watcher"] == 1
    server.call(added.cancel)


def test_elsewhere_is_nothing(serve):
    assert ask(serve(hello), "/favicon.ico")[0] == "404 Not Found"


@pytest.mark.parametrize("text", ["127.0.0.1:9100", "[::1]:9100"])
def test_a_loopback_address_is_taken(text):
    assert loopback_address(text)[1] == 9100


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0:9100", "192.0.2.1:80", "9100", "localhost", "127.0.0.1:x"]
    + ["127.0.0.1:65536", "127.0.0.1:-1"],
)
def test_any_other_is_refused_with_the_option_s_name(text):
    with pytest.raises(ValueError, match="server option status = "):
        loopback_address(text)


def test_the_runner_serves_it_beside_the_application():
    runner = Runner("127.0.0.1", 0, hello, {"status": "127.0.0.1:0"})
    assert [type(server.wsgi_app) for server in runner.servers][1:] == [StatusApplication]
    assert runner.servers[1].bind_addr == ("127.0.0.1", 0)
    assert Settings(status="127.0.0.1:0").status == "127.0.0.1:0"


def test_metrics_without_their_library_say_what_to_install(serve, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    status, text = ask(serve(hello), "/metrics")
    assert status == "501 Not Implemented"
    assert "pip install 'ChatApp[metrics]'" in text

"""The environ of a request: PEP 3333's variables, and this server's own."""

from cogen.web.wsgi import WSGIFileWrapper
from tests.cogen.web.rig import PLAIN, hello


def test_environ_is_that_of_pep_3333(serve, connect):
    seen = {}

    def application(environ, start_response):
        seen.update(environ)
        return hello(environ, start_response)

    server = serve(application)
    client = connect(server)
    client.get("/a%20b?c=d", headers=["X-Y: z", "Authorization: Basic YTpi", "User_Agent: x"])
    assert seen["REQUEST_METHOD"] == "GET"
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["QUERY_STRING"]) == ("", "/a b", "c=d")
    assert seen["REQUEST_URI"] == "/a%20b?c=d"
    assert (seen["SERVER_NAME"], seen["SERVER_PORT"]) == ("127.0.0.1", str(server.address[1]))
    assert seen["SERVER_PROTOCOL"] == seen["ACTUAL_SERVER_PROTOCOL"] == "HTTP/1.1"
    assert (seen["REMOTE_ADDR"], int(seen["REMOTE_PORT"])) == client.socket.getsockname()
    assert (seen["HTTP_HOST"], seen["HTTP_X_Y"]) == ("test", "z")
    assert (seen["wsgi.version"], seen["wsgi.url_scheme"]) == ((1, 0), "http")
    flags = ("wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once")
    assert [seen[flag] for flag in flags] == [False, False, False]
    assert seen["wsgi.file_wrapper"] is WSGIFileWrapper
    assert seen["wsgi.input_terminated"] is True
    assert "REMOTE_USER" not in seen
    assert "HTTP_USER_AGENT" not in seen
    assert all(type(value) is str for key, value in seen.items() if key.isupper())


def test_two_servers_in_one_process_do_not_share_environ(serve, connect):
    names = []

    def application(environ, start_response):
        names.append(environ["SERVER_NAME"])
        environ["leak"] = environ.get("leak", 0) + 1
        start_response("200 OK", PLAIN)
        return [str(environ["leak"]).encode()]

    one, two = (serve(application, server_name=name) for name in ("one", "two"))
    assert [connect(server).get().body for server in (one, two, one)] == [b"1"] * 3
    assert names == ["one", "two", "one"]


def test_environ_names_connection_and_scheduler(serve, connect):
    seen = {}

    def application(environ, start_response):
        seen.update(environ)
        start_response("200 OK", PLAIN)
        yield environ["cogen.core"].events.Sleep(0)
        seen["parked"] = environ["cogen.http_connection"].exchange
        yield b""

    server = serve(application)
    connect(server).get()
    assert seen["cogen.sched"] is server.sched
    assert seen["cogen.http_connection"].remote_addr == "127.0.0.1"
    assert seen["parked"] is not None

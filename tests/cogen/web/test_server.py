"""The server: several applications by the prefix of their path."""

from tests.cogen.web.rig import PLAIN


def test_applications_by_prefix(serve, connect):
    def where(environ, start_response):
        start_response("200 OK", PLAIN)
        return [f"{environ['SCRIPT_NAME']} {environ['PATH_INFO']}".encode()]

    client = connect(serve([("/a", where), ("/a/b", where), ("/c/", where)]))
    answers = {path: client.get(path).body for path in ("/a", "/a/x", "/a/b/c", "/ab", "/c/d", "/")}
    assert answers == {
        "/a": b"/a ",
        "/a/x": b"/a /x",
        "/a/b/c": b"/a/b /c",
        "/ab": b"",
        "/c/d": b"/c /d",
        "/": b"",
    }

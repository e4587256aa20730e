"""``paster request``: put one request to the application, without a server, and print the answer.

The request goes through the inline host, so that an action which waits is answered too.
"""

import argparse
import string
import sys
from typing import Any
from urllib.parse import quote

from webob import Request

from paster.ini import add_ini, add_variables
from paster.loading import inline, load_app

SUMMARY = "Make a request to the application of an ini file and print the response."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``paster request``."""
    add_ini(parser)
    parser.add_argument(
        "url", help="path and query string, or a whole URL", metavar="URL", type=_url
    )
    add_variables(parser, "for %%(NAME)s in the file; wins over [DEFAULT]")
    parser.add_argument("-X", "--method", help="default: GET, or POST with --data")
    parser.add_argument("-d", "--data", help="the body, sent as it is", metavar="TEXT")
    parser.add_argument(
        "-H",
        "--header",
        action="append",
        default=[],
        dest="headers",
        help="may be given more than once",
        metavar="NAME:VALUE",
        type=_header,
    )


def run(options: argparse.Namespace) -> int:
    """Print status, headers and body; return 0 for a status below 400, else 1."""
    request = _request(options)
    status, headers, body = request.call_application(inline(load_app(options)))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    out = sys.stdout.buffer
    try:
        out.write(f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1"))
        for chunk in body:
            out.write(chunk)
            out.flush()
    finally:
        if hasattr(body, "close"):
            body.close()
    return 0 if int(status.split()[0]) < 400 else 1


def _request(options: argparse.Namespace) -> Any:
    request = Request.blank(options.url)
    if options.data is not None:
        request.body = options.data.encode()
        request.content_type = "application/x-www-form-urlencoded"
    request.method = options.method or ("GET" if options.data is None else "POST")
    for name, value in options.headers:
        request.headers[name] = value
    return request


def _url(text: str) -> str:
    if not text.startswith(("/", "http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} begins with neither / nor http:// nor https://")
    # What a URL can't have as it is, a browser would encode too.
    url = quote(text, safe=string.punctuation)
    try:
        Request.blank(url)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no URL: {error}") from error
    return url


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name.strip() and colon):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME:VALUE")
    # As WSGI passes headers: their octets as Latin-1 text (PEP 3333).
    return name.strip(), value.strip().encode().decode("latin-1")

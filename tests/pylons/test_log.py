"""The handler that writes to the request's wsgi.errors."""

from __future__ import annotations

import io
import logging

import pytest

from pylons.log import WSGIErrorsHandler
from tests.pylons.driver import get


@pytest.fixture
def logger():
    logger = logging.Logger("app")
    logger.addHandler(WSGIErrorsHandler())
    return logger


def test_records_go_to_the_requests_stream(site, logger, capsys):
    site.controller(index=lambda self: logger.warning("in %s", "request"))
    stream = io.StringIO()
    get(site.app(), **{"wsgi.errors": stream})
    assert stream.getvalue() == "in request\n"
    logger.warning("outside")
    assert capsys.readouterr().err == "outside\n"


def test_a_broken_stream_does_not_break_the_request(site, logger, capsys):
    site.controller(index=lambda self: logger.warning("x"))
    stream = io.StringIO()
    stream.close()
    assert get(site.app(), **{"wsgi.errors": stream}).status == "200 OK"
    assert "Logging error" in capsys.readouterr().err

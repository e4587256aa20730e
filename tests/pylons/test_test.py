"""Help for an application's tests."""

from __future__ import annotations

import pytest

from pylons import request, tmpl_context, url
from pylons.context import OutsideRequest
from pylons.routing import CurrentURLGenerator
from pylons.test import request_context
from pylons.wsgiapp import PylonsApp


def test_proxies_stand_for_a_request_inside_the_block(site):
    app = PylonsApp(site.config)
    environ = {"routes.url": CurrentURLGenerator(site.mapper)}
    with request_context(app, "/where?a=1", **environ) as context:
        assert request.path == "/where"
        assert request.params["a"] == "1"
        assert url("item", id=3) == "/item/3"
        with request_context(app, "/inner"):
            assert request.path == "/inner"
        tmpl_context.name = "ada"
        assert context.tmpl_context.name == "ada"
        assert request.path == "/where"
    with pytest.raises(OutsideRequest):
        request.path

"""Help for an application's tests.

Whole requests are tested with WebTest, around the application that ``make_app`` returns (inside
``cogen.web.async_.InlineHost``, if actions wait). Code that uses the proxies without a request
is tested inside :func:`request_context`. The nose plugin of Pylons is gone with nose.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from webob.request import BaseRequest

from pylons.context import RequestContext, current
from pylons.wsgiapp import PylonsApp

#: The application under test, where the test classes of Pylons' project template look for it.
pylonsapp: Any = None


@contextmanager
def request_context(app: PylonsApp, path: str = "/", **environ: Any) -> Iterator[RequestContext]:
    """Let the proxies stand for a request for `path` inside the ``with`` block.

    :param environ: more keys, by keyword or ``**{"beaker.session": {}}``.
    """
    made = BaseRequest.blank(path).environ
    made.update(environ)
    token = current.set(current.get(None))
    app.setup_app_env(made, _no_start_response)
    try:
        yield made["pylons.pylons"]
    finally:
        made["pylons.pylons"].end()
        current.reset(token)


def _no_start_response(*args: Any) -> Any:
    raise AssertionError("request_context() has no response to start")

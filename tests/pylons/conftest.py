"""The application package that a test fills with controllers."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator

import pytest

from pylons.configuration import make_process_config, pylons_config
from pylons.context import current
from tests.pylons.driver import Site


@pytest.fixture
def site() -> Iterator[Site]:
    """Return an application without controllers; `site.controller(index=f)` gives it actions."""
    package = "pylonstest"
    for name in (package, f"{package}.controllers"):
        module = types.ModuleType(name)
        module.__path__ = []
        sys.modules[name] = module
    token = current.set(None)
    yield Site(package)
    current.reset(token)
    for name in [n for n in sys.modules if n == package or n.startswith(f"{package}.")]:
        del sys.modules[name]
    make_process_config(pylons_config)

"""Which package may import which: read from the source of the tree, nothing is imported.

The packages meet in WSGI, the ``cogen.*`` keys of environ and the ini file; an import that goes
round that is where a framework starts to depend on its server.
"""

import ast
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent

# What each package may import besides the standard library and itself.
ALLOWED = {
    "chatapp": {
        *{"pylons", "cogen"},
        *{"webob", "routes", "beaker", "mako", "paste", "gevent", "prometheus_client"},
    },
    "pylons": {"webob", "routes", "beaker", "mako", "backlash"},
    "cogen": {"gevent", "greenlet", "httptools", "prometheus_client"},
    "paster": {"paste", "hupper", "gevent", "webob", "webtest", "pylons"},
}

# Imported only inside a function, so that what asks for them is the only thing that needs them.
LAZY = {
    ("pylons", "backlash"),
    ("cogen", "prometheus_client"),
    ("chatapp", "prometheus_client"),
    ("paster", "gevent"),
    ("paster", "pylons"),
    ("paster", "webtest"),
}

# Inside cogen a module may import from its own layer and from those before it.
LAYERS = [
    ["cogen.core.util"],
    ["cogen.core.operations", "cogen.core.locals"],
    ["cogen.core.events"],
    ["cogen.core.coroutines"],
    ["cogen.core.queue", "cogen.core.pubsub", "cogen.core.pipe", "cogen.core.sockets"],
    ["cogen.core.threads"],
    ["cogen.core.proactors", "cogen.core.runner"],
    ["cogen.core.schedulers"],
    ["cogen.web"],
]


class Import:
    """One imported module: who, what, where, and whether it happens when the module is loaded."""

    def __init__(self, importer, imported, line, lazy):
        self.importer, self.imported, self.line, self.lazy = importer, imported, line, lazy

    @property
    def packages(self):
        return self.importer.partition(".")[0], self.imported.partition(".")[0]

    def __repr__(self):
        return f"{self.importer} imports {self.imported} in line {self.line}"


def imports_of(name, source, is_package):
    """Yield the imports of a module, without those for the type checker's eyes."""
    yield from _walk(name, ast.parse(source), is_package, lazy=False)


def _walk(name, node, is_package, lazy):
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        for child in node.orelse:
            yield from _walk(name, child, is_package, lazy)
        return
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(name, alias.name, node.lineno, lazy)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = name.split(".")
            parts = parts[: len(parts) - node.level + is_package]
            base = ".".join([*parts, *filter(None, [base])])
        for alias in node.names:
            # `from cogen.core import queue` is an import of cogen.core.queue.
            yield Import(name, f"{base}.{alias.name}", node.lineno, lazy)
    lazy = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for child in ast.iter_child_nodes(node):
        yield from _walk(name, child, is_package, lazy)


def tree():
    """Yield the imports of all packages."""
    for package in ALLOWED:
        for path in sorted((ROOT / package).rglob("*.py")):
            relative = path.relative_to(ROOT).with_suffix("")
            is_package = relative.name == "__init__"
            parts = relative.parent.parts if is_package else relative.parts
            yield from imports_of(".".join(parts), path.read_text(encoding="utf-8"), is_package)


def layer(module):
    """Return the position of a module of cogen in LAYERS, or None."""
    for position, names in enumerate(LAYERS):
        if any(module == name or module.startswith(f"{name}.") for name in names):
            return position
    return None


def is_forbidden(found):
    importer, imported = found.packages
    if imported == importer or imported in sys.stdlib_module_names:
        return False
    if (importer, imported) in LAZY and not found.lazy:
        return True
    return imported not in ALLOWED[importer]


def is_upward(found):
    importer, imported = layer(found.importer), layer(found.imported)
    return importer is not None and imported is not None and imported > importer


def test_packages_import_only_what_they_may():
    assert [found for found in tree() if is_forbidden(found)] == []


def test_cogen_imports_go_one_way():
    assert [found for found in tree() if is_upward(found)] == []


def test_the_rules_are_applied_to_each_package():
    assert {found.packages[0] for found in tree()} == set(ALLOWED)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("pylons.wsgiapp", "import gevent"),
        ("pylons.wsgiapp", "def f():\n    from cogen.core import queue"),
        ("pylons.wsgiapp", "import backlash"),
        ("cogen.web.wsgi", "import webob"),
        ("cogen.core.queue", "from pylons import request"),
        ("cogen.core.queue", "try:\n    import paste.deploy\nexcept ImportError:\n    pass"),
        ("chatapp.lib.base", "from paster.command import main"),
        ("paster.serve", "import cogen.web.wsgi"),
        ("paster.serve", "from gevent import monkey"),
    ],
)
def test_forbidden_import_is_found(module, source):
    assert [is_forbidden(found) for found in imports_of(module, source, False)] == [True]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("pylons.wsgiapp", "from .context import Proxy"),
        ("pylons.wsgiapp", "if TYPE_CHECKING:\n    from gevent import Greenlet"),
        ("pylons.middleware", "def f():\n    import backlash"),
        ("chatapp.controllers.chat", "from cogen.core.pubsub import PublishSubscribeQueue"),
    ],
)
def test_lawful_import_is_not(module, source):
    assert not any(is_forbidden(found) for found in imports_of(module, source, False))


@pytest.mark.parametrize(
    ("module", "source", "upward"),
    [
        ("cogen.core.events", "from cogen.core import schedulers", True),
        ("cogen.core.events", "from . import schedulers", True),
        ("cogen.core.queue", "from ..web.wsgi import WSGIServer", True),
        ("cogen.core.proactors.epoll", "from ..schedulers import Scheduler", True),
        ("cogen.core.queue", "from cogen.core import events, util", False),
        ("cogen.core.queue", "from .pubsub import PublishSubscribeQueue", False),
        ("cogen.web.wsgi", "from cogen.core.schedulers import Scheduler", False),
    ],
)
def test_direction_inside_cogen(module, source, upward):
    assert any(is_upward(found) for found in imports_of(module, source, False)) is upward

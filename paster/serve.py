"""``paster serve``: load the application and the server that an ini file names, and run them.

In this order, since each step needs the one before it: read the file; under ``--reload`` hand over
to hupper; patch the standard library; configure logging; load the application; load the server;
listen. What is loaded, and its options, is the business of the factories in the ini file.

There is no ``--daemon``: systemd, a container or ``nohup`` does that better than a process can do
it to itself, and finds it again.
"""

import argparse
import errno
import importlib.util
import os
import socket
from typing import Any

from paste.deploy import loadwsgi
from paste.deploy.converters import asbool

from paster.errors import CommandError, one_line, place
from paster.ini import Section, add_arguments, open_ini
from paster.loading import configure_logging, context_of, create, warn_of_unused

SUMMARY = "Serve the application of an ini file over HTTP."

# Our server, by the module of its entry point: to import the server in order to ask it would import
# sockets, and the application's libraries after them, before they are patched.
_OUR_SERVER = "cogen.web.wsgi"

# Of an address, of a UNIX socket's path, of a certificate's file.
_CANNOT_LISTEN = (
    errno.EACCES,
    errno.EADDRINUSE,
    errno.EADDRNOTAVAIL,
    errno.EAFNOSUPPORT,
    errno.ENOENT,
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``paster serve``."""
    add_arguments(parser)
    parser.add_argument(
        "--server-name", default="main", help="use [server:NAME] (default: main)", metavar="NAME"
    )
    parser.add_argument(
        "--reload",
        action="store_true",
        help="start again when a module, the ini file or a template changes",
    )


def run(options: argparse.Namespace) -> int:
    """Serve until a signal ends the server."""
    ini = open_ini(options.ini, dict(options.variables))
    server = ini.sections(loadwsgi.SERVER, options.server_name)
    app = ini.sections(loadwsgi.APP, options.app_name)
    if options.reload:
        _reload([*server, *app])
    if _wants_patching(server):
        _patch(options.reload)
    configure_logging(app)
    app_context = context_of(app[0], loadwsgi.APP)
    server_context = context_of(server[0], loadwsgi.SERVER)
    application = create(app[0], app_context)
    warn_of_unused(app[0])
    serve = create(server[0], server_context)
    _serve(server[0], server_context.local_conf, serve, application)
    return 0


def _reload(sections: list[Section]) -> None:
    """Run under hupper; in the process that hupper starts, tell it what to watch and return."""
    from paster import reloading

    files = [section.ini.filename for section in sections]
    modules = []
    package = sections[-1].factory_module("paste.app_factory").partition(".")[0]
    spec = importlib.util.find_spec(package) if package else None
    for directory in (spec and spec.submodule_search_locations) or ():
        files.append(os.path.join(directory, "templates", "**"))
        modules.append(os.path.join(directory, "**", "*.py"))
    if not reloading.is_reloaded():
        reloading.start([*files, *modules])
    reloading.watch(files)


def _patch(reload: bool) -> None:
    from gevent import monkey

    if not reload:
        monkey.patch_all()
        return
    from paster import reloading

    watcher = reloading.ModuleWatcher()
    monkey.patch_all()
    watcher.spawn()


def _wants_patching(server: list[Section]) -> bool:
    """Return whether the server is ours and its ``monkey_patch`` is not false."""
    if server[-1].factory_module("paste.server_factory") != _OUR_SERVER:
        return False
    for section in server:  # The first that sets an option wins, as in PasteDeploy.
        value = section.get("monkey_patch")
        if value:
            try:
                return asbool(value)
            except ValueError as error:
                raise CommandError(f"{section}: monkey_patch: {one_line(error)}") from error
    return True


def _serve(section: Section, options: dict[str, str], serve: Any, application: Any) -> None:
    """Call the server; it returns when a signal has ended it.

    :raises CommandError: if it can't listen, or refuses an option (a ``paste.server_runner`` sees
        its options only now).
    """
    try:
        serve(application)
    except (OverflowError, ValueError) as error:
        raise CommandError(f"{section}: {one_line(error)}{place(error)}") from error
    except OSError as error:
        if error.errno not in _CANNOT_LISTEN and not isinstance(error, socket.gaierror):
            raise
        address = " ".join(
            f"{name} {options[name]}" for name in ("host", "port") if name in options
        )
        address = address or "the server's default address"
        # gevent writes the address into strerror, after the reason.
        reason = one_line(error).partition(": (")[0]
        file = f": {error.filename}" if error.filename else ""
        raise CommandError(f"{section}: cannot listen on {address}: {reason}{file}") from error

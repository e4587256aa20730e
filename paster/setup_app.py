"""``paster setup-app``: run the ``setup_app`` of the application's ``websetup`` module.

It is where an application makes its tables or directories, once, before it is served. The module is
looked for in the package that holds the application's factory.
"""

import argparse
import importlib
import importlib.util
import sys

from paste.deploy import loadwsgi

from paster.errors import CommandError, one_line, place
from paster.ini import add_arguments
from paster.loading import app_sections, configure_logging, context_of, warn_of_unused

SUMMARY = "Set up the application of an ini file, by its package's websetup.setup_app()."

arguments = add_arguments


def run(options: argparse.Namespace) -> int:
    """Call ``setup_app(command, conf, vars)``: this command line, the configuration, variables.

    :raises CommandError: if there is none, or if it refuses a value by a :exc:`ValueError`.
    """
    sections = app_sections(options)
    configure_logging(sections)
    context = context_of(sections[0], loadwsgi.APP)
    warn_of_unused(sections[0])
    package = sections[-1].factory_module("paste.app_factory").partition(".")[0]
    name = f"{package}.websetup"
    if not package or importlib.util.find_spec(name) is None:
        raise CommandError(f"{sections[0]}: there is no module {name} to set it up")
    setup_app = getattr(importlib.import_module(name), "setup_app", None)
    if setup_app is None:
        raise CommandError(f"{name} has no function setup_app(command, conf, vars)")
    while inner := getattr(context, "app_context", None) or getattr(context, "next_context", None):
        context = inner  # Out of a pipeline, or of filter-with, whose options are not the app's.
    try:
        setup_app(options, context.config(), dict(options.variables))
    except ValueError as error:
        raise CommandError(f"{sections[0]}: {one_line(error)}{place(error)}") from error
    sys.stdout.write(f"{package} is set up\n")
    return 0

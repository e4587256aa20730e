"""From the sections of an ini file to the objects that their factories make.

What the user of the command can put right becomes a :exc:`CommandError`: a name that leads nowhere,
a module that can't be imported, a value that a factory refuses. Any other exception is the
application's own and keeps its traceback.
"""

import argparse
import configparser
import importlib.metadata
from typing import Any

from paste.deploy import loadwsgi

from paster.errors import CommandError, one_line, place, short
from paster.ini import Section, open_ini

__all__ = [
    "app_sections",
    "configure_logging",
    "context_of",
    "create",
    "inline",
    "load_app",
    "pylons_config",
    "warn_of_unused",
]


def app_sections(options: argparse.Namespace) -> list[Section]:
    """Return the sections that lead to the application of a command line."""
    ini = open_ini(options.ini, dict(options.variables))
    return ini.sections(loadwsgi.APP, options.app_name)


def load_app(options: argparse.Namespace) -> Any:
    """Configure logging and return the WSGI application of a command line."""
    sections = app_sections(options)
    configure_logging(sections)
    application = create(sections[0], context_of(sections[0], loadwsgi.APP))
    warn_of_unused(sections[0])
    return application


def inline(application: Any) -> Any:
    """Return an application whose operations are run without our server.

    The filter is named by its entry point, as an ini file would: this package knows ini files, not
    the server's modules.
    """
    return loadwsgi.loadfilter("egg:ChatApp#inline")(application)


def pylons_config(ini: str) -> Any:
    """Return the configuration that a Pylons application left behind when it was loaded.

    :raises CommandError: if the application was none.
    """
    from pylons import config

    if "routes.map" not in config:
        raise CommandError(f"the application of {ini} is no Pylons application: it has no routes")
    return config


def configure_logging(sections: list[Section]) -> None:
    """Configure logging from the first file with ``[loggers]``, or else to standard error.

    So a file that takes its application from another by ``use = config:`` need not repeat them.

    :raises CommandError: if they can't be read.
    """
    import logging.config  # Here, since it makes locks, and `serve` patches those before.

    for ini in (section.ini for section in sections):
        if ini.parser.has_section("loggers"):
            try:
                logging.config.fileConfig(ini.parser, disable_existing_loggers=False)
            except Exception as error:
                # Any: fileConfig passes on what the eval() and the constructors of the file raise.
                where = short(ini.filename)
                raise CommandError(
                    f"logging of {where}: {type(error).__name__}: {one_line(error)}"
                ) from error
            return
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")


def context_of(section: Section, object_type: Any) -> loadwsgi.LoaderContext:
    """Import the factory that a section leads to and return PasteDeploy's context of it.

    :raises CommandError: if a section, an entry point or a module is not there.
    """
    try:
        return section.ini.get_context(object_type, section.name.partition(":")[2].strip())
    except importlib.metadata.PackageNotFoundError as error:
        raise CommandError(f"{section}: no distribution {error.name} is installed") from error
    except (AttributeError, ImportError, LookupError, ValueError, configparser.Error) as error:
        raise CommandError(f"{section}: {one_line(error)}{place(error)}") from error


def warn_of_unused(section: Section) -> None:
    """Log what was given on the command line for nothing, once the application has been made.

    Not before: a composite opens the files of its parts when it is made. No error, since an
    application may read any variable from its global configuration.
    """
    import logging

    for line in section.ini.unused():
        logging.getLogger("paster").warning("%s", line)


def create(section: Section, context: loadwsgi.LoaderContext) -> Any:
    """Call the factory and return what it makes.

    :raises CommandError: if it refuses an option or its value by a :exc:`ValueError`.
    """
    try:
        return context.create()
    except ValueError as error:
        raise CommandError(f"{section}: {one_line(error)}{place(error)}") from error

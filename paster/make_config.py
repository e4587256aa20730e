"""``paster make-config``: write the ini file of a deployment, with a secret of its own.

The template is ``config/deployment.ini_tmpl`` in the package of the distribution's application. In
it ``${app_instance_secret}`` and ``${app_instance_uuid}`` stand for new random values, and other
names for the variables of the command line, as in Pylons.
"""

import argparse
import importlib.metadata
import importlib.resources
import os
import secrets
import string
import sys
import uuid

from paster.errors import CommandError, one_line
from paster.ini import add_variables

SUMMARY = "Write an ini file for a deployment of an installed application."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``paster make-config``."""
    parser.add_argument("distribution", help="such as ChatApp", metavar="DISTRIBUTION")
    parser.add_argument("ini", help="the file to write; it must not exist", metavar="INI")
    add_variables(parser, "for ${NAME} in the template")


def run(options: argparse.Namespace) -> int:
    """Write the file, readable by its owner only, since it holds a secret."""
    content = _filled(_template(options.distribution), dict(options.variables))
    try:
        descriptor = os.open(options.ini, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"cannot write {options.ini}: {one_line(error)}") from error
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    sys.stdout.write(f"wrote {options.ini}; serve it with: paster serve {options.ini}\n")
    return 0


def _filled(template: string.Template, variables: dict[str, str]) -> str:
    """Return the text of the template with its variables replaced."""
    own = {"app_instance_secret": secrets.token_hex(32), "app_instance_uuid": str(uuid.uuid4())}
    known = template.get_identifiers()
    for name in variables:
        if name not in known:
            takes = ", ".join(known) or "no variables"
            raise CommandError(f"the template has no ${{{name}}}; it takes {takes}")
    try:
        return template.substitute(own | variables)
    except KeyError as error:
        name = error.args[0]
        raise CommandError(f"the template needs a value: give {name}=... too") from error
    except ValueError as error:
        raise CommandError(f"the template is wrong: {one_line(error)} (write $$ for $)") from error


def _template(name: str) -> string.Template:
    try:
        entries = importlib.metadata.distribution(name).entry_points
    except importlib.metadata.PackageNotFoundError as error:
        raise CommandError(f"no distribution {name} is installed") from error
    factories = entries.select(group="paste.app_factory", name="main")
    for package in (entry.module.partition(".")[0] for entry in factories):
        template = importlib.resources.files(package).joinpath("config", "deployment.ini_tmpl")
        if template.is_file():
            return string.Template(template.read_text(encoding="utf-8"))
    raise CommandError(f"{name} has no config/deployment.ini_tmpl beside an application")

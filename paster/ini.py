"""The ini file: PasteDeploy's loader, with the variables of the command line above ``[DEFAULT]``.

PasteDeploy lets ``[DEFAULT]`` win over a variable of the same name where it replaces ``%(name)s``,
so that a default could never be overridden; and it leaves an option out of a section when a
variable has its name, so that ``port=8080`` would silently take ``port`` away from the server.
:class:`IniFile` puts the first right, in files reached by ``use = config:`` too, and refuses the
second. The syntax of the file is PasteDeploy's: https://docs.pylonsproject.org/projects/pastedeploy

Nothing here imports what an ini file names: that is :mod:`paster.loading`.
"""

from __future__ import annotations

import argparse
import configparser
import difflib
import importlib.metadata
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from paste.deploy import loadwsgi

from paster.errors import CommandError, one_line, short

__all__ = ["IniFile", "Section", "add_arguments", "add_ini", "add_variables", "open_ini"]


class Section(NamedTuple):
    """A section that was found, in its file, with its ``use`` ("" if it names a factory itself)."""

    ini: IniFile
    name: str
    use: str

    def __str__(self) -> str:
        return f"[{self.name}] of {short(self.ini.filename)}"

    def get(self, option: str) -> str:
        """Return an option's interpolated value, "" if it is not set."""
        try:
            return self.ini.parser.get(self.name, option, fallback="")
        except configparser.Error as error:
            raise CommandError(one_line(error)) from error

    def factory_module(self, group: str) -> str:
        """Return the name of the module that the factory is in, or "", without importing it.

        :param group: the entry point group, ``paste.app_factory`` or ``paste.server_factory``.
        """
        scheme, _, rest = self.use.partition(":")
        if scheme == "call":
            return rest.partition(":")[0]
        if scheme != "egg":
            return self.get(group).partition(":")[0]
        distribution, _, name = rest.partition("#")
        try:
            entries = importlib.metadata.distribution(distribution).entry_points
        except importlib.metadata.PackageNotFoundError:
            return ""  # paster.loading is where this is an error.
        chosen = entries.select(group=group, name=name or "main")
        return next((entry.module for entry in chosen), "")


class IniFile(loadwsgi.ConfigLoader):
    """PasteDeploy's loader of one file, for which the command line's variables come first.

    :param family: the files that were opened before it, on the way from the first one.
    """

    def __init__(
        self, filename: str, variables: Mapping[str, str], family: list[IniFile] | None = None
    ) -> None:
        super().__init__(filename)
        self.family = [] if family is None else family
        self.family.append(self)
        self.variables = dict(variables)
        defaults = configparser.ConfigParser.defaults(self.parser)
        self.names = _names(self.parser) | set(defaults) - {"here", "__file__"}
        self._shadowed = {
            section: [
                name
                for name in variables
                if name not in defaults and self.parser.has_option(section, name)
            ]
            for section in self.parser.sections()
        }
        here = {name: defaults[name] for name in ("here", "__file__")}
        self.update_defaults(here | self.variables)

    def update_defaults(self, new_defaults: Mapping[str, str], overwrite: bool = True) -> None:
        """Set values of ``[DEFAULT]``; a % in them is a per cent sign, not an interpolation."""
        literal = {name: value.replace("%", "%%") for name, value in new_defaults.items()}
        super().update_defaults(literal, overwrite)

    def get_context(
        self, object_type: Any, name: str | None = None, global_conf: Any = None
    ) -> loadwsgi.LoaderContext:
        """Return the context of a section, as PasteDeploy does, after the two corrections."""
        if name is not None and name.lower().startswith("config:"):
            ini, name = self.other(name)
            if global_conf:
                ini.update_defaults(global_conf, overwrite=False)
            return ini.get_context(object_type, name, global_conf)
        if not self.absolute_name(name):
            section = self.find_config_section(object_type, name)
            if self._shadowed[section]:
                option = self._shadowed[section][0]
                raise CommandError(
                    f"{option} is an option of [{section}] in {short(self.filename)}, "
                    f"which takes no variable there; write {option} = %(my_{option})s in the file "
                    f"and my_{option}={self.variables[option]} on the command line"
                )
        return super().get_context(object_type, name, global_conf)

    def other(self, use: str) -> tuple[IniFile, str]:
        """Return the file and the section's name that ``config:other.ini#name`` stands for."""
        path, _, name = use.split(":", 1)[1].partition("#")
        path = os.path.join(os.path.dirname(self.filename), path)
        return open_ini(path, self.variables, self.family), name or "main"

    def unused(self) -> Iterator[str]:
        """Yield a line about each variable that no file opened so far has a use for.

        A name with a dot is none of them: it is an option of the application's (``chat.history``),
        which reads it from what PasteDeploy calls the global configuration.
        """
        known = set().union(*(ini.names for ini in self.family))
        files = " or ".join(dict.fromkeys(short(ini.filename) for ini in self.family))
        for name in self.variables:
            if name not in known and "." not in name:
                near = difflib.get_close_matches(name, known, n=1)
                yield f"no line of {files} uses the variable {name}" + (
                    f"; do you mean {near[0]}?"
                    if near
                    else ": it does nothing, unless the application asks for it by itself"
                )

    def next_of(self, section: str) -> str:
        """Return what a section builds on, or "" if it names a factory itself."""
        kind = section.partition(":")[0]
        if kind == "pipeline":
            return self.parser.get(section, "pipeline").split()[-1]
        return self.parser.get(section, "next" if kind == "filter-app" else "use", fallback="")

    def sections(self, object_type: Any, name: str) -> list[Section]:
        """Return the sections that ``use`` leads through, from the one of this name on.

        :raises CommandError: if there is no such section, or if it leads back to itself.
        """
        found: list[Section] = []
        for section in self._follow(object_type, name):
            if any(str(section) == str(earlier) for earlier in found):
                raise CommandError(f"{section} uses itself")
            found.append(section)
        return found

    def _follow(self, object_type: Any, name: str) -> Iterator[Section]:
        ini = self
        while True:
            try:
                section = ini.find_config_section(object_type, name)
                use = ini.next_of(section)
            except (LookupError, configparser.Error) as error:
                raise CommandError(one_line(error)) from error
            yield Section(ini, section, use)
            if use.lower().startswith("config:"):
                ini, name = ini.other(use)
            elif not use or ini.absolute_name(use):
                return
            else:
                name = use


def _names(parser: configparser.ConfigParser) -> set[str]:
    """Return the names that the file's lines refer to, but for those of logging's formats."""
    names: set[str] = set()
    for section in parser.sections():
        if not section.startswith("formatter_"):
            for option, value in parser.items(section, raw=True):
                names.update(re.findall(r"%\(([^)]+)\)s", value))
                if option.startswith("get "):  # `get local = global`
                    names.add(value.strip())
    return names


def open_ini(
    filename: str, variables: Mapping[str, str], family: list[IniFile] | None = None
) -> IniFile:
    """Read an ini file.

    :raises CommandError: if there is none, or if it is no ini file.
    """
    try:
        return IniFile(os.path.abspath(filename), variables, family)
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise CommandError(f"cannot read {filename}: {one_line(error)}") from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a command has that loads an application: the file, its section, variables."""
    add_ini(parser)
    add_variables(parser, "for %%(NAME)s in the file; wins over [DEFAULT]")


def add_ini(parser: argparse.ArgumentParser) -> None:
    """Add the file and the section of the application in it."""
    parser.add_argument("ini", help="the ini file", metavar="INI")
    parser.add_argument(
        "--app-name", default="main", help="use [app:NAME] (default: main)", metavar="NAME"
    )


def add_variables(parser: argparse.ArgumentParser, meaning: str) -> None:
    """Add any number of ``NAME=VALUE``."""
    parser.add_argument(
        "variables",
        nargs="*",
        default=[],  # Without it argparse counts them among what is required.
        type=_variable,
        help=meaning,
        metavar="NAME=VALUE",
    )


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name.strip() and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name.strip(), value.strip()

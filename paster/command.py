"""Find the sub-command, run it, and turn what went wrong into one line and an exit code.

A sub-command is a module with ``SUMMARY``, ``arguments(parser)`` and ``run(options)``, which
returns the exit code. It is imported only when it is asked for: ``serve`` has to patch the standard
library before the rest of the program is imported, so this module imports next to nothing.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from paster.errors import CommandError

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "make-config": "paster.make_config",
    "request": "paster.request",
    "routes": "paster.routes",
    "serve": "paster.serve",
    "setup-app": "paster.setup_app",
    "shell": "paster.shell",
}


class _Parser(argparse.ArgumentParser):
    """A parser whose error is one line, as every other error of this command."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command and return the exit code of the process.

    0 is success; 1 an error that is told in one line, its cause logged at level DEBUG; 2 (as
    :exc:`SystemExit`) a command line that makes no sense; 130 an interrupt. An exception of the
    application itself keeps its traceback.
    """
    parser = _Parser(
        prog="paster",
        description="Serve and look after applications that are described by an ini file.",
        epilog="paster COMMAND --help tells the arguments of a command.",
    )
    parser.add_argument("command", choices=COMMANDS, help=", ".join(COMMANDS), metavar="COMMAND")
    rest = parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    rest.required = False  # Else argparse asks for them where the command is missing.
    chosen = parser.parse_args(arguments)

    command = importlib.import_module(COMMANDS[chosen.command])
    subparser = _Parser(prog=f"paster {chosen.command}", description=command.SUMMARY)
    command.arguments(subparser)
    # Intermixed, since `serve x.ini --reload name=value` has a positional after an option.
    options = subparser.parse_intermixed_args(chosen.arguments)
    try:
        return command.run(options)
    except CommandError as error:
        sys.stderr.write(f"paster {chosen.command}: {error}\n")
        import logging  # Not before `serve` had its chance to patch.

        logging.getLogger(__name__).debug("the cause", exc_info=error.__cause__)
        return 1
    except KeyboardInterrupt:
        return 130  # What a shell makes of SIGINT.

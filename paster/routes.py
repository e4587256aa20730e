"""``paster routes``: print the URL map of a Pylons application, in the order of matching."""

import argparse
import sys

from paster.ini import add_arguments
from paster.loading import load_app, pylons_config

SUMMARY = "Print the routes of the application of an ini file."

arguments = add_arguments


def run(options: argparse.Namespace) -> int:
    """Print each route's name, methods, path, controller and action."""
    load_app(options)
    sys.stdout.write(f"{pylons_config(options.ini)['routes.map']}\n")
    return 0

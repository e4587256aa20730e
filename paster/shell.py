"""``paster shell``: a Python prompt with the application loaded.

``app`` is the application in WebTest, so that ``app.get("/")`` works, if WebTest is installed. It
goes through the inline host: actions that wait are answered too.
"""

import argparse
import code

from paster.ini import add_arguments
from paster.loading import inline, load_app, pylons_config

SUMMARY = "Open a Python prompt with the application of an ini file loaded."

arguments = add_arguments


def run(options: argparse.Namespace) -> int:
    """Read and run lines until the end of input."""
    application = load_app(options)
    names: dict[str, object] = {"wsgiapp": application, "config": pylons_config(options.ini)}
    try:
        from webtest import TestApp
    except ImportError:
        known = "wsgiapp, config (and app, once WebTest is installed)"
    else:
        names["app"] = TestApp(inline(application))
        known = "wsgiapp, config, app"
    code.interact(banner=f"{options.ini} is loaded: {known}", local=names, exitmsg="")
    return 0

"""The ``paster`` command: serve, setup-app, make-config, request, routes, shell.

PasteScript, where the command of 2008 came from, needs ``pkg_resources``, which setuptools no
longer has. This one stands on PasteDeploy (the ini file), hupper (``--reload``) and
:mod:`importlib.metadata` (entry points). Nothing may import this package: what a library needs
from the ini file is handed to it as arguments.

Read :mod:`paster.command` for how a sub-command is found and how an error is told,
:mod:`paster.ini` for the ini file, :mod:`paster.serve` for the one command that matters most.
"""

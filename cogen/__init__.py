"""Coroutines for network programs, and an HTTP server that lets WSGI applications wait.

:mod:`cogen.core` is the coroutine runtime, :mod:`cogen.web` the server,
:mod:`cogen.magic` coroutines without ``yield``. ``from cogen.common import *``
gives the essential names.
"""

__version__ = "0.3.0"

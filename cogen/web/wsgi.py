"""The public names of the server, where they were in 2008.

:class:`WSGIServer` and :class:`WSGIPathInfoDispatcher` live in :mod:`cogen.web.server`,
:class:`Runner` and :func:`server_factory` in :mod:`cogen.web.runner`. Entry points and
applications import them from here.
"""

from .runner import Runner, server_factory
from .server import WSGIPathInfoDispatcher, WSGIServer
from .wrapper import FileWrapper as WSGIFileWrapper

__all__ = ["Runner", "WSGIFileWrapper", "WSGIPathInfoDispatcher", "WSGIServer", "server_factory"]

"""The essential names, for ``from cogen.common import *``."""

from cogen.core import events, proactors, sockets
from cogen.core.coroutines import coro, coroutine
from cogen.core.schedulers import Scheduler
from cogen.core.util import priority

__all__ = [
    "Scheduler",
    "coro",
    "coroutine",
    "events",
    "priority",
    "proactors",
    "sockets",
]

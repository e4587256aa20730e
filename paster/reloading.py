"""``paster serve --reload``: hupper runs the command again, in a new process, when a file changes.

The process that hupper starts reports the files of the modules that it has imported, once a second;
:func:`watch` adds those that are no modules. What is known of before it starts, :func:`start` has
looked at by then, so that a change in its first second is not missed. The server in it takes
SIGTERM and SIGINT itself and ends its requests; hupper kills it only if that takes too long.
"""

from __future__ import annotations

import glob
import sys
import threading
from collections.abc import Iterable
from typing import Any, NoReturn

import hupper
import hupper.reloader
import hupper.worker

__all__ = ["ModuleWatcher", "is_reloaded", "run_again", "start", "watch"]

# Seconds between two looks at the files, and at least between two starts.
_INTERVAL = 0.5

# Seconds that a server has to end its requests before it is killed; more than the default of its
# own shutdown_timeout.
_SHUTDOWN = 15


def start(files: Iterable[str]) -> NoReturn:
    """Run this command line under hupper until it is told to stop, and exit as it did.

    :param files: files and patterns to watch from now on, besides those of :func:`watch`.
    """

    def monitor(callback: Any, logger: Any, **options: Any) -> Any:
        factory = hupper.reloader.find_default_monitor_factory(logger)
        made = factory(callback, logger=logger, **options)
        for pattern in files:
            for path in glob.glob(pattern, recursive=True):
                made.add_path(path)
        return made

    hupper.start_reloader(
        "paster.reloading.run_again",
        reload_interval=_INTERVAL,
        shutdown_interval=_SHUTDOWN,
        monitor_factory=monitor,
        worker_kwargs={"arguments": sys.argv[1:]},
    )
    raise AssertionError("hupper ends the process")


def run_again(arguments: list[str]) -> NoReturn:
    """Run the command in the process that hupper started, which looks at no return value."""
    from paster.command import main

    sys.exit(main(arguments))


def is_reloaded() -> bool:
    """Return whether this is a process that hupper started."""
    return hupper.is_active()


def watch(files: Iterable[str]) -> None:
    """Start again when one of these files or patterns changes."""
    hupper.get_reloader().watch_files(list(files))


class ModuleWatcher:
    """hupper's thread that looks for new modules, made a greenlet.

    A thread that was started before gevent's patching fails when it ends after it, since gevent
    gives it another identity; and hupper's are started before anything of ours runs.
    """

    def __init__(self) -> None:
        """End the thread; this takes up to the second that it sleeps."""
        (self._thread,) = (
            thread
            for thread in threading.enumerate()
            if isinstance(thread, hupper.worker.WatchSysModules)
        )
        self._thread.stop()
        self._thread.join()

    def spawn(self) -> None:
        """Look for new modules from now on, once a second, as long as gevent's hub runs."""
        import gevent

        self._thread.stopped = False  # hupper sets it when the server has ended
        gevent.spawn(self._thread.run)

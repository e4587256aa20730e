"""What several parts of the suite share: a real ``paster serve`` process, and Chromium or none."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

ROOT = pathlib.Path(__file__).parent.parent
SECONDS = 30  # How long a process may take for anything before the test fails.


class Served:
    """A ``paster serve`` that runs; its log is in ``lines``, its address in ``url``."""

    def __init__(self, *arguments: str, **environ: str) -> None:
        path = os.pathsep.join([str(ROOT), *filter(None, [environ.pop("PYTHONPATH", "")])])
        self.lines: list[str] = []
        self._seen = 0
        self._ended = False
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "paster", "serve", *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as log:
            for line in log:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def log(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Return the match of the next line of the log that has one; a line is looked at once."""
        deadline = time.monotonic() + SECONDS
        with self._changed:
            while True:
                while self._seen < len(self.lines):
                    self._seen += 1
                    if match := re.search(pattern, self.lines[self._seen - 1]):
                        return match
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    pytest.fail(f"no {pattern!r} in the log of paster serve:\n{self.log}")
                self._changed.wait(left)

    @property
    def url(self) -> str:
        """The address that the server logged, without a slash at its end."""
        if not hasattr(self, "_url"):
            self._url = self.wait_for(r"serving on (http://\S+?)/?$")[1]
        return self._url

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end and return the exit code."""
        try:
            code = self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            pytest.fail(f"paster serve did not end:\n{self.log}")
        self._reader.join(SECONDS)
        return code


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the browser tests on a machine without Chromium; where CI is set it has to be there."""
    if shutil.which("chromium") or os.environ.get("CI"):
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason="needs chromium on the PATH"))


@pytest.fixture
def paster_serve() -> Iterator[Callable[..., Served]]:
    """Start ``paster serve`` with these arguments; at the end each has to exit 0 on SIGTERM.

    One that the test has already waited for is the test's own affair.
    """
    started: list[Served] = []

    def start(*arguments: str, **environ: str) -> Served:
        started.append(Served(*arguments, **environ))
        return started[-1]

    yield start
    running = [served for served in started if served.process.returncode is None]
    codes = [served.stop() for served in running]
    assert not any(codes), "\n".join(served.log for served in running)


@pytest.fixture(scope="module")
def chat_server() -> Iterator[str]:
    """The URL of a chat that is served from test.ini on a free port, for a module's tests."""
    served = Served("test.ini", "http_port=0")
    try:
        yield served.url
    finally:
        code = served.stop()
    assert code == 0, served.log

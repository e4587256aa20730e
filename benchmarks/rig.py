"""Start a server on a core of its own, read what it uses, and stop it whatever happens.

The server's processor time is read beside the clock. A rate by the clock depends on who else
wants the core; the processor time of one request hardly does, so it is the figure to compare
on a machine that is not quiet.

Linux only: cores and memory are read from /proc. What is started here is ``serve``.
"""

import argparse
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import NoReturn, Self

from .wire import BadResponse

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE_EPHEMERAL_RANGE = (20_000, 32_000)
START_SECONDS = 20.0
STOP_SECONDS = 5.0
SETTLE_SECONDS = 10.0


class Unavailable(Exception):
    """A contender can't be measured here: it is not installed, or it does not start."""


def default_cores() -> tuple[int, int]:
    """Return the core for the server and the one for the load: the last two we may use.

    Raises Unavailable on a machine with one core, where the two would take turns.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise Unavailable("the benchmarks need two cores: one for the server, one for the load")
    return cores[-1], cores[-2]


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on, outside of the range the kernel gives.

    Between now and the server's start, nobody who asks for port 0 gets it.
    """
    while True:
        port = random.randrange(*OUTSIDE_EPHEMERAL_RANGE)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one, which servers inherit; return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Server:
    """A server under test: a context manager around one process and what it forks.

    `command` is what to run; the process gets a session of its own, so that all of it can be
    found and ended, and the core `core` alone.
    """

    def __init__(self, name: str, command: Sequence[str], port: int, core: int) -> None:
        self.name = name
        self.port = port
        self._command = ["taskset", "-c", str(core), *command]
        self._process: subprocess.Popen[bytes] | None = None
        self._pids: list[int] = []
        self._said = tempfile.TemporaryFile()  # a pipe that nobody reads would stop the server

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    @property
    def pid(self) -> int:
        """The process that serves: the last forked, where a server forks workers."""
        return self._pids[-1]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            start_new_session=True,
        )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self._stop()
            raise
        self._pids = _session_members(self._process.pid)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        died = self._process is not None and self._process.poll() is not None
        last_words = self._last_words() if died else ""
        self._stop()
        if died:
            raise Unavailable(f"{self.name} ended under load: {last_words}") from error

    def cpu_seconds(self) -> float:
        """Return the processor time all threads of the server have used so far, in seconds."""
        spent = 0
        for pid in self._pids:
            for task in Path(f"/proc/{pid}/task").iterdir():
                spent += int((task / "schedstat").read_text().split()[0])
        return spent / 1e9

    def resident_bytes(self) -> int:
        """Return the server's resident memory in bytes, its forked workers' included."""
        return sum(_resident_bytes(pid) for pid in self._pids)

    def settle(self) -> None:
        """Wait until the server has done what it was given: a tenth of a second almost idle."""
        give_up = time.monotonic() + SETTLE_SECONDS
        spent = self.cpu_seconds()
        while time.monotonic() < give_up:
            time.sleep(0.1)
            before, spent = spent, self.cpu_seconds()
            if spent - before < 0.005:
                return
        raise Unavailable(f"{self.name} is still busy after {SETTLE_SECONDS:.0f} s without load")

    def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        give_up = time.monotonic() + START_SECONDS
        while True:
            if self._process.poll() is not None:
                raise Unavailable(f"{self.name} ended at its start: {self._last_words()}")
            try:
                socket.create_connection(self.address, timeout=1).close()
            except OSError as error:
                if time.monotonic() > give_up:
                    raise Unavailable(
                        f"{self.name} does not answer after {START_SECONDS:.0f} s"
                    ) from error
                time.sleep(0.05)
            else:
                return

    def _last_words(self) -> str:
        assert self._process is not None
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self._process.returncode}, nothing said"

    def _stop(self) -> None:
        assert self._process is not None
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, sign)
            except ProcessLookupError:
                break
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            break
        self._process.wait()
        self._said.close()


def options(module: str, purpose: str, contenders: Iterable[str]) -> argparse.ArgumentParser:
    """Return a parser of the options that all benchmarks have."""
    server_core, load = default_cores()
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=purpose)
    known = list(contenders)
    parser.add_argument("--contenders", nargs="+", choices=known, default=known, metavar="NAME")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--server-core", type=int, default=server_core)
    parser.add_argument("--load-core", type=int, default=load)
    return parser


def command(main: Callable[[], int]) -> NoReturn:
    """Run a benchmark as a command; what keeps it from measuring is told in one line."""
    try:
        sys.exit(main())
    except (BadResponse, Unavailable) as reason:
        sys.exit(f"error: {reason}")
    except KeyboardInterrupt:
        sys.exit(130)


def startable(names: Iterable[str], core: int, *, chat: bool = False) -> list[str]:
    """Return those of the contenders that start on this machine; tell why the others don't."""
    found = []
    for name in names:
        try:
            with serve(name, core, chat=chat):
                found.append(name)
        except Unavailable as reason:
            print(f"left out: {reason}", file=sys.stderr)
    if not found:
        raise Unavailable("no contender is left to measure")
    return found


def serve(name: str, core: int, *, chat: bool = False) -> Server:
    """Return the server `name` of ``benchmarks.serve``, not yet started, on a free port."""
    port = free_port()
    kind = "chat" if chat else "hello"
    command = [sys.executable, "-m", "benchmarks.serve", kind, name, str(port)]
    return Server(name, command, port, core)


@contextmanager
def load_core(core: int) -> Iterator[None]:
    """Keep this process, the load, on one core; let SIGTERM end it with its servers stopped."""

    def end(signum: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + signum)

    cores = os.sched_getaffinity(0)
    before = signal.signal(signal.SIGTERM, end)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        signal.signal(signal.SIGTERM, before)


def _session_members(session: int) -> list[int]:
    """Return the process ids of a session, the oldest first."""
    members = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue  # it ended between the listing and the reading
        if int(stat.rpartition(")")[2].split()[3]) == session:
            members.append(int(entry.name))
    return sorted(members)


def _resident_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise Unavailable(f"process {pid} has no resident memory any more")

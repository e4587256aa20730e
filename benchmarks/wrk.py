"""Load of plain requests, by wrk (https://github.com/wg/wrk): closed loop, keep-alive."""

import re
import resource
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .rig import Server, Unavailable

RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
REQUESTS = re.compile(r"(\d+) requests in")
TROUBLE = re.compile(r"Socket errors: .*|Non-2xx or 3xx responses: .*")


@dataclass(frozen=True)
class Load:
    """What wrk saw, and what both sides spent on it."""

    rate: float  # requests per second, by wrk's clock
    microseconds: float  # the server's processor time for one request
    server_busy: float  # of one core, 0 to 1
    client_busy: float


def run(server: Server, connections: int, seconds: int, different: bool = False) -> Load:
    """Ask `server` for ``/`` over `connections` connections for some whole seconds.

    With `different`, each request has a query of its own.

    Raises Unavailable where wrk is missing, and where a response was anything but 200 in time:
    a rate that contains errors would be the rate of something else.
    """
    program = shutil.which("wrk")
    if program is None:
        raise Unavailable("wrk is missing: apt-get install wrk")
    url = f"http://127.0.0.1:{server.port}/"
    arguments = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", url]
    if different:
        arguments[:0] = ["-s", str(Path(__file__).with_name("different.lua"))]
    began, server_before, client_before = time.monotonic(), server.cpu_seconds(), _wrk_seconds()
    answer = subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=True, timeout=seconds + 30
    )
    spent, own = server.cpu_seconds() - server_before, _wrk_seconds() - client_before
    elapsed = time.monotonic() - began
    if trouble := TROUBLE.search(answer.stdout):
        raise Unavailable(f"{server.name}: {trouble.group()}")
    rate, requests = RATE.search(answer.stdout), REQUESTS.search(answer.stdout)
    if rate is None or requests is None or requests.group(1) == "0":
        raise Unavailable(f"{server.name}: no request was answered: {answer.stdout!r}")
    per_request = spent / int(requests.group(1)) * 1e6
    return Load(float(rate.group(1)), per_request, spent / elapsed, own / elapsed)


def _wrk_seconds() -> float:
    """Return the processor time of the programs that this process has run and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

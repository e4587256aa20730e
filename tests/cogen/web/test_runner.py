"""The Runner: scheduler, server, signals, and coroutines that start with the server."""

import os
import re
import signal
import subprocess
import sys

import pytest

from cogen.web.wsgi import Runner
from tests.cogen.web.rig import Client, hello, until

SCRIPT = """
import logging
from cogen.core import events
from cogen.core.coroutines import coro
from cogen.web.wsgi import Runner

logging.basicConfig(level=logging.INFO)
ticks = []

@coro
def tick():
    try:
        while True:
            ticks.append(1)
            yield events.Sleep(0.001)
    finally:
        logging.info("the ticks end")

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(len(ticks)).encode()]

runner = Runner("127.0.0.1", "0", application, {"server_name": "ticker", "ops_greedy": "false"})
runner.sched.add(tick)
runner.run()
logging.info("run() returned")
"""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_coroutine_runs_as_long_as_the_server(signum):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    with process:
        host, port = re.search(r"http://(.+):(\d+)", process.stderr.readline()).groups()
        with Client((host, int(port))) as client:
            first = int(client.get().body)
            until(lambda: int(client.get().body) > first)
        process.send_signal(signum)
        log = process.stderr.read()
    assert process.returncode == 0, log
    assert re.search(r"stopping: .*the ticks end.*run\(\) returned", log, re.DOTALL)


def test_address_in_use_is_an_error_of_run(serve):
    server = serve(hello)
    with pytest.raises(OSError, match="in use"):
        Runner(*server.address, hello, {}).run()

"""Each benchmark runs, with numbers so small that only its working is measured."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="needs wrk on the PATH")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores"),
]


def run(module, *arguments):
    """Run a benchmark; return what it printed, or fail with what it said."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", "--rounds", "1", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def row(printed, first):
    """Return the cells of the line that begins with `first`."""
    return next(line.split() for line in printed.splitlines() if line.startswith(first))


@needs_wrk
@pytest.mark.parametrize("kind", [[], ["--different"]])
def test_hello(kind):
    printed = run("hello", "--contenders", "cogen", "pywsgi", "--connections", "2", *kind)
    assert "hello, 2 connections" in printed
    assert ("no two requests the same" in printed) is bool(kind)
    rates = [float(row(printed, name)[1].replace(",", "")) for name in ("cogen", "pywsgi")]
    assert min(rates) > 100


@needs_wrk
def test_idle():
    printed = run("idle", "--contenders", "cogen", "--others", "20")
    assert "beside idle connections" in printed
    assert "beside parked requests" in printed
    assert float(row(printed, "cogen")[3].replace(",", "")) > 100


def test_fanout():
    printed = run("fanout", "--contenders", "cogen", "--listeners", "20", "--seconds", "0.2")
    assert "fan-out to 20 listeners" in printed
    assert float(row(printed, "cogen")[1].replace(",", "")) > 100


def test_hotspots():
    printed = run("hotspots", "--listeners", "20", "--seconds", "1")
    assert float(row(printed, "session")[1]) > 0
    assert float(row(printed, "connection")[1]) > 0


def test_a_contender_that_is_not_installed_is_left_out_with_a_reason(tmp_path):
    (tmp_path / "aiohttp.py").write_text("raise ImportError('not here')\n")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.fanout", "--contenders", "aiohttp"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "left out: aiohttp ended at its start: ImportError: not here" in done.stderr
    assert "error: no contender is left to measure" in done.stderr

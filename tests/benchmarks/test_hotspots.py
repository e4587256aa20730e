"""Which layer a sample belongs to."""

import gc
import os
import signal

import pytest

from benchmarks import sampler
from benchmarks.hotspots import layer_of

SERVER = "Exchange.step (/somewhere/cogen/web/exchange.py)"
SESSION = "Session.load (/site-packages/beaker/session.py)"
LIBRARY = "loads (/lib/python3.11/json/__init__.py)"


def test_a_sample_belongs_to_the_innermost_layer():
    assert layer_of([SERVER]) == "exchange"
    assert layer_of([SERVER, SESSION]) == "session"


def test_the_standard_library_works_for_the_layer_that_called_it():
    assert layer_of([SERVER, SESSION, LIBRARY]) == "session"
    assert layer_of([LIBRARY]) == "the rest"


@pytest.fixture
def sampling(tmp_path, monkeypatch):
    """A sampler in this process; the file that it writes at the second SIGUSR2."""
    before = [(number, signal.getsignal(number)) for number in (signal.SIGUSR2, signal.SIGPROF)]
    monkeypatch.setenv(sampler.VARIABLE, str(tmp_path / "stacks"))
    sampler.install()
    yield tmp_path / "stacks"
    signal.setitimer(signal.ITIMER_PROF, 0)
    for number, handler in before:
        signal.signal(number, handler)


def be_busy():
    until = os.times().user + 0.2
    while os.times().user < until:
        sum(range(1000))


def test_the_sampler_sees_who_uses_the_processor(sampling):
    callbacks = list(gc.callbacks)
    os.kill(os.getpid(), signal.SIGUSR2)
    be_busy()
    stacks = sampler.collect(os.getpid(), sampling)
    busy = sum(int(line.rpartition(" ")[2]) for line in stacks if ";be_busy (" in line)
    total = sum(int(line.rpartition(" ")[2]) for line in stacks)
    assert busy > 10
    assert busy / total > 0.8
    assert gc.callbacks == callbacks

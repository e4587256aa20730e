"""What measures the coroutine runtime, with numbers so small that only its working is seen."""

import gc
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.runtime import memory, publishing, switching, waiting

ROOT = Path(__file__).resolve().parent.parent.parent


def test_a_put_and_a_get_are_timed_while_others_wait(monkeypatch):
    stage = waiting.PutAndGet(others=10, steps=60)
    waiting_then = []
    monkeypatch.setattr(gc, "freeze", lambda: waiting_then.append(len(stage.lonely.waiting_gets)))
    figures = stage.measure()
    assert list(figures) == ["item is there", "get waits", "get times out"]
    assert min(figures.values()) > 0
    assert waiting_then == [10]
    assert not stage.items.queue


@pytest.mark.parametrize("name", switching.CONTENDERS)
def test_two_parties_of_each_contender_switch(name):
    for contender in switching.CONTENDERS[name]:
        assert switching.rate(contender, 20) > 0


def test_who_takes_the_ball_puts_it_into_the_queue_of_the_other():
    def party(mine, other):
        return mine, other

    assert [play() for play in switching.both_ways(party, "a", "b")] == [("a", "b"), ("b", "a")]


def test_the_memory_of_each_is_what_the_process_grows_by(monkeypatch):
    monkeypatch.setattr(memory, "WAITING", 20)
    size = memory.bytes_per_waiting(lambda number: [b"x" * 2_000_000 for _ in range(number)])
    assert size == pytest.approx(2_000_000, rel=0.05)


@pytest.mark.parametrize("name", memory.PARKED)
def test_memory_is_measured_in_a_process_of_its_own(name):
    assert 100 < memory.measured_apart(name) < 100_000


def test_each_message_reaches_all_subscribers():
    crowd = publishing.Publishing(subscribers=5)
    figures = crowd.measure()
    assert crowd.received == 5
    assert len(crowd.took) == publishing.MESSAGES
    assert min(figures.values()) > 0


def test_the_caller_tells_its_longest_wait():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        process = publishing.call(listener.getsockname()[1])
        for delay in (0.05, 0):
            conn, _ = listener.accept()
            with conn:
                time.sleep(delay)
                if not delay:
                    process.stdin.close()  # this was the last one
                conn.send(b"x")
    with process:
        assert 0.05 < float(process.stdout.read()) < 5


@pytest.mark.slow
def test_the_command_prints_a_table_for_each():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.runtime", "--rounds", "1", "--steps", "100"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    *tables, machine = done.stdout.strip().split("\n\n")
    titles = [title.split()[0] for title in tables[::2]]
    assert titles == ["put", "switches", "resident", "one"]
    assert "gevent" in machine

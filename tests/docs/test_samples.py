"""The samples in the text of the documentation do what the text says."""

import pathlib
import re
import textwrap

import pytest
from webtest import TestApp

from cogen.common import Scheduler, coro, events
from cogen.web.async_ import InlineHost

ROOT = pathlib.Path(__file__).parents[2]


def samples(page, language="python"):
    """Return the code blocks of a page."""
    text = (ROOT / "docs" / page).read_text()
    block = rf"^( *)\.\. code-block:: {language}\n\n((?:\1 +.*\n|\n)+)"
    return [textwrap.dedent(code) for _, code in re.findall(block, text, re.M)]


def test_the_front_pages_application_waits():
    names = {}
    exec(samples("index.rst")[0].replace("Sleep(1)", "Sleep(0.001)"), names)
    answer = TestApp(InlineHost(names["application"])).get("/")
    assert answer.body == b"one moment\nthank you for waiting\n"


def test_the_runtimes_sample_prints_what_was_put(capsys):
    exec(samples("reference/core/index.rst")[0].replace("timeout=1)", "timeout=0.2)"), {})
    assert capsys.readouterr().out == "0\n1\n2\nno more\n"


def test_the_test_of_middleware_tells_good_from_bad():
    names = {}
    exec((ROOT / "docs" / "examples" / "middleware.py").read_text(), names)
    (sample,) = samples("howto/middleware.rst")
    exec(sample, names)
    names["test_it_keeps_empty_chunks"]()
    names["Upper"] = names["Joined"]
    with pytest.raises(RuntimeError, match="Joined"):
        names["test_it_keeps_empty_chunks"]()


@pytest.fixture
def semaphore():
    """Return the how-to's semaphore with three permits, and what its user runs."""
    names = {"coro": coro}
    for sample in samples("howto/own-operation.rst"):
        exec(sample, names)
    names["three_at_a_time"] = names["Semaphore"](3)
    return names


def test_a_semaphore_lets_three_in_at_a_time(semaphore):
    inside, most = set(), []

    @coro
    def fetch(url):
        inside.add(url)
        most.append(len(inside))
        yield events.Sleep(0.001)
        inside.remove(url)
        return url

    @coro
    def main():
        started = []
        for url in range(10):
            started.append((yield events.AddCoro(semaphore["download"], (url,))))
        results = []
        for instance in started:
            results.append((yield events.Join(instance)))
        return results

    semaphore["fetch"] = fetch
    assert Scheduler().run(main()) == list(range(10))
    assert max(most) == 3
    assert semaphore["three_at_a_time"].permits == 3


def test_who_waits_for_a_permit_in_vain_leaves_the_queue(semaphore):
    permits = semaphore["three_at_a_time"]

    @coro
    def main():
        for _ in range(3):
            yield permits.acquire()
        with pytest.raises(events.OperationTimeout):
            yield permits.acquire(timeout=0.01)
        return len(permits.waiting)

    assert Scheduler().run(main()) == 0


def test_what_the_life_of_a_message_quotes_is_in_the_controller():
    text = (ROOT / "chatapp/controllers/chat.py").read_text()
    source = [line.strip() for line in text.splitlines()]
    quoted = "".join(samples("explanation/life-of-a-message.rst")).split("\n")
    assert len(quoted) > 10
    assert [line for line in quoted if line.strip() not in source] == []


@pytest.mark.parametrize(
    "page", [*(ROOT / "docs").glob("**/*.rst"), ROOT / "README.md"], ids=lambda page: page.name
)
def test_files_that_a_page_names_are_there(page):
    named = re.findall(
        r"(?<![\w/.])((?:docs|tests|chatapp|cogen|pylons|benchmarks)/[\w./-]+\w)", page.read_text()
    )
    assert [name for name in named if not pathlib.Path(ROOT, name).exists()] == []

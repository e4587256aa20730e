"""Fixtures for the command: ini files in a temporary directory, and a distribution to name."""

import textwrap

import pytest

from paster.command import main

SMALL = "call:tests.paster.small"


@pytest.fixture
def ini(tmp_path):
    """Write an ini file and return its path."""

    def write(content, name="x.ini"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(content).replace("SMALL", SMALL))
        return str(path)

    return write


@pytest.fixture
def paster(capsys):
    """Run a sub-command in this process; return its exit code, output and errors."""

    def run(*arguments):
        try:
            code = main(arguments)
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """Make a distribution with these entry points importable, and return its directory."""

    def make(name, entry_points):
        info = tmp_path / "lib" / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(textwrap.dedent(entry_points))
        monkeypatch.syspath_prepend(tmp_path / "lib")
        return tmp_path / "lib"

    return make

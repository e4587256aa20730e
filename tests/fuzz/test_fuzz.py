"""Run the coverage-guided fuzzers for a moment, where atheris can be installed."""

import pathlib
import subprocess
import sys

import pytest

from tests.cogen.web.test_fuzz import TABLE


@pytest.mark.slow
def test_parser_for_twenty_seconds(tmp_path):
    pytest.importorskip("atheris")
    for number, (data, _) in enumerate(TABLE.values()):
        (tmp_path / str(number)).write_bytes(b"\x07" + data)
    fuzzer = pathlib.Path(__file__).with_name("fuzz_parser.py")
    options = ["-max_total_time=20", "-max_len=240", f"-artifact_prefix={tmp_path}/"]
    run = subprocess.run(
        [sys.executable, fuzzer, *options, tmp_path], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert "Done" in run.stderr

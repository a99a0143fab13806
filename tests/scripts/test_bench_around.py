"""The benchmark of what surrounds generation: it runs the program on stored answers and adds the parts up."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from repository import ROOT

SCRIPT = ROOT / "scripts" / "bench_around.py"


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--no-report",)])
def test_it_says_where_the_time_goes(tmp_path, options):
    command = [sys.executable, SCRIPT, "--studies", "8", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    total, parts, share, limit = done.stdout.splitlines()
    seconds = re.fullmatch(r"8 studies: ([\d.]+) s around generation; run folder \d+ MB", total)
    assert seconds, total
    each = re.findall(r"([a-z ]+?) ([\d.]+) s(?:, |$)", parts.strip())
    assert [name for name, _ in each] == ["answers to disk", "scoring", "plots and report", "other"]
    assert sum(float(value) for _, value in each) == pytest.approx(float(seconds[1]), abs=0.25)
    assert re.fullmatch(r"  [\d.]+% of a run of 3 hours \(assumed: a 7B model, 10 beams\)", share), share
    below = re.fullmatch(r"  below 2% of a run as long as it generates fewer than ([\d,]+) studies per minute", limit)
    assert below, limit
    assert float(below[1]) == pytest.approx(8 * 60 * 0.02 / float(seconds[1]) / 0.98, rel=0.1, abs=1)
    assert not list(tmp_path.iterdir())  # everything is thrown away

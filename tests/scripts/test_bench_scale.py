"""The benchmark of large suites and boards: it runs the program and says what each part took."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from repository import ROOT

SCRIPT = ROOT / "scripts" / "bench_scale.py"


@pytest.mark.slow
def test_it_measures_two_sizes_and_a_board(tmp_path):
    command = [sys.executable, SCRIPT, "--studies", "40", "90", "--runs", "16", "--metrics", "rouge_l"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [re.match(r"(\d+) studies: first answer after [\d.]+ s", line)[1] for line in lines[0:6:3]] == ["40", "90"]
    assert all("ended" in line and "OTHER SCORES" not in line for line in lines[2:6:3])
    assert re.match(r"kB per study: before the first answer -?[\d.]+", lines[6])
    assert re.fullmatch(r"board of 16 runs over 90 studies: [\d.]+ s, \d+ different ranks", lines[7])
    assert not list(tmp_path.iterdir())

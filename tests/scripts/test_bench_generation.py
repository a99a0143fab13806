"""The benchmark of generation runs, each way in a process of its own, and finds the same texts."""

from __future__ import annotations

import subprocess
import sys

import pytest
from repository import ROOT

SCRIPT = ROOT / "scripts" / "bench_generation.py"


@pytest.mark.slow
def test_it_compares_both_ways():
    options = ["--shape", "tiny", "--studies", "6", "--beams", "3", "--new-tokens", "8", "--rounds", "2"]
    done = subprocess.run([sys.executable, SCRIPT, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 beams" in done.stdout
    assert "6 of 6 texts are the same" in done.stdout
    assert done.stderr.count("ours ") == done.stderr.count("original ") == 2  # the rounds

"""The benchmark of generation runs, and finds the texts of the naive way."""

from __future__ import annotations

import subprocess
import sys

import pytest
from repository import ROOT

SCRIPT = ROOT / "scripts" / "bench_generation.py"


@pytest.mark.slow
def test_it_compares_both_ways():
    options = ["--shape", "tiny", "--studies", "6", "--beams", "3", "--new-tokens", "8", "--batch-size", "4"]
    done = subprocess.run([sys.executable, SCRIPT, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 beams" in done.stdout
    assert done.stdout.count("x the naive way") == 2

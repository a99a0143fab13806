"""The benchmark of reading images: it compares the pixels, and every way with Pillow only decoding."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from repository import ROOT

SCRIPT = ROOT / "scripts" / "bench_images.py"
TINY = ("--studies", "2", "--size", "61x77", "--side", "28", "--rounds", "1")
THREADS = [
    "Pillow's decode, 1 thread",
    "Pillow's decode, 2 threads",
    "three channels, 1 thread",
    "1 thread",
    "2 threads",
]
LINE = re.compile(
    r"  (?P<way>.+?) +(?P<speed>[\d.]+) studies/s +((?P<cpu>[\d.]+) ms CPU/image)? +(?P<share>\d+)% of the"
)


def measured(*options: str) -> dict[str, re.Match[str]]:
    """The printed lines."""
    done = subprocess.run([sys.executable, SCRIPT, *TINY, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    first, *lines = done.stdout.splitlines()
    assert first == "2 studies, 2 JPEG files each, 61 x 77, to a square of 28"
    found = {match["way"]: match for match in map(LINE.match, lines) if match}
    assert len(found) == len(lines), done.stdout
    return found


@pytest.mark.slow
def test_threads_against_decoding_alone():
    ways = measured()
    assert list(ways) == THREADS
    decoding = float(ways[THREADS[0]]["speed"])
    for match in ways.values():
        assert float(match["cpu"]) > 0
        assert abs(float(match["speed"]) / decoding - int(match["share"]) / 100) < 0.01


@pytest.mark.slow
def test_processes_hand_the_pixels_back():
    assert list(measured("--processes")) == [*THREADS, "1 process", "2 processes"]

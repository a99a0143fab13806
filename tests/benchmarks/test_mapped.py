"""Memory that is part of a file leaves the process, and comes back unharmed; other memory stays."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.files.mapped import leave_to_file, mapped_files

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="says which files are mapped on Linux alone")


def resident_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 2**10


def test_what_is_mapped_leaves_and_is_read_again(tmp_path):
    np.save(tmp_path / "numbers.npy", np.arange(2**23))  # 64 MiB
    numbers = np.load(tmp_path / "numbers.npy", mmap_mode="c")
    total, files = numbers.sum(), mapped_files()
    before = resident_mb()
    leave_to_file(numbers.ctypes.data, numbers.nbytes, files)
    assert resident_mb() < before - 60
    assert numbers.sum() == total


def test_other_memory_stays():
    numbers = np.ones(2**23)
    before = resident_mb()
    leave_to_file(numbers.ctypes.data, numbers.nbytes, mapped_files())
    assert resident_mb() > before - 4
    assert numbers.sum() == 2**23

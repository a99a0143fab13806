"""Memory that is part of a file."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Sequence
from pathlib import Path

MADV_PAGEOUT = 21
"""Of Linux since 5.4; `mmap` has no name for it."""


def mapped_files() -> list[range]:
    """The addresses at which files are mapped into memory; none where the system does not say."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    fields = (line.split(maxsplit=5) for line in lines)
    return [
        range(*(int(end, 16) for end in addresses.split("-")))
        for addresses, _, _, _, inode, *_ in fields
        if inode != "0"
    ]


def leave_to_file(address: int, size: int, files: Sequence[range]) -> None:
    """Have memory that is part of a mapped file leave the process: it is read again when it is needed.

    Args:
        address: where it begins.
        size: bytes.
        files: of `mapped_files`; memory elsewhere stays.
    """
    first, end = -(-address // mmap.PAGESIZE) * mmap.PAGESIZE, (address + size) // mmap.PAGESIZE * mmap.PAGESIZE
    if first < end and any(first in file and end - 1 in file for file in files):
        madvise = ctypes.CDLL(None).madvise
        madvise(ctypes.c_void_p(first), ctypes.c_size_t(end - first), MADV_PAGEOUT)  # advice: nothing if it fails

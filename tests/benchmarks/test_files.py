"""Hashes of files: read once, and again when the file has changed."""

from __future__ import annotations

import hashlib
import os
import time

import pytest

from benchmarks.files import sha256_file

OLD = 1_700_000_000


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_changed_file_is_read_again(tmp_path):
    path = tmp_path / "suite.jsonl"
    path.write_text("one")
    os.utime(path, (OLD, OLD))
    assert sha256_file(path) == sha256("one")
    path.write_text("two")
    assert sha256_file(path) == sha256("two")
    os.utime(path, (OLD + 1, OLD + 1))
    assert sha256_file(path) == sha256("two")


def test_so_is_one_that_changed_within_a_tick_of_the_clock(tmp_path):
    path = tmp_path / "suite.jsonl"
    now = time.time_ns()
    for text in ("one", "two"):
        path.write_text(text)
        os.utime(path, ns=(now, now))
        assert sha256_file(path) == sha256(text)


def test_an_unchanged_file_is_read_once(tmp_path):
    path = tmp_path / "weights.bin"
    path.write_text("one")
    os.utime(path, (OLD, OLD))
    assert sha256_file(path) == sha256("one")
    path.write_text("two")
    os.utime(path, (OLD, OLD))  # behind the clock's back
    assert sha256_file(path) == sha256("one")


def test_a_file_that_is_gone_has_no_hash(tmp_path):
    with pytest.raises(FileNotFoundError):
        sha256_file(tmp_path / "none")

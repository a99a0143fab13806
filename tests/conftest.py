"""Fixtures for every test; `tests/support` holds what they are made of."""

from __future__ import annotations

from pathlib import Path

import pytest
from in_process import InProcess
from real_program import Program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The real command line, in an empty folder."""
    return Program(tmp_path)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> InProcess:
    """The same command line inside this process, for tests of many commands."""
    return InProcess(tmp_path, monkeypatch, capfd)

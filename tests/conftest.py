"""Fixtures for every test; `tests/support` holds what they are made of."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from in_process import InProcess
from real_program import Program

gc.disable()  # until the test modules are imported: nothing of them is garbage


def pytest_collection_finish() -> None:
    """What they and their libraries made, a million objects, stays: no garbage collection looks there again.

    Training, which collects often, takes a third less.
    """
    gc.freeze()
    gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the suite cost, workers and started programs included; CONTRIBUTING.md says how much it may."""
    terminalreporter.write_line(f"processor time: {sum(os.times()[:4]):.0f} s")


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The real command line, in an empty folder."""
    return Program(tmp_path)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> InProcess:
    """The same command line inside this process, for tests of many commands."""
    return InProcess(tmp_path, monkeypatch, capfd)

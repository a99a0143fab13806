"""Fixtures of the reports' tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from run_folders import write_run


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """`make_run("name", **what)` writes a run folder below tmp_path/runs."""

    def make(name: str = "run", **what: Any) -> Path:
        return write_run(tmp_path / "runs" / name, **what)

    return make

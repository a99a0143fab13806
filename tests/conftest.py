"""Fixtures for every test; `tests/support` holds what they are made of."""

from __future__ import annotations

from pathlib import Path

import pytest
from real_program import Program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The real command line, in an empty folder."""
    return Program(tmp_path)

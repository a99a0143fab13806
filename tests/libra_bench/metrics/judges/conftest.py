"""A judge on this machine that says what a test wants it to say."""

from __future__ import annotations

import pytest
from faulty_endpoint import endpoint


@pytest.fixture(autouse=True)
def no_key(monkeypatch, tmp_path):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def server():
    with endpoint() as running:
        yield running

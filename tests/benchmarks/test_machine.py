"""What further Pythons and the search for garbage are told."""

from __future__ import annotations

import gc

import pytest

from benchmarks import machine


def test_garbage_is_searched_for_again_whatever_happened_meanwhile():
    with machine.without_collecting():
        assert not gc.isenabled()
        with machine.without_collecting():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ValueError, match="no"), machine.without_collecting():
        raise ValueError("no")
    assert gc.isenabled()


def test_workers_end_with_their_block():
    with machine.workers("json", 2) as started:
        assert len(started) == 2
    assert all(worker.poll() is not None for worker in started)

"""What this process may use of the machine."""

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

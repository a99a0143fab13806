"""What this process may use of the machine."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

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


IMPORTED = """
import sys
from libra_bench.cli.app import main
sys.argv = ["libra-bench", "models", "--help"]
try:
    main()
finally:
    import torch
"""


@pytest.mark.skipif(sys.platform != "linux", reason="another OpenMP than GNU's")
@pytest.mark.parametrize(
    ("said", "spins"), [({}, machine.SPINS), ({"GOMP_SPINCOUNT": "77"}, 77), ({"OMP_WAIT_POLICY": "passive"}, 0)]
)
def test_waiting_threads_sleep_soon_unless_the_user_says_otherwise(said, spins):
    """As GNU's OpenMP says itself, once it is loaded with torch."""
    kept = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED],
        env={**kept, **said, "OMP_DISPLAY_ENV": "verbose"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert f"GOMP_SPINCOUNT = '{spins}'" in done.stderr

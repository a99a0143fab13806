"""Odd inputs of every kind, each target in a process of its own: no traceback, no hang, no flood of memory.

`LIBRA_BENCH_FUZZ_SECONDS` is how long each target is tried (20 seconds; `make fuzz`: four minutes),
`LIBRA_BENCH_FUZZ_SEED` where the random numbers begin.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).with_name("fuzz.py")
SECONDS = float(os.environ.get("LIBRA_BENCH_FUZZ_SECONDS", "20"))
SEED = int(os.environ.get("LIBRA_BENCH_FUZZ_SEED", "0"))
START_SECONDS = 300
"""What imports and a first input may take on a busy machine."""
TARGETS = (
    "suite", "predictions", "scores", "answers", "comparisons", "trainings", "caches", "ratings", "weights",
    "images", "checkpoints", "vlms", "recipes", "experiments", "cards", "endpoint", "report-text", "data-sets",
)  # fmt: skip


def test_every_target_is_tried() -> None:
    tree = ast.parse(FUZZ.with_name("targets.py").read_text(encoding="utf-8"))
    (table,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "TARGETS"
    ]
    assert isinstance(table, ast.Dict)
    assert [ast.literal_eval(key) for key in table.keys if key] == list(TARGETS)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + START_SECONDS + 60)
@pytest.mark.parametrize("target", TARGETS)
def test_no_input_ends_in_a_traceback_a_hang_or_a_flood(target: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, FUZZ, target, "--seconds", str(SECONDS), "--seed", str(SEED), "--keep", tmp_path / "kept"],
        capture_output=True,
        text=True,
        timeout=SECONDS + START_SECONDS,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr[-3000:]}\nthe input is {tmp_path / 'kept' / 'now'}"
    found = json.loads(done.stdout.splitlines()[-1])
    print(f"\n{target}: {found['tried']} inputs")
    assert found["failures"] == {}
    assert found["tried"] > 2

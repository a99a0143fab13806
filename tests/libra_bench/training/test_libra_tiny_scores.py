"""The shipped model learned something: on the demo suite it is far above the baselines that do not look."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from repository import ROOT

KEYS = ("ROUGE-L", "Temporal_entity_score", "Temporal_change_score")
SCRIPT = ROOT / "scripts" / "train_libra_tiny.py"


@pytest.mark.slow
def test_ten_points_above_constant_and_normal(program):
    found = {}
    for model in ("libra-tiny", "constant", "normal"):
        metrics = "rouge_l,temporal_f1,temporal_change_f1"
        done = program("run", "--suite", "demo", "--model", model, "--metrics", metrics, "--out", model, "--json")
        assert done.returncode == 0, done.stderr
        found[model] = {score["key"]: score["value"] for score in json.loads(done.stdout)["scores"]}
    for baseline in ("constant", "normal"):
        for key in KEYS:
            assert found["libra-tiny"][key] > found[baseline][key] + 10, (baseline, key)


@pytest.mark.slow
def test_the_script_that_trained_it_works(tmp_path):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--work", str(tmp_path), "--quick"], capture_output=True, text=True, timeout=590
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "prior" / "model" / "libra-tiny" / "model.safetensors").is_file()
    scores = json.loads((tmp_path / "prior" / "demo" / "scores.json").read_text())
    assert (scores["n"], scores["n_failed"]) == (66, 0)

"""Training the golden tiny model in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from oracles import GOLDEN, MODELS

from libra_bench.training import plots
from libra_bench.training.preparation import prepare
from libra_bench.training.recipe_file import load_recipe
from libra_bench.training.train import train

DATA = GOLDEN / "train" / "train.json"


@pytest.fixture
def golden_flags(tmp_path) -> dict[str, object]:
    """A stage 1 of the golden tiny model."""
    return {
        "model_name_or_path": MODELS / "tiny-llm-base",
        "vision_tower": MODELS / "tiny-rad-dino",
        "data_path": DATA,
        "image_folder": GOLDEN / "images",
        "output_dir": tmp_path / "out",
        "global_batch_size": 4,
        "per_device_train_batch_size": 2,
        "report_to": "none",
        "metric_for_best_model": "loss",
    }


@pytest.fixture
def run(golden_flags, monkeypatch):
    """Prepare, and train unless told otherwise, the golden tiny model with these flags.

    Without its curves, which take as long as the training: test_train_program.py looks at them.
    """
    monkeypatch.setattr(plots, "draw_training", lambda out: None)

    def run(*, prepare_only: bool = False, stage: str = "align", **flags: object) -> dict | None:
        given = {**golden_flags, **flags}
        origins = load_recipe(f"phantom-{stage}", stage, {name: str(value) for name, value in given.items()})
        prepared = prepare(origins, stage)
        return None if prepare_only else train(prepared, origins, [], lambda text: None)

    return run


@pytest.fixture
def edited(tmp_path):
    """The training data with something changed."""

    def write(change) -> Path:
        samples = json.loads(DATA.read_text())
        change(samples)
        path = tmp_path / "edited.json"
        path.write_text(json.dumps(samples))
        return path

    return write

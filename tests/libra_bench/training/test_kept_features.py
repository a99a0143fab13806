"""Training from features on disk: the same losses, each image encoded once, and what is missing said."""

from __future__ import annotations

import json

import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file

from benchmarks.errors import InputError
from libra_bench.training.feature_cache import fill_cache
from libra_bench.training.preparation import prepare
from libra_bench.training.recipe_file import load_recipe


def losses(out) -> list[float]:
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


@pytest.mark.parametrize(("bf16", "kept", "tolerance"), [(False, torch.float16, 2e-3), (True, torch.bfloat16, 0)])
def test_the_losses_of_training_from_pixels(run, tmp_path, bf16, kept, tolerance):
    """Single precision is kept in half: losses agree to about 1e-3. Bfloat16 is kept as it is: they are equal."""
    flags = {"max_steps": 2, "mm_projector_dropout": 0, "logging_steps": 1, "bf16": bf16, "use_cpu": True}
    run(**flags, output_dir=tmp_path / "pixels")
    run(**flags, output_dir=tmp_path / "features", cache_features=tmp_path / "kept")
    one, other = losses(tmp_path / "pixels"), losses(tmp_path / "features")
    assert len(one) == 2
    assert other == pytest.approx(one, abs=tolerance, rel=0)
    stored = list((tmp_path / "kept").rglob("*.safetensors"))
    assert len(stored) == 8
    assert {load_file(path)["features"].dtype for path in stored} == {kept}


@pytest.fixture
def prepared(golden_flags, tmp_path):
    """A run that is prepared again and again, with features in one folder."""

    def prepared(**flags: object):
        given = {**golden_flags, "cache_features": tmp_path / "kept", **flags}
        origins = load_recipe("phantom-align", "align", {name: str(value) for name, value in given.items()})
        return prepare(origins, "align")

    return prepared


def test_each_image_is_encoded_once(prepared):
    said: list[str] = []
    for _ in range(2):
        fill_cache(prepared(), Accelerator(cpu=True), said.append)
    assert [line.split(",")[0] for line in said] == [
        f"features of 8 training images: {number} to encode" for number in (8, 0)
    ]
    fill_cache(prepared(image_aspect_ratio="square"), Accelerator(cpu=True), said.append)
    assert "8 to encode" in said[-1]  # other pixels, other features


def test_a_damaged_file_is_said_and_made_anew(prepared, tmp_path):
    ready = prepared()
    fill_cache(ready, Accelerator(cpu=True), lambda text: None)
    expected = ready.data[0]["images"][0]
    images = ready.data.images
    current, _ = images.paths(ready.data.samples[0])
    (stored,) = (tmp_path / "kept").rglob(f"{images.sha256(current)}.safetensors")
    stored.write_bytes(stored.read_bytes()[:-5])
    with pytest.raises(InputError, match=r"has no features.*start again"):
        ready.data[0]
    fill_cache(again := prepared(), Accelerator(cpu=True), lambda text: None)
    assert torch.equal(again.data[0]["images"][0], expected)

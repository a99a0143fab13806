"""config.json is read once for all adapters and metrics; what it states the number of is built, so it is checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.errors import ModelError
from model_adapters.checkpoints.files import read_config


@pytest.mark.parametrize(
    "fields",
    [
        {"num_hidden_layers": 2**40},
        {"n_layer": 1_001},
        {"num_labels": 2**62},
        {"text_config": {"num_local_experts": 2**31}},
        {"vision_config": {"depth": 10_000}},
    ],
)
def test_more_than_any_model_has_is_refused_before_anything_is_built(tmp_path: Path, fields: dict[str, Any]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(fields))
    with pytest.raises(ModelError, match=r"config\.json: \w+ is [\d,]+, more than [\d,]+"):
        read_config(tmp_path)


def test_what_models_have_is_not(tmp_path: Path) -> None:
    stated = {
        "num_hidden_layers": 126, "vocab_size": 256_000, "hidden_size": 16_384, "num_labels": 21_843,
        "mm_vision_select_layer": -2, "max_position_embeddings": 10_485_760, "label2id": {"last": 21_842},
        "num_experts": 512, "is_encoder_decoder": True, "text_config": {"depth": 27},
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(stated))
    assert read_config(tmp_path) == stated

"""Validation on generated texts, the best checkpoint, stopping early."""

from __future__ import annotations

import pytest
from oracles import GOLDEN
from real_program import read_lines

VALID = {
    "validation_data_path": GOLDEN / "train" / "valid.json",
    "validation_samples": 2,
    "validation_max_new_tokens": 8,
}


def scores_of(out, key):
    return {line["step"]: line[f"eval_{key}"] for line in read_lines(out / "log.jsonl") if f"eval_{key}" in line}


@pytest.mark.parametrize(
    "key",
    [
        "ROUGE-L",
        "Temporal_entity_score",
        "loss",
        pytest.param("BLEU4", marks=pytest.mark.slow),
        pytest.param("Temporal_change_score", marks=pytest.mark.slow),
    ],
)
def test_any_key_decides_the_best(run, tmp_path, key):
    metrics = "bleu,rouge_l,temporal_f1,temporal_change_f1"
    result = run(max_steps=3, eval_steps=1, metric_for_best_model=key, validation_metrics=metrics, **VALID)
    found = scores_of(tmp_path / "out", key)
    assert set(found) == {1, 2, 3}
    best = min(found.values()) if key == "loss" else max(found.values())
    assert result["best"][key] == best
    assert found[result["best"]["step"]] == best


def test_stopping_early(run, tmp_path):
    # A rate of 0: the second validation is no better than the first.
    result = run(
        max_steps=8, eval_steps=2, learning_rate=0, early_stopping_patience=1, validation_metrics="rouge_l", **VALID
    )
    assert result["steps"] == 4
    assert set(scores_of(tmp_path / "out", "loss")) == {2, 4}


def test_texts_cost_nothing_where_none_are_asked_for(run, tmp_path):
    run(max_steps=1, eval_steps=1, **{**VALID, "validation_samples": 0})
    assert scores_of(tmp_path / "out", "loss")
    assert not scores_of(tmp_path / "out", "ROUGE-L")

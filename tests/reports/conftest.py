"""Run folders as `libra-bench run` writes them, made by hand so that each test decides what is in them."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

BASE_SCORES = {"BLEU1": 51.2489, "BLEU4": 24.5377, "ROUGE-L": 36.6611, "RadCliQ-v1": 1.0212}
METRIC_OF = {"BLEU1": "bleu", "BLEU4": "bleu", "ROUGE-L": "rouge_l", "RadCliQ-v1": "radcliq_v1"}


def score_entry(key: str, value: float, half_width: float | None = 1.5) -> dict[str, Any]:
    metric = METRIC_OF.get(key, key.lower())
    return {
        "key": key,
        "metric": metric,
        "value": value,
        "low": None if half_width is None else value - half_width,
        "high": None if half_width is None else value + half_width,
        "n": 3,
        "signature": f"{metric}|v:1",
        "higher_is_better": not key.startswith("RadCliQ"),
    }


def write_run(
    folder: Path,
    *,
    model: str = "libra-tiny",
    suite: str = "demo",
    fingerprint: str = "0a1b2c3d4e5f",
    values: Mapping[str, float] | None = None,
    answers: Sequence[Mapping[str, Any]] | None = None,
    samples: Sequence[Mapping[str, Any]] | None = None,
    sample_scores: Mapping[str, Sequence[float | None]] | None = None,
    spans: Sequence[Mapping[str, Any]] = (),
    card: Mapping[str, Any] | None = None,
    half_width: float | None = 1.5,
    **changes: Any,
) -> Path:
    """Write a run folder and its suite file beside it. `changes` go over the keys of run.json or scores.json."""
    if samples is None:
        samples = [
            {"question_id": 1, "image": ["a.png", "b.png"], "text": "Describe.", "reference": "Effusion is larger."},
            {"question_id": 2, "image": ["c.png"], "text": "Describe.", "reference": ["No effusion.", "Clear lungs."]},
            {"question_id": 3, "image": ["d.png"], "text": "Describe.", "reference": "Stable cardiomegaly."},
        ]
    if answers is None:
        texts = ["The effusion has increased.", "Clear lungs.", ""]
        finishes = ["stop", "length", "error"]
        answers = [
            {
                "question_id": sample["question_id"],
                "prompt": sample["text"],
                "text": texts[index % 3],
                "answer_id": f"id{index}",
                "model_id": model,
                "metadata": {"finish": finishes[index % 3], "new_tokens": 5, "seconds": 0.5}
                | ({"error": "cannot read d.png"} if index % 3 == 2 else {}),
            }
            for index, sample in enumerate(samples)
        ]
    folder.mkdir(parents=True, exist_ok=True)
    suite_file = folder.parent / f"{suite}.jsonl"
    suite_file.write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    record = {
        "schema_version": 1,
        "fingerprint": fingerprint,
        "suite": {
            "name": suite,
            "file": str(suite_file),
            "sha256": hashlib.sha256(suite_file.read_bytes()).hexdigest(),
            "image_root": str(folder.parent),
            "n": len(samples),
            "limit": None,
        },
        "model": {"id": model, "name": model, "adapter": "libra", "card": dict(card or {})},
        "protocol": {"name": "phantom", "overrides": {}},
        "decoding": {"num_beams": 3, "max_new_tokens": 96},
        "started": "2026-01-01T10:00:00+00:00",
        "ended": "2026-01-01T10:01:00+00:00",
        "seconds": 60.0,
        "studies_per_minute": 3.0,
        "n": len(samples),
        "world_size": 1,
        "command": f"libra-bench run --suite {suite} --model {model}",
        "versions": {"libra-bench": "0.1.0"},
    }
    scores = {
        "schema_version": 1,
        "suite": suite,
        "model": model,
        "n": len(samples),
        "n_failed": 1,
        "n_empty": 0,
        "n_truncated": 1,
        "scores": [score_entry(key, value, half_width) for key, value in (values or BASE_SCORES).items()],
        "details": {},
        "strata": [],
        "floors": [],
        "unavailable": [],
    }
    for key, value in changes.items():
        (scores if key in scores else record)[key] = value
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "scores.json").write_text(json.dumps(scores))
    (folder / "answers.jsonl").write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    (folder / "spans.jsonl").write_text("".join(json.dumps(span) + "\n" for span in spans))
    per_sample = (
        sample_scores if sample_scores is not None else {"ROUGE-L": [40.0, 90.0, 0.0], "BLEU4": [5.0, 80.0, 0.0]}
    )
    with (folder / "samples.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["question_id", *per_sample])
        table.writerows(zip([sample["question_id"] for sample in samples], *per_sample.values(), strict=False))
    return folder


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """`make_run("name", **what)` writes a run folder below tmp_path/runs."""

    def make(name: str = "run", **what: Any) -> Path:
        return write_run(tmp_path / "runs" / name, **what)

    return make

"""Run folders as `libra-bench run` writes them, made by hand so that each test decides what is in them."""

from __future__ import annotations

import csv
import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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


DEMO = Path(__file__).parents[2] / "benchmarks" / "data" / "demo"
FINDINGS = ("pleural effusion", "opacity", "pneumothorax", "cardiomegaly", "support line")
CHANGES = ("has increased", "has decreased", "is unchanged", "is new", "has resolved")


def write_large_run(folder: Path, n: int, *, seed: int = 0, **changes: Any) -> Path:
    """A run of n made-up cases over the demo suite's images, with scores and spans; some failed, truncated or empty.

    The studies are the same for every seed; the answers are not.
    """
    studies = [json.loads(line) for line in (DEMO / "demo.jsonl").read_text().splitlines()]
    fixed, own = random.Random(0), random.Random(seed + 1)
    samples: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    spans: list[dict[str, Any]] = []
    for number in range(n):
        study = studies[number % len(studies)]
        sentences = [_sentence(fixed) for _ in range(6)]
        reference = " ".join(sentences)
        prompt = "Provide a detailed description of the findings in the radiology image."
        view = fixed.choice(("AP", "PA", "LATERAL"))
        samples.append(
            {"question_id": number, "image": study["image"], "text": prompt, "reference": reference, "view": view}
        )
        finish = own.choices(("stop", "length", "empty", "error"), (94, 3, 1, 2))[0]
        text = " ".join(item if own.random() < 0.7 else _sentence(own) for item in sentences)
        text = "" if finish in {"empty", "error"} else text
        metadata = {"finish": "stop" if finish == "empty" else finish, "new_tokens": len(text.split()), "seconds": 1.5}
        metadata |= {"error": "cannot read the image"} if finish == "error" else {}
        answers.append({"question_id": number, "prompt": prompt, "text": text, "metadata": metadata})
        for side, where in (("prediction", text), ("reference", reference)):
            for word in ("increased", "decreased", "unchanged", "new", "resolved"):
                if (at := where.find(word)) >= 0:
                    span = {"side": side, "start": at, "end": at + len(word), "label": word}
                    spans.append({"question_id": number, "metric": "temporal_f1"} | span)
    scores = {
        name: [round(own.uniform(low, high), 6) if answer["text"] else 0.0 for answer in answers]
        for name, low, high in (("ROUGE-L", 20, 90), ("BLEU4", 1, 60))
    }
    write_run(folder, samples=samples, answers=answers, sample_scores=scores, spans=spans, **changes)
    change_record(folder, suite={"image_root": str(DEMO)})
    return folder


def change_record(folder: Path, name: str = "run.json", **changes: Any) -> Path:
    """Change keys of run.json or scores.json; a mapping changes keys of the mapping that is there."""
    record = json.loads((folder / name).read_text())
    for key, value in changes.items():
        record[key] = record.get(key, {}) | value if isinstance(value, dict) else value
    (folder / name).write_text(json.dumps(record))
    return folder


def _sentence(numbers: random.Random) -> str:
    side = numbers.choice(("left", "right"))
    return f"The {side} {numbers.choice(FINDINGS)} {numbers.choice(CHANGES)}."

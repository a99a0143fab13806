"""A large run of made-up cases over the demo suite's images: what the browser tests open."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

DEMO = Path(__file__).parents[2] / "benchmarks" / "data" / "demo"
FINDINGS = ("pleural effusion", "opacity", "pneumothorax", "cardiomegaly", "support line")
CHANGES = ("has increased", "has decreased", "is unchanged", "is new", "has resolved")


def sentence(random_numbers: random.Random) -> str:
    side = random_numbers.choice(("left", "right"))
    return f"The {side} {random_numbers.choice(FINDINGS)} {random_numbers.choice(CHANGES)}."


def synthetic_run(make_run: Callable[..., Path], name: str, n: int, *, seed: int = 0, **changes: Any) -> Path:
    """A run of n cases: half with a prior, some failed, truncated or empty, scores and spans for each."""
    studies = [json.loads(line) for line in (DEMO / "demo.jsonl").read_text().splitlines()]
    fixed, own = random.Random(0), random.Random(seed + 1)
    samples, answers, spans = [], [], []
    for number in range(n):
        study = studies[number % len(studies)]
        reference = " ".join(sentence(fixed) for _ in range(6))
        samples.append(
            {
                "question_id": number,
                "image": study["image"],
                "text": "Provide a detailed description of the findings in the radiology image.",
                "reference": reference,
                "view": fixed.choice(("AP", "PA", "LATERAL")),
            }
        )
        text = " ".join(
            item if own.random() < 0.7 else sentence(own) for item in reference.replace(". ", ".|").split("|")
        )
        kind = own.choices(("stop", "length", "empty", "error"), (94, 3, 1, 2))[0]
        text = "" if kind in {"empty", "error"} else text
        metadata = {"finish": "stop" if kind == "empty" else kind, "new_tokens": len(text.split()), "seconds": 1.5}
        if kind == "error":
            metadata["error"] = "cannot read the image"
        answers.append({"question_id": number, "prompt": samples[-1]["text"], "text": text, "metadata": metadata})
        for word in ("increased", "decreased", "unchanged", "new", "resolved"):
            for side, where in (("prediction", text), ("reference", reference)):
                at = where.find(word)
                if at >= 0:
                    spans.append(
                        {
                            "question_id": number,
                            "metric": "temporal_f1",
                            "side": side,
                            "start": at,
                            "end": at + len(word),
                            "label": word,
                        }
                    )
    scores = {
        "ROUGE-L": [0.0 if not answer["text"] else round(own.uniform(20, 90), 6) for answer in answers],
        "BLEU4": [0.0 if not answer["text"] else round(own.uniform(0, 60), 6) for answer in answers],
    }
    folder = make_run(name, samples=samples, answers=answers, sample_scores=scores, spans=spans, **changes)
    record = json.loads((folder / "run.json").read_text())
    record["suite"]["image_root"] = str(DEMO)
    (folder / "run.json").write_text(json.dumps(record))
    return folder

"""Sets of judgements, made up in each published layout."""

from __future__ import annotations

import csv
import json
from pathlib import Path

TESTS = [
    {
        "category": "False findings",
        "description": "more of them is worse",
        "tests": [
            {
                "id": "1a",
                "ground_truth": "Left effusion.",
                "candidates": {"C1": {"text": "Left effusion."}, "C2": {"text": "Mass.", "context": "age 40"}},
                "expected_ranking": ["C1 > C2", "C1 = C1"],
            }
        ],
    }
]


def written(path: Path, value: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def table(path: Path, rows: list[dict[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def radpref(folder: Path) -> Path:
    study = {
        "id": 7,
        "ground_truth_report": "Effusion.",
        "ground_truth_findings": "-",
        "PatientAge": 60,
        "C1_report": "Small effusion.",
        "C1_source": "x",
        "C2_report": "Clear.",
        "C2_source": "y",
    }
    written(folder / "preference_data.json", [study])
    for user, ratings in enumerate(((4, 1), (5, None)), 1):
        said = {
            "C1": {"finding_errors": {"0": {"error_type": "attribute"}}, "missing_findings": {}, "rating": ratings[0]},
            "C2": {"finding_errors": {}, "missing_findings": {"0": {}}, "rating": ratings[1]},
        }
        written(
            folder / f"radiologist_annotations/user_{user}.json", {"user_id": f"u{user}", "annotations": {"7": said}}
        )
    return folder


def rexval(folder: Path) -> Path:
    texts = {"gt_report": "Effusion.", "radgraph": "a", "bertscore": "b", "s_emb": "c", "bleu": "d"}
    table(folder / "samples.csv", [{"study_number": 0, **texts}])
    counts = [
        {
            "study_number": 0,
            "candidate_type": candidate,
            "error_category": category,
            "rater_id": rater,
            "clinically_significant": significant,
            "num_errors": 1 if candidate == "bleu" else 0,
        }
        for candidate in ("radgraph", "bertscore", "s_emb", "bleu")
        for category in range(1, 7)
        for rater in (0, 1)
        for significant in (True, False)
    ]
    table(folder / "counts.csv", counts)
    return folder

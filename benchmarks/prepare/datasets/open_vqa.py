"""VQA-RAD and SLAKE: questions on single images from many body parts, answered openly or closed (yes/no, a choice)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.prepare.datasets.layout import need_keys
from benchmarks.prepare.json_file import as_text, read_json_list
from benchmarks.prepare.output import Built


def vqa_rad_samples(source: Path, *, test: bool, chest_only: bool, steps: dict[str, int]) -> Iterator[Built]:
    """One sample per question of "VQA_RAD Dataset Public.json"; `phrase_type` says which are the test questions.

    The answer type is kept as a field to stratify by; the prompt is the question alone, which doesn't give it away.

    Args:
        source: the JSON list.
        test: the test questions (their phrase_type starts with "test"), else the others.
        chest_only: only images of the chest.
        steps: filled with counts.
    """
    rows = read_json_list(source)
    steps["questions in the file"] = len(rows)
    for number, row in enumerate(rows):
        need_keys(row, ("image_name", "question", "answer", "phrase_type"), f"{source}: item {number + 1}", "VQA-RAD")
        if as_text(row["phrase_type"]).lower().startswith("test") != test:
            continue
        _step(steps, "questions of the split")
        if chest_only and as_text(row.get("image_organ", "")).upper() != "CHEST":
            continue
        _step(steps, "samples")
        yield {
            "question_id": f"vqa-rad-{row.get('qid', number)}",
            "image": [as_text(row["image_name"])],
            "text": as_text(row["question"]),
            "reference": as_text(row["answer"]),
            **_fields(row, ("answer_type", "question_type", "image_organ", "phrase_type")),
            "has_prior": False,
            "split": "test" if test else "train",
        }


def slake_samples(source: Path, *, language: str, chest_only: bool, steps: dict[str, int]) -> Iterator[Built]:
    """One sample per question of SLAKE's train.json, validate.json or test.json.

    Args:
        source: the split's JSON list.
        language: "en" or "zh".
        chest_only: only chest X-rays (location Lung or Chest, modality X-Ray).
        steps: filled with counts.
    """
    rows = read_json_list(source)
    steps["questions in the file"] = len(rows)
    for number, row in enumerate(rows):
        need_keys(row, ("img_name", "question", "answer", "q_lang"), f"{source}: item {number + 1}", "SLAKE")
        if row["q_lang"] != language:
            continue
        _step(steps, f"questions in {language}")
        is_chest = as_text(row.get("modality", "")).lower() == "x-ray" and row.get("location") in ("Lung", "Chest")
        if chest_only and not is_chest:
            continue
        _step(steps, "samples")
        yield {
            "question_id": f"slake-{row.get('qid', number)}",
            "image": [as_text(row["img_name"])],
            "text": as_text(row["question"]),
            "reference": as_text(row["answer"]),
            **_fields(row, ("answer_type", "content_type", "base_type", "modality", "location")),
            "has_prior": False,
            "split": source.stem,
        }


def _fields(row: Mapping[str, Any], keys: tuple[str, ...]) -> Built:
    return {key: as_text(row[key]) for key in keys if key in row}


def _step(steps: dict[str, int], name: str) -> None:
    steps[name] = steps.get(name, 0) + 1

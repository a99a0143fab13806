"""ReXVQA: multiple-choice questions about the studies of ReXGradient-160K.

Layout (the data set's page on the hub): `metadata/<split>_vqa_data.json`, an object id -> {study_id, question, options
(a list "A. ...", "B. ..."), correct_answer (a letter), task_name, category, ...} with the study's fields of
ReXGradient-160K; the images are that data set's `deid_png/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.errors import InputError
from benchmarks.prepare.datasets.layout import Prepared, filled, find_file, iso_date, read_entries, text_list
from benchmarks.prepare.datasets.rexgradient import (
    IMAGES,
    HubSplit,
    hub_image_root,
    notes_on_views,
    patient_fields,
    views_of,
)
from benchmarks.prepare.json_file import as_text
from benchmarks.prepare.output import Built, images_by_role, one_line

DATA_SET = "ReXVQA"
INSTRUCTION = "Answer with the letter of the correct option."
_OPTION = re.compile(r"\(?([A-Z])\s*[.):]\s*(.+)", re.DOTALL)
_NEEDS = (
    "study_id", "question", "options", "correct_answer", "task_name", "category", "PatientID", "ImagePath",
    "ImageViewPosition",
)  # fmt: skip


def rexvqa(source: Path, split: HubSplit, *, steps: dict[str, int], image_root: Path | None = None) -> Prepared:
    """The questions of a split, each with its options in the prompt.

    Args:
        source: the folder that ReXVQA was downloaded to, or the split's JSON.
        split: which JSON of the folder.
        steps: filled with how many questions are left after each step.
        image_root: the folder that `deid_png` lies in; None: looked for beside the metadata.

    Raises:
        InputError: a file is missing or has another layout.
    """
    path = find_file(source, f"{split}_vqa_data.json", "*vqa_data*.json", DATA_SET)
    entries = read_entries(path, _NEEDS, DATA_SET)
    samples = _samples(entries, path, split, steps)
    root = image_root or hub_image_root(path)
    notes = notes_on_views(entries.values())
    if not (root / IMAGES).is_dir():
        notes += (f"the images are ReXGradient-160K's: give the folder of its {IMAGES} with --image-root",)
    return Prepared(samples, root, (path,), notes=notes)


def _samples(entries: dict[str, dict[str, Any]], path: Path, split: str, steps: dict[str, int]) -> Iterator[Built]:
    steps["questions in the file"] = len(entries)
    steps["with a frontal image"] = 0
    for name, entry in entries.items():
        where = f"{path}: {name}"
        frontal, view, lateral = views_of(entry, where, DATA_SET)
        options = _options(text_list(entry, "options", where, DATA_SET), where)
        letter = as_text(entry["correct_answer"]).strip(" .()").upper()
        if letter not in options:
            raise InputError(
                f"correct_answer {entry['correct_answer']!r} is none of {', '.join(options)}: not the known layout of "
                f"{DATA_SET}",
                where=where,
                hint="give the file as it was published",
            )
        if not frontal:
            continue
        steps["with a frontal image"] += 1
        lines = [f"{one}. {text}" for one, text in options.items()]
        yield {
            "question_id": name,
            "image": images_by_role(frontal, lateral),
            "text": "\n".join([one_line(as_text(entry["question"])), *lines, INSTRUCTION]),
            "answer": [letter, f"{letter}. {options[letter]}", options[letter]],
            "question_type": as_text(entry["task_name"]) or "unknown",
            "subject_id": as_text(entry["PatientID"]),
            "study_id": as_text(entry["study_id"]),
            "has_prior": False,
            **filled(
                {
                    "category": as_text(entry["category"]),
                    "subcategory": as_text(entry.get("subcategory")),
                    "indication": one_line(as_text(entry.get("Indication"))),
                    "study_date": iso_date(entry.get("StudyDate")),
                    **patient_fields(entry, view),
                }
            ),
            "options": [*options.values()],
            "split": split,
        }


def _options(listed: list[str], where: str) -> dict[str, str]:
    """Letter -> text of each option."""
    found: dict[str, str] = {}
    for number, option in enumerate(listed):
        match = _OPTION.fullmatch(option.strip())
        letter, text = match.groups() if match else (chr(ord("A") + number), option)
        if letter in found or not text.strip():
            raise InputError(f"options {listed!r} are not one per letter", where=where, hint="check the file")
        found[letter] = one_line(text)
    return found

"""A suite, with answers or without, as a CSV table that a spreadsheet can open safely."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.files import atomic_write
from benchmarks.files.formulas import guarded
from benchmarks.schema import IMAGE_COLUMNS, Answer, Sample


def write_csv(samples: Sequence[Sample], out: Path, answers: Sequence[Answer] | None = None) -> int:
    """Write question_id, the images, text, reference, labels, the answers, and every other field.

    The table is a suite again: a column for each role of an image, lists as JSON.

    Args:
        samples: a suite.
        out: UTF-8 with a byte-order mark, which spreadsheets need to read accents.
        answers: one per sample, in their order; None: no column `prediction`.

    Returns:
        How many rows.
    """
    fields = list(dict.fromkeys(key for sample in samples for key in sample.fields))
    named = set().union(*(sample.laterals for sample in samples)) | {"prior"}
    roles = {column: role for column, role in IMAGE_COLUMNS.items() if role in named}
    columns = ["question_id", "image", *roles, "text", "reference", "labels"]
    columns += [] if answers is None else ["prediction"]
    with atomic_write(out, private=True, encoding="utf-8-sig") as stream:
        writer = csv.writer(stream)
        writer.writerow(guarded(column) for column in (*columns, *fields))
        for index, sample in enumerate(samples):
            images = sample.by_role
            cells: list[Any] = [sample.question_id, images.get("current")]
            cells += [*(images.get(role) for role in roles.values()), sample.text]
            cells += [_joined(sample.references), None if sample.labels is None else list(sample.labels)]
            cells += [] if answers is None else [answers[index].text]
            writer.writerow([_cell(cell) for cell in (*cells, *(sample.fields.get(key) for key in fields))])
    return len(samples)


def _joined(texts: Sequence[str] | None) -> Any:
    """One text as it is, none as the empty cell, several as a list; so is one that would be read as a list."""
    if not texts:
        return ""
    return texts[0] if len(texts) == 1 and not texts[0].startswith("[") else list(texts)


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict | tuple):
        return guarded(json.dumps(value, ensure_ascii=False))
    return "" if value is None else guarded(value)

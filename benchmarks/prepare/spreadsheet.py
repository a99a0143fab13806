"""Your own data: a spreadsheet (CSV, Excel, Parquet) with one study per row becomes a suite, columns named by flags."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.errors import InputError
from benchmarks.files.json_text import parse_json
from benchmarks.files.numbers import as_id
from benchmarks.prepare.frames import read_frame
from benchmarks.prepare.output import NO_LABELS, Built, image_list, one_line, with_context
from benchmarks.schema import HIDDEN_KEYS


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of the spreadsheet holds what; empty: there is none."""

    image: str
    prior: str = ""
    reference: str = ""
    prompt: str = ""
    identity: str = ""
    subject: str = ""
    labels: str = ""
    context: Mapping[str, str] = field(default_factory=dict)
    """Label in the prompt ("Indication") -> column."""
    keep: Sequence[str] = ()
    """Further columns to keep as fields."""


def spreadsheet_samples(
    source: Path,
    columns: Columns,
    *,
    image_root: Path,
    prompt: str,
    sheet: str | None = None,
    steps: dict[str, int],
) -> Iterator[Built]:
    """One sample per row; rows without an image are counted and skipped.

    Without an id column the row's number (the first row under the header is 1) is the id. Errors name the row that a
    spreadsheet shows, where the header is row 1. Labels are a JSON list, or
    separated by semicolons.

    Args:
        source: the spreadsheet.
        columns: which column holds what.
        image_root: what image paths are relative to; absolute ones below it are made relative.
        prompt: for rows without a prompt of their own; clinical context is put behind either.
        sheet: an Excel file's sheet; None: the first.
        steps: filled with counts.

    Raises:
        InputError: a column is missing or cannot be kept, an id occurs twice, or an image lies elsewhere.
    """
    c = columns
    single = (c.image, c.prior, c.reference, c.prompt, c.identity, c.subject, c.labels)
    used = [column for column in (*single, *columns.context.values(), *columns.keep) if column]
    hidden = [column for column in columns.keep if column in HIDDEN_KEYS or column in ("question_id", "image", "text")]
    if hidden:
        raise InputError(f"column {hidden[0]} has a meaning of its own", where="--keep", hint="rename it")
    frame = read_frame(source, list(dict.fromkeys(used)), sheet=sheet)
    steps.update({"rows": len(frame), "with an image": 0})
    places: dict[str, int] = {}
    header = 0 if source.suffix.lower() == ".parquet" else 1
    for number, row in enumerate(frame.to_dict("records"), start=1):
        cells = {str(column): str(cell).strip() for column, cell in row.items()}
        if not cells[columns.image]:
            continue
        steps["with an image"] += 1
        identity = cells[columns.identity] if columns.identity else str(number)
        where = f"{source}: row {number + header}"
        if not identity:
            raise InputError(f"{columns.identity} is empty", where=where, hint="give every row an id")
        first = places.setdefault(identity, number)
        if first != number:
            raise InputError(f"id {identity!r} is in row {first + header} already", where=where, hint="make ids unique")
        context = {label: cells[column] for label, column in columns.context.items()}
        image = _below(cells[columns.image], image_root, where)
        prior = _below(cells[columns.prior], image_root, where) if columns.prior else ""
        sample: Built = {
            "question_id": as_id(identity),
            "image": image_list(image, prior if prior != image else ""),
            "text": with_context((cells[columns.prompt] if columns.prompt else "") or prompt, context),
        }
        if columns.reference:
            sample["reference"] = one_line(cells[columns.reference])
        if columns.labels:
            sample["labels"] = _labels(cells[columns.labels], where)
            sample.setdefault("reference", ", ".join(sample["labels"]) or NO_LABELS)
        if columns.subject:
            sample["subject_id"] = as_id(cells[columns.subject])
        yield sample | {"has_prior": len(sample["image"]) > 1} | {column: cells[column] for column in columns.keep}


def _below(image: str, root: Path, where: str) -> str:
    """An image path relative to the root; an absolute one must lie below it."""
    if not Path(image).is_absolute():
        return image
    for folder in (root.absolute(), root.resolve()):
        if Path(image).is_relative_to(folder):
            return Path(image).relative_to(folder).as_posix()
    raise InputError(f"image {image} lies outside {root}", where=where, hint="give --image-root")


def _labels(cell: str, where: str) -> list[str]:
    if not cell.startswith("["):
        return [label.strip() for label in cell.split(";") if label.strip()]
    try:
        labels = parse_json(cell)
    except json.JSONDecodeError as error:
        raise InputError("labels are not a JSON list", where=where, hint='write ["a", "b"] or a; b') from error
    return [str(label) for label in labels]

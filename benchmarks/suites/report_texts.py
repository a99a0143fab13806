"""Every report text of a file, whoever wrote it: references, answers, plain text."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.errors import InputError
from benchmarks.files import reading
from benchmarks.schema import REFERENCE_KEYS, QuestionId
from benchmarks.suites import question_id_of
from benchmarks.tables import read_rows

STDIN = Path("-")
TABLES = frozenset({".jsonl", ".json", ".csv", ".parquet"})


@dataclass(frozen=True, slots=True)
class ReportText:
    """One text of a file."""

    question_id: QuestionId
    """The line's; of plain text, the file's name without its ending."""
    source: str
    """The field that contained it ("reference", "findings 2", "prediction", "text")."""
    text: str


def read_report_texts(path: Path) -> Iterator[ReportText]:
    """Yield the texts of a suite file, a file of answers (JSON lines, CSV, Parquet), or a file of plain text.

    In a table, those under reference, findings, impression, answer and prediction, alternatives one by one; and under
    `text` where a line has none of these and no image (else `text` is a prompt). Any other file is one text; "-" is
    standard input.

    Raises:
        InputError: the file cannot be read, or holds no report.
        SuiteError: a line without an id, or a field that holds no text; names file and line.
    """
    if path.suffix.lower() not in TABLES:
        yield ReportText("stdin" if path == STDIN else path.stem, "text", _plain_text(path))
        return
    found = False
    for place, row in read_rows(path):
        for text in _of_row(row, place):
            found = True
            yield text
    if not found:
        raise InputError(
            "holds no report",
            where=path,
            hint=f"put it under {', '.join(REFERENCE_KEYS)}, prediction or text (which is a prompt beside an image)",
        )


def _of_row(row: Mapping[str, Any], place: str) -> Iterator[ReportText]:
    question_id = question_id_of(row, place)
    fields = [key for key in (*REFERENCE_KEYS, "prediction") if row.get(key) is not None]
    if not fields and row.get("text") is not None and not row.get("image"):
        fields = ["text"]
    for field in fields:
        value = row[field]
        for number, text in enumerate(value if isinstance(value, list) else [value], start=1):
            if not isinstance(text, str):
                raise InputError(f"{field} is not a text or a list of texts", where=place)
            yield ReportText(question_id, field if number == 1 else f"{field} {number}", text)


def _plain_text(path: Path) -> str:
    with reading(path):
        return sys.stdin.read() if path == STDIN else path.read_text(encoding="utf-8-sig")

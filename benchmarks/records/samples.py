"""samples.csv and spans.jsonl: what metrics say of each study. Their layout goes with that of scores.json."""

from __future__ import annotations

import csv
import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.errors import InputError
from benchmarks.files import atomic_write, read_jsonl, write_jsonl
from benchmarks.files.formulas import guarded, unguarded
from benchmarks.schema import QuestionId
from benchmarks.tables import read_csv_rows
from benchmarks.wording import first_few

SAMPLES_FILE = "samples.csv"
SPANS_FILE = "spans.jsonl"
ID_COLUMN = "question_id"
LONGEST_TEXT = 2**31
"""Offsets into a text are held in 32 bits."""


@dataclass(frozen=True, slots=True)
class SampleScores:
    """One value per study, in the order of the suite, for every metric that defines it."""

    ids: Sequence[QuestionId]
    """A reader has them as text: CSV cannot tell 17 from "17"."""
    columns: Mapping[str, Sequence[float]]
    """Column -> a value per study, in the unit of the column; NaN where there is none."""


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """A piece of text that a metric matched."""

    question_id: QuestionId
    side: str
    """"prediction", "reference", or "reference 2" and so on where there are several."""
    start: int
    """Offsets into the text as it was given."""
    end: int
    label: str
    metric: str
    """The metric's id."""


def read_sample_scores(folder: Path) -> SampleScores:
    """The scores per study of a run folder; empty where there are none.

    Raises:
        InputError: it is not such a table; names the line.
    """
    path = folder / SAMPLES_FILE
    if not path.exists():
        return SampleScores((), {})
    rows = read_csv_rows(path)
    _, columns = next(rows)
    if ID_COLUMN not in columns:
        raise InputError(f"has no column {ID_COLUMN}", where=path, hint=_hint(folder))
    at, ids = columns.index(ID_COLUMN), []
    values = {place: array("d") for place in range(len(columns)) if place != at}
    for where, cells in rows:
        ids.append(unguarded(cells[at]))
        for place, numbers in values.items():
            numbers.append(_number(cells[place], columns[place], where, folder))
    if twice := [name for name, times in Counter(ids).items() if times > 1]:
        raise InputError(f"two rows of one study ({first_few(twice)})", where=path, hint=_hint(folder))
    return SampleScores(tuple(ids), {unguarded(columns[place]): numbers for place, numbers in values.items()})


def write_sample_scores(folder: Path, scores: SampleScores) -> None:
    """Write samples.csv atomically.

    Raises:
        StorageError: it cannot be written; the old file stays.
    """
    with atomic_write(folder / SAMPLES_FILE) as stream:
        table = csv.writer(stream)
        table.writerow([ID_COLUMN, *map(guarded, scores.columns)])
        table.writerows(zip(map(guarded, scores.ids), *scores.columns.values(), strict=True))


def read_spans(folder: Path) -> Iterator[SpanRecord]:
    """The spans of a run folder; none where there is no file.

    Raises:
        InputError: a line is no span; names it.
    """
    path = folder / SPANS_FILE
    if not path.exists():
        return
    for line, row in read_jsonl(path):
        match row:
            case {
                "question_id": int() | str() as question_id,
                "side": str() as side,
                "start": int() as start,
                "end": int() as end,
                "label": str() as label,
                "metric": str() as metric,
            } if 0 <= start <= end < LONGEST_TEXT:
                yield SpanRecord(question_id, side, start, end, label, metric)
            case _:
                raise InputError("this line is not a span", where=f"{path}:{line}", hint=_hint(folder))


def write_spans(folder: Path, spans: Iterable[SpanRecord]) -> None:
    """Write spans.jsonl atomically.

    Raises:
        StorageError: it cannot be written; the old file stays.
    """
    write_jsonl(folder / SPANS_FILE, map(asdict, spans))


def _number(cell: str, column: str, place: str, folder: Path) -> float:
    try:
        value = float(cell) if cell else math.nan
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise InputError(f"{column} is {cell!r}, not a number", where=place, hint=_hint(folder))
    return value


def _hint(folder: Path) -> str:
    return f"move it away and score again: libra-bench score {folder}"

"""Rows of a table, each with its place in the file: the same records whatever the format."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.errors import InputError
from benchmarks.files import read_jsonl, reading
from benchmarks.files.formulas import unguarded
from benchmarks.files.json_text import parse_json
from benchmarks.files.numbers import as_id
from benchmarks.schema import REFERENCE_KEYS
from benchmarks.tables.hf_dataset import is_dataset, read_dataset
from benchmarks.tables.texts import array_items, begins_array, text_lines

TEXT_LISTS = frozenset({"image", "labels", *REFERENCE_KEYS})
"""Columns whose cell is a text, or a JSON list of texts (`image`: or an object)."""


EXCEL = (".xlsx", ".xlsm", ".xls")
TEXT_COLUMNS = frozenset({"text"})
"""Columns whose cells are texts whatever they look like, and where an empty cell is an empty text."""


def read_rows(
    path: Path, *, bare: str = "text", text_columns: Collection[str] = TEXT_COLUMNS
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, row) of a file or of a Hugging Face dataset on disk (a folder).

    `.csv`, `.parquet`, `.txt` (a text per line) and `.json` (an array) by their ending, everything else is JSON lines;
    so is a `.json` file that begins otherwise. A place is "file:line" ("file: row N" in Parquet, an array or a dataset,
    all from 1; in CSV "file:line (row N)", the row of a spreadsheet, where cells with line breaks make it another one).
    In CSV and Parquet an empty cell is an absent value, except in text columns, where it is an empty text.
    CSV cells: whole numbers under `question_id` become int, JSON lists of texts are read under `image` (and objects
    there), `labels` and the reference columns, and true, false, JSON lists and JSON objects under any other column but
    text columns; all else stays text, without the apostrophe that `data export` puts in front of what looks like a
    formula.

    Args:
        path: the file or folder.
        bare: the column of texts that stand alone (lines of `.txt`, texts of an array).
        text_columns: see above.

    Raises:
        InputError: the file is missing or cannot be read as what its ending says; names the line.
    """
    if is_dataset(path):
        yield from read_dataset(path)
        return
    match path.suffix.lower():
        case ".csv":
            yield from _read_csv(path, text_columns)
        case ".parquet":
            yield from _read_parquet(path, text_columns)
        case ".txt":
            yield from text_lines(path, bare)
        case ending if ending in EXCEL:
            hint = (
                f"make one of it: libra-bench data import table {path.name} --out {path.stem}.jsonl; or save it as CSV"
            )
            raise InputError("an Excel file is no suite", where=path, hint=hint)
        case ".json" if begins_array(path):
            yield from array_items(path, bare)
        case _:
            for line, row in read_jsonl(path):
                yield f"{path}:{line}", row


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A CSV file as text."""

    columns: Sequence[str]
    rows: Sequence[tuple[str, dict[str, str]]]
    """(place, column -> cell) of each row."""


def read_csv(path: Path) -> CsvTable:
    """Read a CSV file with a header, strictly: nothing in it is dropped or guessed. Blank lines are skipped.

    Raises:
        InputError: the file is missing or is no such table (a column twice, a row with another number of cells, an
            open quote); names the line.
    """
    rows = read_csv_rows(path)
    _, columns = next(rows)
    return CsvTable(columns, [(place, dict(zip(columns, cells, strict=True))) for place, cells in rows])


def read_csv_rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """(place, cells) of each row of a CSV file as `read_csv` reads it, one at a time; the columns first.

    Raises:
        InputError: as `read_csv`, once the row is reached.
    """
    reader = None
    try:
        with reading(path), path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            columns = next(reader, [])
            row = 1
            if twice := {column for column in columns if columns.count(column) > 1}:
                raise InputError(
                    f"column {min(twice)!r} occurs twice", where=f"{path}:1", hint="rename or drop one of them"
                )
            yield f"{path}:1", columns
            while True:
                line, row = reader.line_num + 1, row + 1
                # where the row starts; a cell may hold line breaks, so that a spreadsheet counts otherwise
                place = f"{path}:{line}" if line == row else f"{path}:{line} (row {row})"
                cells = next(reader, None)
                if cells is None:
                    return
                if cells and len(cells) != len(columns):
                    raise InputError(
                        f"{len(cells)} cells under {len(columns)} columns",
                        where=place,
                        hint="separate by commas and quote cells that contain commas, quotes or line breaks",
                    )
                if cells:
                    yield place, cells
    except csv.Error as error:
        line = 1 if reader is None else reader.line_num
        raise InputError(f"not valid CSV ({error})", where=f"{path}:{line}", hint="check its quotes") from error


def _read_csv(path: Path, text_columns: Collection[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for place, cells in read_csv(path).rows:
        plain = {unguarded(column): unguarded(cell) for column, cell in cells.items()}
        row = {column: cell if column in text_columns else _cell(column, cell) for column, cell in plain.items()}
        yield place, {column: value for column, value in row.items() if value != "" or column in text_columns}


def _cell(column: str, cell: str) -> Any:
    if column == "question_id":
        return as_id(cell)
    if column not in TEXT_LISTS and cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    if cell.startswith(("[", "{")):
        try:
            value = parse_json(cell, unique_keys=True)
        except ValueError:
            return cell
        is_texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
        is_roles = column == "image" and isinstance(value, dict)
        return value if is_texts or is_roles or column not in TEXT_LISTS else cell
    return cell


def _read_parquet(path: Path, text_columns: Collection[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise InputError(
            "Parquet needs pyarrow, which is not installed", where=path, hint='pip install "libra-bench[tables]"'
        ) from error
    with reading(path), path.open("rb"):
        pass  # pyarrow would read a folder as one table
    try:
        rows = parquet.read_table(path).to_pylist()
    except (ArrowException, OSError) as error:
        raise InputError(f"not a readable Parquet file ({error})", where=path, hint="write it again") from error
    for number, row in enumerate(rows, start=1):
        present = {
            column: _json_value(column, value)
            for column, value in row.items()
            if value is not None and value == value  # NaN is Parquet's other way to say nothing
        }
        yield f"{path}: row {number}", {c: value for c, value in present.items() if value != "" or c in text_columns}


def _json_value(column: str, value: Any) -> Any:
    """Values that JSON has stay; dates and the like become text, and a text under `image` may be JSON."""
    if column in TEXT_LISTS and isinstance(value, str):
        return _cell(column, value)
    return value if isinstance(value, str | int | float | list | dict) else str(value)

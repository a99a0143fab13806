"""leaderboard.csv: one row per run, published column names, a re-run replaces its row; and a run's terminal table."""

from __future__ import annotations

import csv
import fcntl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.errors import InputError, StorageError
from benchmarks.files import atomic_write
from benchmarks.records.run import RunRecord
from benchmarks.records.scores import Scores
from reports.spreadsheet import guarded

if TYPE_CHECKING:
    from rich.table import Table

NAME = "Model Name"
RUN = "run"
PUBLISHED = ("BLEU1", "BLEU2", "BLEU3", "BLEU4", "METEOR", "ROUGE-L", "Bert_score", "Temporal_entity_score")
"""The published columns, in the published order."""
COUNTS = ("n", "n_failed", "n_empty", "n_truncated")
BATCHING = "batching_differs"
"""Percent of studies whose text another batch size changes; only where `verify-batching` measured it."""
FACTS = ("suite", "protocol", *COUNTS, BATCHING, RUN)
"""What stands behind the metrics."""

Row = Mapping[str, str | float]


def row_of(scores: Scores, run: RunRecord | None) -> dict[str, str | float]:
    """A run's row of leaderboard.csv, values in full precision.

    Args:
        scores: scores.json.
        run: run.json; None for answers that were scored alone.
    """
    metrics = {entry.key: float(entry.value) for entry in scores.defined if entry.value is not None}
    row: dict[str, str | float] = {NAME: scores.model}
    row |= {key: metrics[key] for key in metric_columns(metrics)}
    row |= {"suite": scores.suite, "protocol": run.protocol.name if run and run.protocol else ""}
    row |= {name: getattr(scores, name) for name in COUNTS}
    if run and run.batching:
        row[BATCHING] = 100 * run.batching.share
    return row | {RUN: run.fingerprint if run else ""}


def signatures_of(scores: Scores) -> dict[str, str]:
    """Column -> signature, of a scores.json."""
    return {entry.key: entry.signature for entry in scores.defined}


def update(path: Path, row: Row, signatures: Mapping[str, str] | None = None) -> None:
    """Add a row to a leaderboard, or replace the row of the same run; a new metric adds its column.

    A row without a run is known by model name and suite. Written atomically, under a lock: any number of
    runs may end at the same moment. Beside `leaderboard.csv`, `leaderboard.signatures.csv` says of each number
    what exactly was computed.

    Args:
        path: the leaderboard.
        row: from `row_of`.
        signatures: from `signatures_of`; None: the companion is left alone.

    Raises:
        InputError: the file is there, but is no leaderboard.
        StorageError: it cannot be written.
    """
    with _lock(path):
        rows: list[Row] = [*read(path)]
        places = [index for index, other in enumerate(rows) if _identity(other) == _identity(row)]
        if places:
            rows = [other for index, other in enumerate(rows) if index not in places[1:]]
            rows[places[0]] = row
        else:
            rows.append(row)
        write(path, rows)
        if signatures is not None:
            _update_signatures(path.with_suffix(".signatures.csv"), row, signatures)


def _update_signatures(path: Path, row: Row, signatures: Mapping[str, str]) -> None:
    lines: list[Row] = [other for other in read(path) if _identity(other) != _identity(row)]
    known = {NAME: row[NAME], "suite": row.get("suite", ""), RUN: row.get(RUN, "")}
    lines += [{**known, "column": column, "signature": signature} for column, signature in signatures.items()]
    with atomic_write(path) as stream:
        table = csv.DictWriter(stream, [NAME, "suite", "column", "signature", RUN], lineterminator="\n")
        table.writeheader()
        table.writerows({key: guarded(value) for key, value in line.items()} for line in lines)


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a leaderboard, as text; none where the file isn't there.

    Raises:
        InputError: the file is no leaderboard.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            table = csv.DictReader(stream)
            if table.fieldnames and table.fieldnames[0] != NAME:
                raise InputError(
                    f"not a leaderboard: its first column is {table.fieldnames[0]!r}, not {NAME!r}",
                    where=path,
                    hint="give another file",
                )
            return [{key: value or "" for key, value in row.items() if key} for row in table]
    except FileNotFoundError:
        return []
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot be read as CSV ({error})", where=path, hint="give another file") from error


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write leaderboard rows, all with the same columns, blank where a run has no value.

    Raises:
        StorageError: it cannot be written; the old file stays.
    """
    rows = list(rows)
    seen = dict.fromkeys(key for row in rows for key in row)
    columns = [NAME, *metric_columns(seen), *(fact for fact in FACTS if fact != BATCHING or fact in seen)]
    with atomic_write(path) as stream:
        table = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows({key: guarded(value) for key, value in row.items()} for row in rows)


def write_row(path: Path, row: Row) -> None:
    """Write a leaderboard of one row: a run's own scores.csv."""
    write(path, [row])


def as_table(scores: Scores) -> Table:
    """The scores of one run as a table for the terminal: value, 95 % interval, direction; counts below it."""
    from rich.table import Table
    from rich.text import Text

    with_intervals = any(entry.low is not None for entry in scores.scores)
    table = Table(title=Text(f"{scores.model} on {scores.suite}"), title_justify="left", caption_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    if with_intervals:
        table.add_column("95 % interval", justify="right")
    for entry in scores.scores:
        value = "undefined" if entry.value is None else f"{entry.value:.2f}"
        cells = [f"{entry.key} {'↑' if entry.higher_is_better else '↓'}", value]
        if with_intervals:
            cells.append("" if entry.low is None else f"{entry.low:.2f} – {entry.high:.2f}")
        table.add_row(*map(Text, cells))
    counts = ", ".join(f"{n} {name.removeprefix('n_')}" for name in COUNTS[1:] if (n := getattr(scores, name)))
    caption = f"{scores.n} studies" + (f", of them {counts}" if counts else ", none failed, empty or truncated")
    for lacking in scores.unavailable:
        caption += f"\nnot run: {lacking.metric} ({lacking.reason}; {lacking.remedy})"
    table.caption = Text(caption)
    return table


def metric_columns(names: Iterable[str]) -> list[str]:
    """The columns of metrics among some names: the published ones first, in their order."""
    names = list(names)
    known = {NAME, *FACTS, *PUBLISHED}
    return [*(key for key in PUBLISHED if key in names), *(key for key in names if key not in known)]


def _identity(row: Row) -> tuple[str, ...]:
    run = str(row.get(RUN, ""))
    return (run,) if run else ("", str(guarded(row[NAME])), str(guarded(row.get("suite", ""))))


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Wait until no other process is changing this leaderboard."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(f".{path.name}.lock").open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise StorageError(f"cannot write ({error.strerror})", where=path, hint="choose another folder") from error

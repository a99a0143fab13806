"""leaderboard.csv: one row per run, published column names, a re-run replaces its row; and a run's terminal table."""

from __future__ import annotations

import csv
import fcntl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import InputError, RunConflictError, StorageError
from benchmarks.files import atomic_write
from benchmarks.files.formulas import guarded, unguarded
from benchmarks.records.run import RunRecord
from benchmarks.records.scores import Scores, signature_difference
from benchmarks.tables import read_csv

NAME = "Model Name"
RUN = "run"
PUBLISHED = ("BLEU1", "BLEU2", "BLEU3", "BLEU4", "METEOR", "ROUGE-L", "Bert_score", "Temporal_entity_score")
"""The published columns, in the published order."""
COUNTS = ("n", "n_failed", "n_empty", "n_truncated")
BATCHING = "batching_differs"
"""Percent of studies whose text another batch size changes; only where `verify-batching` measured it."""
FACTS = ("suite", "protocol", *COUNTS, BATCHING, RUN)
"""The columns after the metrics."""
SIGNATURE_COLUMNS = (NAME, "suite", "column", "signature", "scored", RUN)
"""Of the companion."""

Cells = Mapping[str, str | float]
"""A row of the file: column -> cell; columns that are not ours among them."""


@dataclass(frozen=True, slots=True)
class LeaderboardRow:
    """What a leaderboard has of a run, or of answers that were scored alone."""

    model: str
    suite: str
    protocol: str
    """Empty where none produced the texts."""
    n: int
    n_failed: int
    n_empty: int
    n_truncated: int
    values: Mapping[str, float]
    """Column -> value, in full precision and in the unit of the column."""
    signatures: Mapping[str, str]
    """Column -> what exactly was computed."""
    scored: str = ""
    """The hash of what was scored (`Scores.scored_sha256`)."""
    batching_differs: float | None = None
    """Percent of studies whose text another batch size changes; None: not measured."""
    run: str = ""
    """The fingerprint; empty for answers that were scored alone."""

    @classmethod
    def of(cls, scores: Scores, run: RunRecord | None) -> LeaderboardRow:
        """The row of a run's scores; `run` is None for answers that were scored alone."""
        return cls(
            model=scores.model,
            suite=scores.suite,
            protocol=run.protocol.name if run and run.protocol else "",
            n=scores.n,
            n_failed=scores.n_failed,
            n_empty=scores.n_empty,
            n_truncated=scores.n_truncated,
            values={entry.key: float(entry.value) for entry in scores.defined if entry.value is not None},
            signatures={entry.key: entry.signature for entry in scores.defined},
            scored=scores.scored_sha256 or "",
            batching_differs=100 * run.batching.share if run and run.batching else None,
            run=run.fingerprint if run else "",
        )

    def cells(self) -> Cells:
        """The row as the file has it; no cell of it is a formula."""
        batching = {} if self.batching_differs is None else {BATCHING: self.batching_differs}
        return _guarded(
            {
                NAME: self.model,
                **{key: self.values[key] for key in metric_columns(self.values)},
                "suite": self.suite,
                "protocol": self.protocol,
                **{name: getattr(self, name) for name in COUNTS},
                **batching,
                RUN: self.run,
            }
        )


def update(path: Path, row: LeaderboardRow, *, replace: bool = False) -> None:
    """Add a row to a leaderboard, or bring the row of the same run up to date; a new metric adds its column.

    A row without a run is known by model name and suite: of the same texts, its columns are added to. Columns that
    are not ours, a reader's notes, stay with their row. Written atomically, under a lock: any number of runs may
    end at the same moment. Beside `leaderboard.csv`, `leaderboard.signatures.csv` says of each number what exactly
    was computed.

    Args:
        path: the leaderboard.
        row: the run's.
        replace: whether a number of the same texts may be replaced by one that was computed in another way.

    Raises:
        InputError: the file is there, but is no leaderboard that can be kept whole; says why.
        RunConflictError: a number of the same texts was computed in another way, and `replace` is not said.
        StorageError: it cannot be written.
    """
    companion, new = _companion(path), row.cells()
    with _lock(path):
        rows, lines = read(path), read(companion)
        own = [line for line in lines if _identity(line) == _identity(new)]
        ours = {line["column"]: line["signature"] for line in own if "column" in line}
        adds = not row.run and bool(row.scored) and any(line.get("scored") == row.scored for line in own)
        if adds and not replace:
            _refuse_replacing(path, row, ours)
        gone = set() if adds else ours.keys() - new.keys()
        kept: list[Cells] = [
            {**{key: value for key, value in other.items() if key not in gone}, **new}
            if _identity(other) == _identity(new)
            else other
            for other in rows
        ]
        write(path, kept if any(_identity(other) == _identity(new) for other in rows) else [*kept, new])
        others: list[Cells] = [line for line in lines if _identity(line) != _identity(new)]
        _write_signatures(companion, others, row, (ours if adds else {}) | dict(row.signatures))


def _refuse_replacing(path: Path, row: LeaderboardRow, ours: Mapping[str, str]) -> None:
    clashes = [column for column, what in row.signatures.items() if ours.get(column, what) != what]
    if clashes:
        first = clashes[0]
        raise RunConflictError(
            f"{first} of {row.model} is there with {signature_difference(ours[first], row.signatures[first])}",
            where=path,
            hint="add --replace to replace it",
        )


def _write_signatures(path: Path, others: Sequence[Cells], row: LeaderboardRow, signatures: Mapping[str, str]) -> None:
    known = {NAME: row.model, "suite": row.suite, "scored": row.scored, RUN: row.run}
    ours = [_guarded({**known, "column": name, "signature": what}) for name, what in signatures.items()]
    theirs = [key for line in others for key in line if key not in SIGNATURE_COLUMNS]
    columns = dict.fromkeys((*SIGNATURE_COLUMNS[:-1], *theirs, RUN))
    with atomic_write(path) as stream:
        table = csv.DictWriter(stream, list(columns), restval="", lineterminator="\n")
        table.writeheader()
        table.writerows([*others, *ours])


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a leaderboard, as text; none where the file isn't there or is empty.

    Raises:
        InputError: the file is no leaderboard, or cannot be read without losing something of it.
    """
    if not path.exists():
        return []
    if not path.is_file():
        raise InputError("is not a file, so no row can be added to it", where=path, hint="give a file")
    table = read_csv(path)
    if table.columns and table.columns[0] != NAME:
        raise InputError(
            f"not a leaderboard: its first column is {table.columns[0]!r}, not {NAME!r}",
            where=path,
            hint="give another file",
        )
    return [row for _, row in table.rows]


def is_leaderboard(path: Path) -> bool:
    """Whether a file is there that `update` keeps."""
    try:
        return path.is_file() and read_csv(path).columns[:1] == [NAME]
    except InputError:
        return False


def check(path: Path) -> None:
    """Make sure that a leaderboard and its companion, where they are there, can be kept whole.

    Raises:
        InputError: they cannot; says why.
    """
    read(path)
    read(_companion(path))


def _companion(path: Path) -> Path:
    return path.with_suffix(".signatures.csv")


def has_run(path: Path, run: str) -> bool:
    """Whether a leaderboard is there and has a row of this run."""
    return any(row.get(RUN) == run for row in read(path))


def write(path: Path, rows: Iterable[Cells]) -> None:
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
        table.writerows(rows)


def write_row(path: Path, row: LeaderboardRow) -> None:
    """Write a leaderboard of one row: a run's own scores.csv."""
    write(path, [row.cells()])


def empty_note(share: float) -> str:
    """`5 % empty`: what to know of a score that empty texts dominate."""
    return "<1 % empty" if share < 0.005 else f"{100 * share:.0f} % empty"


def metric_columns(names: Iterable[str]) -> list[str]:
    """The columns of metrics among some names: the published ones first, in their order."""
    names = list(names)
    known = {NAME, *FACTS, *PUBLISHED}
    return [*(key for key in PUBLISHED if key in names), *(key for key in names if key not in known)]


def _guarded(row: Cells) -> Cells:
    return {column: guarded(value) for column, value in row.items()}


def _identity(row: Cells) -> tuple[str, ...]:
    run = str(row.get(RUN, ""))
    return (run,) if run else ("", unguarded(str(row[NAME])), unguarded(str(row.get("suite", ""))))


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Wait until no other process changes this leaderboard."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(f".{path.name}.lock").open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise StorageError(f"cannot write ({error.strerror})", where=path, hint="choose another folder") from error

"""The leaderboard over many runs: one board per suite and protocol, ranked; what must not be compared is left unranked.

Nothing is computed here but order: intervals are in scores.json; which differences are real is handed over as `ties`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from benchmarks.errors import InputError, UnknownNameError
from benchmarks.records.scores import Score
from benchmarks.schema import parts_in_words
from reports.leaderboard import COUNTS, metric_columns
from reports.load import LoadedRun, without_copies, without_repeats

Ties: TypeAlias = Mapping[str, Collection[frozenset[str]]]
"""Key -> the pairs of runs (fingerprints) that a paired test could not tell apart; no entry: not tested."""


RowKind: TypeAlias = Literal["model", "baseline", "ceiling", "reference point"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A value of a run."""

    value: float
    low: float | None = None
    high: float | None = None
    place: Literal["best", "second"] | None = None
    tied: bool = False
    """Not the best, but a paired test cannot tell it apart from the best."""
    other_signature: bool = False
    """Computed in another way than most of the column, so not compared with it."""
    empty_share: float | None = None
    """The share of empty texts, where it dominates this score."""


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A row of a board: a model, a baseline or a reference point."""

    name: str
    kind: RowKind = "model"
    run: str = ""
    """Fingerprint."""
    rank: int | None = None
    """1 + the number of runs that are better and not tied with it; None: not ranked."""
    shared: bool = False
    """Whether another run has the same rank."""
    cells: Mapping[str, Cell] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    studies_per_minute: float | None = None
    trained_on: str = ""
    protocol: str = ""
    note: str = ""
    flags: tuple[str, ...] = ()
    """Why it cannot be compared."""

    @property
    def is_model(self) -> bool:
        """Whether it is ranked; all else is only shown."""
        return self.kind == "model"


@dataclass(frozen=True, slots=True)
class Board:
    """All runs of one suite and protocol."""

    suite: str
    protocol: str | None
    """None: no protocol produced these texts (they were made elsewhere, or by baselines alone)."""
    sort: str
    keys: Mapping[str, bool]
    """Column -> whether higher is better."""
    rows: Sequence[BoardRow]
    tested: bool
    """Whether paired tests of the column it is sorted by were handed over."""
    limit: int | None = None
    """Its runs answered only so many studies (`--limit`); None: whole suites."""
    across_protocols: bool = False
    """Whether runs of all protocols are on it, each row with its own."""


@dataclass(frozen=True, slots=True)
class BoardChoice:
    """What a board shows."""

    metrics: Sequence[str] = ()
    """Only the columns of these metrics; empty: all."""
    columns: Sequence[str] = ()
    """Only these columns, in this order; empty: all."""
    intervals: bool = True
    across_protocols: bool = False
    """One board per suite, the protocol as a column of it."""


def boards(
    runs: Iterable[LoadedRun],
    *,
    sort: str | None = None,
    ties: Ties | None = None,
    choice: BoardChoice | None = None,
) -> list[Board]:
    """Put scored runs on boards: one per suite, protocol and `--limit`.

    Args:
        runs: scored runs; of several folders of one run, the one that was scored last. Baselines (`constant`, ...)
            and `oracle`, the ceiling, are on every board of their suite.
        sort: the column to rank by; None: the first one.
        ties: which runs a paired test could not tell apart.
        choice: what the boards show; None: everything.

    Raises:
        InputError: no run has scores. UnknownNameError: no run has a column or metric that is named.
    """
    choice = choice or BoardChoice()
    scored, _ = without_copies(run for run in runs if run.entries)
    if not scored:
        raise InputError("no run has scores", hint="score them first (`libra-bench score RUN`)")
    _check_names(scored, choice, sort)
    groups: dict[_Place, list[LoadedRun]] = {}
    beside: dict[tuple[str, int | None], list[LoadedRun]] = {}
    for run in scored:
        studies = (run.suite, run.record.suite.limit)
        if run.record.model.kind != "model":
            beside.setdefault(studies, []).append(run)
            continue
        protocol = ALL_PROTOCOLS if choice.across_protocols else _protocol(run)
        groups.setdefault(_Place(*studies, protocol), []).append(run)
    for suite, limit in beside:
        if not any((suite, limit) == (place.suite, place.limit) for place in groups):
            groups[_Place(suite, limit, None)] = []
    order = sorted(groups, key=lambda place: (place.suite, place.limit or math.inf, place.protocol or ""))
    return [
        _board(place, groups[place], without_repeats(beside.get((place.suite, place.limit), [])), sort, ties, choice)
        for place in sorted(order, key=lambda place: place.limit is not None)
    ]


ALL_PROTOCOLS = "all protocols"


@dataclass(frozen=True, slots=True)
class _Place:
    """What runs of one board have in common."""

    suite: str
    limit: int | None
    protocol: str | None


def _check_names(runs: Sequence[LoadedRun], choice: BoardChoice, sort: str | None) -> None:
    keys = {entry.key for run in runs for entry in run.entries}
    metrics = {entry.metric for run in runs for entry in run.entries}
    for what, names, known in (("column", [sort], keys), ("metric", choice.metrics, metrics)):
        for name in names:
            if name is not None and name not in known:
                raise UnknownNameError(what, name, known)
    for name in choice.columns:
        if name not in keys:
            raise UnknownNameError("column", name, keys)


def _protocol(run: LoadedRun) -> str | None:
    return run.record.protocol.name if run.record.protocol else None


def _board(
    place: _Place,
    runs: list[LoadedRun],
    beside: list[LoadedRun],
    sort: str | None,
    ties: Ties | None,
    choice: BoardChoice,
) -> Board:
    everyone = [*runs, *beside]
    keys = _keys(everyone)
    sort = sort if sort in keys else next(iter(_chosen(keys, everyone, choice)))
    studies = _most(run.record.studies for run in everyone)
    settings = {
        protocol: _most(_settings(run) for run in runs if _protocol(run) == protocol)
        for protocol in {_protocol(run) for run in runs}
    }
    ranked = [run for run in runs if run.record.studies == studies]
    entries = {run.fingerprint: {entry.key: entry for entry in run.entries} for run in everyone}
    columns = {
        key: _column(
            {mark: found[key] for mark, found in entries.items() if key in found},
            {run.fingerprint: run.summary.empty_share_in(key) for run in everyone if run.summary},
            higher,
            [run.fingerprint for run in ranked],
            (ties or {}).get(key, ()),
        )
        for key, higher in keys.items()
    }
    ranks = _ranks(columns[sort], {run.fingerprint for run in ranked}, keys[sort], (ties or {}).get(sort, ()))
    names, sharing = _names(everyone), Counter(ranks.values())
    rows = [
        BoardRow(
            name=names[run.fingerprint],
            run=run.fingerprint,
            rank=ranks.get(run.fingerprint),
            shared=sharing[ranks.get(run.fingerprint, 0)] > 1,
            kind=run.record.model.kind,
            cells={key: cells[run.fingerprint] for key, cells in columns.items() if run.fingerprint in cells},
            counts={name: getattr(run.summary, name) for name in COUNTS},
            studies_per_minute=run.record.studies_per_minute if run.record.model.kind == "model" else None,
            trained_on=_trained_on(run),
            protocol=run.protocol if run.record.model.kind == "model" else "",
            note=_note(run),
            flags=tuple(_flags(run, studies, settings.get(_protocol(run)), columns)),
        )
        for run in everyone
    ]
    rows += _computed_points(everyone, keys, studies)

    def order(row: BoardRow) -> tuple[bool, bool, float]:
        cell = row.cells.get(sort)
        value = cell.value if cell else float("-inf" if keys[sort] else "inf")
        return not row.is_model, row.rank is None, -value if keys[sort] else value

    shown = _chosen(keys, everyone, choice)
    return Board(
        suite=place.suite,
        protocol=None if choice.across_protocols else place.protocol,
        sort=sort,
        keys=shown,
        rows=[_with_cells(row, shown, intervals=choice.intervals) for row in sorted(rows, key=order)],
        tested=sort in (ties or {}),
        limit=place.limit,
        across_protocols=choice.across_protocols,
    )


def _chosen(keys: Mapping[str, bool], runs: Sequence[LoadedRun], choice: BoardChoice) -> dict[str, bool]:
    """The columns that are shown; all of them where none of the chosen ones is on this board."""
    metric_of = {entry.key: entry.metric for run in runs for entry in run.entries}
    found = [key for key in choice.columns or keys if key in keys]
    if choice.metrics:
        found = [key for key in found if metric_of[key] in choice.metrics]
    return {key: keys[key] for key in found} or dict(keys)


def _with_cells(row: BoardRow, keys: Mapping[str, bool], *, intervals: bool) -> BoardRow:
    """The row with the cells that are shown."""
    cells = {key: cell for key, cell in row.cells.items() if key in keys}
    if not intervals:
        cells = {key: replace(cell, low=None, high=None) for key, cell in cells.items()}
    return replace(row, cells=cells)


def _column(
    found: Mapping[str, Score],
    shares: Mapping[str, float | None],
    higher: bool,
    ranked: Sequence[str],
    tied: Collection[frozenset[str]],
) -> dict[str, Cell]:
    """Fingerprint -> cell of one key; best and second are chosen among ranked runs with the usual signature."""
    values = {mark: entry.value for mark, entry in found.items() if entry.value is not None}
    usual = _most(entry.signature for entry in found.values())
    marks = [mark for mark in ranked if mark in found and found[mark].signature == usual]
    places = _places({mark: values[mark] for mark in marks}, higher)
    best = [mark for mark, place in places.items() if place == "best"]
    compared = set(marks) - set(best)
    return {
        mark: Cell(
            value=values[mark],
            low=entry.low,
            high=entry.high,
            place=places.get(mark),
            tied=mark in compared and any(frozenset({mark, other}) in tied for other in best),
            other_signature=entry.signature != usual,
            empty_share=shares[mark],
        )
        for mark, entry in found.items()
    }


def _keys(runs: Iterable[LoadedRun]) -> dict[str, bool]:
    """Column -> direction, the published ones first."""
    found = {entry.key: entry.higher_is_better for run in runs for entry in run.entries}
    return {key: found[key] for key in metric_columns(found)}


def _most(values: Iterable[Any]) -> Any:
    """The most frequent value, the first of them where several are."""
    counted = Counter(values).most_common(1)
    return counted[0][0] if counted else None


def _settings(run: LoadedRun) -> tuple[tuple[str, str], ...]:
    """The protocol's settings that flags changed."""
    overrides = run.record.protocol.overrides if run.record.protocol else {}
    return tuple(sorted((name, str(value)) for name, value in overrides.items()))


def _flags(
    run: LoadedRun, studies: Hashable, settings: Hashable, columns: Mapping[str, Mapping[str, Cell]]
) -> Iterator[str]:
    if run.record.studies != studies:
        yield f"other studies (n = {run.n})"
    if run.record.model.kind == "model" and _settings(run) != settings:
        changed = ", ".join(f"{name}={value}" for name, value in _settings(run))
        yield f"other decoding ({changed or 'the protocol unchanged'})"
    other = [
        key for key, cells in columns.items() if run.fingerprint in cells and cells[run.fingerprint].other_signature
    ]
    if other:
        yield f"other signature ({', '.join(other)})"


def _names(runs: Sequence[LoadedRun]) -> dict[str, str]:
    """Fingerprint -> the name to show: the model's, with the fingerprint where two runs have the same."""
    counted = Counter(run.name for run in runs)
    return {
        run.fingerprint: run.name if counted[run.name] == 1 else f"{run.name} ({run.fingerprint[:6]})" for run in runs
    }


def _places(values: Mapping[str, float], higher: bool) -> dict[str, Literal["best", "second"]]:
    """Who is best and who second; equal values share a place, and a single run is not the best."""
    levels = sorted(set(values.values()), reverse=higher)
    if len(values) < 2:
        return {}
    found: dict[str, Literal["best", "second"]] = {}
    for mark, value in values.items():
        if value == levels[0]:
            found[mark] = "best"
        elif value == levels[1]:
            found[mark] = "second"
    return found


def _ranks(
    cells: Mapping[str, Cell], ranked: Collection[str], higher: bool, tied: Collection[frozenset[str]]
) -> dict[str, int]:
    values = {mark: cell.value for mark, cell in cells.items() if mark in ranked and not cell.other_signature}
    order = sorted(values, key=values.__getitem__, reverse=higher)
    found: dict[str, int] = {}
    for place, mark in enumerate(order):
        better = (other for other in order[:place] if values[other] != values[mark])
        found[mark] = 1 + sum(frozenset({mark, other}) not in tied for other in better)
    return {mark: found[mark] for mark in values}


def _note(run: LoadedRun) -> str:
    """The card's note, and what the suite has that the model does not read."""
    note = " ".join(str(run.card.get("note") or "").split())
    unread = f"does not read {parts_in_words(run.record.left_out)}" if run.record.left_out else ""
    return "; ".join(filter(None, [note, unread]))


def _trained_on(run: LoadedRun) -> str:
    """The data sets that the model was trained on, the one under test marked."""
    from benchmarks.catalog import SUITES

    tested = {name.lower() for card in SUITES if card.name == run.suite for name in card.data_sets}
    names = [str(name) for name in run.card.get("trained_on") or ()]
    return ", ".join(f"{name} (this set)" if name.lower() in tested else name for name in names)


def _computed_points(runs: Sequence[LoadedRun], keys: Mapping[str, bool], studies: Hashable) -> list[BoardRow]:
    """The reference points of scoring; they depend on the studies only, so any run of the board may say them."""
    points: dict[str, dict[str, Cell]] = {}
    said = {one.name for one in runs}  # by a baseline that was run, with intervals
    for run in runs:
        if run.record.studies == studies:
            for name, values in run.reference_points.items():
                if name in said:
                    continue
                for key, value in values.items():
                    if key in keys:
                        points.setdefault(name, {}).setdefault(key, Cell(value))
    return [BoardRow(name, kind="reference point", cells=cells) for name, cells in points.items()]

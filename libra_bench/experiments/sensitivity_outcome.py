"""What metrics see, as tables, sentences and a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from libra_bench.experiments.sensitivity import ErrorSensitivity, Sensitivity
from reports.experiment import Outcome, Table
from reports.heatmap import heat_map
from reports.labels import score_label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_DROP = 50.0
"""Percent of a copy's score that is lost: the darkest colour."""
BLIND = 1.0
"""Percent; an error that costs less is not seen, even where harmless changes cost nothing."""
KEYS_AT_A_TIME = 4
"""In a table of a terminal."""


def sensitivity_outcome(found: Sensitivity) -> Outcome:
    """What `libra-bench metrics sensitivity` shows and writes."""
    once = [error for error in found.errors if error.edits == 1]
    keys = [
        key
        for key in dict.fromkeys(score.key for error in once for score in error.scores)
        if any(_lost(error, key) is not None for error in once)  # counts of errors are 0 for a copy
    ]
    return Outcome(
        name="sensitivity",
        title="Which errors does a metric see?",
        result=found.as_json(),
        tables=[*_lost_tables(found, once, keys), _full_table(found), _example_table(once)],
        findings=[_seen_sentence(key, once) for key in keys] + _monotony(found),
        figures={"heat-map": lambda: _heat_map(once, keys)} if once and keys else {},
    )


def _lost(error: ErrorSensitivity, key: str) -> float | None:
    """Percent of a copy's score that is lost."""
    score = next((score for score in error.scores if score.key == key), None)
    if score is None or score.copy == 0:
        return None
    return 100 * score.drop / abs(score.copy)


def _lost_tables(found: Sensitivity, once: Sequence[ErrorSensitivity], keys: Sequence[str]) -> list[Table]:
    """One table for the files, and for terminals its columns a few at a time."""
    note = (
        "Percent of a copy's score that one error per text costs, over the texts in which it could be made (of "
        f"{found.n}). Harmful errors and gaming should cost much, harmless changes nothing."
    )

    def table(name: str, some: Sequence[str]) -> Table:
        rows = [(error.error, error.kind, error.n, *(_lost(error, key) for key in some)) for error in once]
        return Table(name, "What an error costs", ("change", "kind", "texts", *some), rows, digits=1)

    pieces = [keys[start : start + KEYS_AT_A_TIME] for start in range(0, len(keys), KEYS_AT_A_TIME)]
    shown = [replace(table(f"lost-{number}", piece), in_files=False) for number, piece in enumerate(pieces)]
    return [
        replace(table("lost", keys), note=note, first=0),
        *shown[:-1],
        *(replace(one, note=note) for one in shown[-1:]),
    ]


def _full_table(found: Sensitivity) -> Table:
    rows = [
        (
            error.error,
            error.edits,
            error.n,
            score.key,
            score.copy,
            score.drop,
            score.low,
            score.high,
            _percent(score.undetected),
        )
        for error in found.errors
        for score in error.scores
    ]
    note = (
        "copy: the score of the unedited texts; drop: the loss, with its 95 % interval; "
        "undetected: percent of the texts whose own score did not fall."
    )
    columns = ("error", "edits", "texts", "metric", "copy", "drop", "low", "high", "undetected")
    return Table("drops", "What each error costs each metric", columns, rows, note, first=0)


def _example_table(once: Sequence[ErrorSensitivity]) -> Table:
    rows = [(error.error, error.examples[0]["before"], error.examples[0]["after"]) for error in once if error.examples]
    return Table("examples", "One example of each", ("change", "before", "after"), rows, first=0)


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _seen_sentence(key: str, once: Sequence[ErrorSensitivity]) -> str:
    """Which harmful errors a key sees: those that cost clearly more than the dearest harmless change.

    Clearly: the 95 % interval of what the error costs lies above that of the harmless change, and above `BLIND`.
    """
    costs = {kind: _costs_of(kind, key, once) for kind in ("harmful", "harmless")}
    if not costs["harmful"]:
        return f"{key}: no harmful error could be made."
    dearest = max(costs["harmless"], key=lambda cost: cost.high, default=None)
    bar = max(BLIND, dearest.high) if dearest else BLIND
    seen = [cost.name for cost in costs["harmful"] if cost.low > bar]
    unseen = [cost.name for cost in costs["harmful"] if cost.low <= bar]
    matters = dearest is not None and dearest.high > BLIND
    than = f"a harmless change ({dearest.name}, {dearest.percent:.1f} %)" if dearest and matters else "nothing"
    if not unseen:
        return f"{key} sees all {len(seen)} harmful errors: each costs clearly more than {than}."
    why = f"not clearly dearer than {than}" if matters else f"under {BLIND:g} %, or not clearly more"
    return f"{key} sees {', '.join(seen) or 'no harmful error'}; it does not see {', '.join(unseen)} ({why})."


@dataclass(frozen=True, slots=True)
class _Cost:
    """What a change costs one key, in percent of a copy's score."""

    name: str
    percent: float
    low: float
    high: float


def _costs_of(kind: str, key: str, once: Sequence[ErrorSensitivity]) -> list[_Cost]:
    found = []
    for error in once:
        score = next((score for score in error.scores if score.key == key), None)
        if error.kind == kind and score is not None and (percent := _lost(error, key)) is not None:
            scale = 100 / abs(score.copy)
            low, high = (percent if end is None else scale * end for end in (score.low, score.high))
            found.append(_Cost(error.error, percent, low, high))
    return found


def _monotony(found: Sensitivity) -> list[str]:
    """Keys for which more errors cost less."""
    by_error: dict[str, list[ErrorSensitivity]] = {}
    for error in found.errors:
        by_error.setdefault(error.error, []).append(error)
    odd = []
    for name, steps in by_error.items():
        for key in {score.key for step in steps for score in step.scores}:
            costs = [cost for step in steps if (cost := _lost(step, key)) is not None]
            if any(later < earlier for earlier, later in pairwise(costs)):
                odd.append(f"{key} ({name})")
    if not odd:
        return ["Every metric falls further with every further error."]
    return [f"More errors cost less, over other texts, since fewer texts can have them: {', '.join(sorted(odd))}."]


def _heat_map(once: Sequence[ErrorSensitivity], keys: Sequence[str]) -> Figure:
    return heat_map(
        [score_label(key).partition(" (")[0] for key in keys],
        [error.error for error in once],
        [[_lost(error, key) for error in once] for key in keys],
        label="Percent of a copy's score lost by one error per text",
        largest=MAX_DROP,
        groups=[error.kind for error in once],
    )

"""What to look at first in a report: what is odd about the answers, the most frequent errors, the worst cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.records.scores import CEILING
from benchmarks.wording import counted, studies
from reports.labels import POINTS, score_label
from reports.load import LoadedRun

ERRORS = "Report-errors-"
SHOWN = 3
"""Cases that are named per line."""
REPEATED = 0.05
"""Share of the answers; a text that is given more often is worth a look."""
ENDS = {"error": "failed", "length": "ended at the limit of new tokens"}


@dataclass(frozen=True, slots=True)
class Look:
    """One line of the list."""

    text: str
    cases: Sequence[Any] = ()
    """Ids of cases that show it."""


def first_look(run: LoadedRun, data: Mapping[str, Any], which: int = 0) -> list[Look]:
    """What to look at first in the cases of a run.

    Args:
        run: the run.
        data: what `reports.cases.collect` found.
        which: the place of the run among those of `data`.
    """
    answered = [(case["id"], case["answers"][which]) for case in data["cases"] if case["answers"][which]]
    columns = {column["name"]: place for place, column in enumerate(data["columns"])}
    odd = [*_odd_ends(answered), *_repeated(answered)]
    return [*odd, *_errors(answered, columns), *_worst(answered, data), *_points(run)]


def error_name(column: str) -> str | None:
    """`missing finding` of the column `Report-errors-missing-finding`; None where it counts no error."""
    name = column.removeprefix(ERRORS)
    counts = column.startswith(ERRORS) and name not in ("score", "precision", "recall")
    return name.replace("-", " ") if counts else None


def _odd_ends(answered: Sequence[tuple[Any, Mapping[str, Any]]]) -> list[Look]:
    found = []
    for finish, words in ENDS.items():
        if ids := [key for key, answer in answered if answer["finish"] == finish]:
            found.append(Look(f"{studies(len(ids))} {words}", ids[:SHOWN]))
    if ids := [key for key, answer in answered if answer["words"] == 0 and answer["finish"] != "error"]:
        found.append(Look(f"{counted(len(ids), 'answer')} without a word", ids[:SHOWN]))
    return found


def _repeated(answered: Sequence[tuple[Any, Mapping[str, Any]]]) -> list[Look]:
    texts = Counter(answer["text"] for _, answer in answered if answer["text"])
    if not texts:
        return []
    text, times = texts.most_common(1)[0]
    if times < 2 or times < REPEATED * len(answered):
        return []
    ids = [key for key, answer in answered if answer["text"] == text]
    return [Look(f"{times} of {len(answered)} answers are the same text", ids[:SHOWN])]


def _errors(answered: Sequence[tuple[Any, Mapping[str, Any]]], columns: Mapping[str, int]) -> list[Look]:
    """The two most frequent kinds of errors."""
    by_kind: list[tuple[str, list[tuple[float, Any]]]] = []
    for column, place in columns.items():
        if (name := error_name(column)) is not None:
            having = [(answer["scores"][place] or 0.0, key) for key, answer in answered]
            by_kind.append((name, [one for one in having if one[0] > 0]))
    by_kind.sort(key=lambda item: -len(item[1]))
    return [
        Look(
            f"{name} errors in {studies(len(having))} of {len(answered)}",
            [key for _, key in sorted(having, key=lambda one: -one[0])[:SHOWN]],
        )
        for name, having in by_kind[:2]
        if having
    ]


def _worst(answered: Sequence[tuple[Any, Mapping[str, Any]]], data: Mapping[str, Any]) -> list[Look]:
    """The worst cases by the score of errors, else by the first score that cases have."""
    names = [column["name"] for column in data["columns"]]
    wanted = [name for name in (f"{ERRORS}score", "ROUGE-L", *names) if name in names]
    if not wanted:
        return []
    place = names.index(wanted[0])
    sign = 1 if data["columns"][place]["higher"] else -1
    scored = [(sign * answer["scores"][place], key) for key, answer in answered if answer["scores"][place] is not None]
    scored.sort(key=lambda one: one[0])
    label = score_label(wanted[0]).partition(" (")[0]
    return [Look(f"the lowest {label}" if sign > 0 else f"the highest {label}", [key for _, key in scored[:SHOWN]])]


def _points(run: LoadedRun) -> list[Look]:
    """Scores that a text without any model reaches."""
    found = []
    for name, values in run.reference_points.items():
        reached = [
            score_label(entry.key)
            for entry in run.entries
            if name != CEILING and entry.higher_is_better and entry.value and values.get(entry.key, -1.0) >= entry.value
        ]
        if reached:
            found.append(Look(f"{', '.join(reached)}: the reference point “{POINTS.get(name, name)}” scores as well"))
    return found

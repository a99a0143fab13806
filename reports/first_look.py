"""What to look at first in a report: what is odd about the answers, the most frequent errors, the worst cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.records.scores import CEILING
from benchmarks.schema import QuestionId
from benchmarks.wording import counted, studies
from reports.cases import Cases
from reports.cases.index import CaseIndex, RunColumns
from reports.labels import POINTS, score_label
from reports.load import LoadedRun

ERRORS = "Report-errors-"
SHOWN = 3
"""Cases that are named per line."""
REPEATED = 0.05
"""Share of the answers; a text that is given more often is worth a look."""
ENDS = {"f": "failed", "t": "ended at the limit of new tokens"}
"""State of an answer (`reports.cases.index`) -> in words."""


@dataclass(frozen=True, slots=True)
class Look:
    """One line of the list."""

    text: str
    cases: Sequence[Any] = ()
    """Ids of cases that show it."""


def first_look(run: LoadedRun, cases: Cases, which: int = 0) -> list[Look]:
    """What to look at first in the cases of a run.

    Args:
        run: the run.
        cases: all read.
        which: the place of the run among those of the cases.
    """
    index = cases.index
    answers = index.runs[which]
    names = [str(column["name"]) for column in cases.columns]
    answered = list(index.answered(which))
    odd = [*_odd_ends(index, answers), *_repeated(index, answers, len(answered))]
    return [*odd, *_errors(index, answers, names, len(answered)), *_worst(index, answers, cases), *_points(run)]


def error_name(column: str) -> str | None:
    """`missing finding` of the column `Report-errors-missing-finding`; None where it counts no error."""
    name = column.removeprefix(ERRORS)
    counts = column.startswith(ERRORS) and name not in ("score", "precision", "recall")
    return name.replace("-", " ") if counts else None


def _odd_ends(index: CaseIndex, answers: RunColumns) -> list[Look]:
    found = []
    for state, words in ENDS.items():
        if places := [place for place, other in enumerate(answers.states) if other == state]:
            found.append(Look(f"{studies(len(places))} {words}", _ids(index, places)))
    if places := [place for place, state in enumerate(answers.states) if state == "e"]:
        found.append(Look(f"{counted(len(places), 'answer')} without a word", _ids(index, places)))
    return found


def _repeated(index: CaseIndex, answers: RunColumns, answered: int) -> list[Look]:
    times, places = answers.most_repeated()
    if times < 2 or times < REPEATED * answered:
        return []
    return [Look(f"{times} of {answered} answers are the same text", _ids(index, places))]


def _errors(index: CaseIndex, answers: RunColumns, names: Sequence[str], answered: int) -> list[Look]:
    """The two most frequent kinds of errors."""
    by_kind: list[tuple[str, Sequence[float], list[int]]] = []
    for column, values in zip(names, answers.scores, strict=True):
        if (name := error_name(column)) is not None:
            by_kind.append((name, values, [place for place, value in enumerate(values) if value > 0]))
    by_kind.sort(key=lambda item: -len(item[2]))
    return [
        Look(
            f"{name} errors in {studies(len(places))} of {answered}",
            _ids(index, sorted(places, key=lambda place: -values[place])),
        )
        for name, values, places in by_kind[:2]
        if places
    ]


def _worst(index: CaseIndex, answers: RunColumns, cases: Cases) -> list[Look]:
    """The worst cases by the score of errors, else by the first score that cases have."""
    names = [str(column["name"]) for column in cases.columns]
    wanted = [name for name in (f"{ERRORS}score", "ROUGE-L", *names) if name in names]
    if not wanted:
        return []
    column = names.index(wanted[0])
    sign = 1 if cases.columns[column]["higher"] else -1
    values = answers.scores[column]
    places = sorted((place for place, value in enumerate(values) if value == value), key=lambda at: sign * values[at])
    label = score_label(wanted[0]).partition(" (")[0]
    return [Look(f"the lowest {label}" if sign > 0 else f"the highest {label}", _ids(index, places))]


def _ids(index: CaseIndex, places: Sequence[int]) -> list[QuestionId]:
    return [index.ids[place] for place in places[:SHOWN]]


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

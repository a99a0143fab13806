"""What the list of cases needs of each, as columns: a page of 100,000 cases loads it first, and the rest later."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.files.stored import View
from benchmarks.schema import QuestionId

MAX_FACETS = 8
MAX_FACET_LETTERS = 40
MAX_FACET_VALUES = 40
"""A field with more values is no filter but a text to search."""
SNIPPET_LETTERS = 90
ABSENT = "n"
"""No answer; else the first letter of its state."""


class RunColumns:
    """What the list needs of the answers of one run.

    Args:
        columns: how many scores a case has.
    """

    def __init__(self, columns: int) -> None:
        self.states: list[str] = []
        """failed, truncated, empty, complete or none, by their first letters."""
        self.words = array("i")
        """-1: no answer."""
        self.scores = [array("d") for _ in range(columns)]
        """NaN: none."""
        self._texts: Counter[int] = Counter()
        self._hashes = array("q")

    def add(self, answer: Mapping[str, Any] | None) -> None:
        """One more case."""
        self.states.append(_state(answer))
        self.words.append(-1 if answer is None else answer["words"])
        for place, column in enumerate(self.scores):
            value = None if answer is None else answer["scores"][place]
            column.append(math.nan if value is None else value)
        text = answer["text"] if answer else None
        self._hashes.append(hash(text) if text else 0)
        if text:
            self._texts[hash(text)] += 1

    def most_repeated(self) -> tuple[int, list[int]]:
        """How often the most frequent text is there, and where."""
        if not self._texts:
            return 0, []
        text, times = self._texts.most_common(1)[0]
        return times, [place for place, other in enumerate(self._hashes) if other == text]

    def as_json(self) -> dict[str, Any]:
        """As the page has it; columns are sequences, which need not be lists."""
        return {
            "states": "".join(self.states),
            "words": self.words,
            "scores": [View(_defined, column) for column in self.scores],
        }


class CaseIndex:
    """The columns of all cases, filled one case after the other.

    Args:
        runs: how many runs answer a case.
        columns: how many scores each answer has.
    """

    def __init__(self, runs: int, columns: int) -> None:
        self.ids: list[QuestionId] = []
        self.runs = [RunColumns(columns) for _ in range(runs)]
        self._priors: list[str] = []
        self._snippets: list[str] = []
        self._facets: dict[str, _Facet] = {}

    def add(self, case: Mapping[str, Any]) -> None:
        """One more case, as `reports.cases` has it."""
        self.ids.append(case["id"])
        self._priors.append("1" if case["prior"] else "0")
        for run, answer in zip(self.runs, case["answers"], strict=True):
            run.add(answer)
        first = case["answers"][0]
        self._snippets.append(((first and first["text"]) or "")[:SNIPPET_LETTERS])
        fields = {"labels": case["labels"], **case["fields"]} if case["labels"] is not None else case["fields"]
        for name, value in fields.items():
            if name not in self._facets:
                self._facets[name] = _Facet()
            self._facets[name].add(len(self.ids) - 1, value)

    def answered(self, which: int) -> Iterator[int]:
        """The places of the cases that a run has answered."""
        return (place for place, state in enumerate(self.runs[which].states) if state != ABSENT)

    def as_json(self) -> dict[str, Any]:
        """As the page has it."""
        return {
            "ids": self.ids,
            "priors": "".join(self._priors),
            "runs": [run.as_json() for run in self.runs],
            "snippets": self._snippets if any(self._snippets) else [],
            "facets": [self._facets[name].as_json(name, len(self.ids)) for name in self._chosen_facets()],
        }

    def _chosen_facets(self) -> list[str]:
        """The fields that are worth a filter: single words or lists of them, few and more than one."""
        labels = [name for name, facet in self._facets.items() if name == "labels" and facet.values]
        few = [name for name, facet in self._facets.items() if name != "labels" and len(facet.values) >= 2]
        return [name for name in (*labels, *few) if not self._facets[name].has_many][:MAX_FACETS]


class _Facet:
    """The values of a field, as long as they are few."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.has_many = False
        self._of: list[int | list[int] | None] = []

    def add(self, place: int, value: Any) -> None:
        words = value if isinstance(value, list) else [value]
        if self.has_many:
            return
        if all(isinstance(word, str | int | bool) and len(str(word)) <= MAX_FACET_LETTERS for word in words):
            numbers = [self.values.setdefault(_in_words(word), len(self.values)) for word in words]
            self._of += [None] * (place - len(self._of))
            self._of.append(numbers[0] if len(numbers) == 1 else numbers)
        else:
            self.has_many = True
        if self.has_many or len(self.values) > MAX_FACET_VALUES:
            self.has_many, self._of = True, []

    def as_json(self, name: str, n: int) -> dict[str, Any]:
        of = [[] if numbers is None else numbers for numbers in self._of]
        return {"name": name, "values": list(self.values), "of": of + [[]] * (n - len(of))}


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value


def _in_words(value: str | int | bool) -> str:
    """As JavaScript writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _state(answer: Mapping[str, Any] | None) -> str:
    """What became of an answer."""
    if answer is None:
        return ABSENT
    if answer["finish"] == "error":
        return "f"
    if answer["words"] == 0:
        return "e"
    return "t" if answer["finish"] == "length" else "c"

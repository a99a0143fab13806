"""F1 over the statements of a difference answer (MIMIC-Diff-VQA, question type "difference").

Such an answer lists findings that the main image has in addition, findings that it is missing, and levels that
changed; or nothing has changed. It is read as a set of statements: ("additional", finding), ("missing", finding),
("level", finding, from, to), ("unchanged",). F1 of the two sets per sample, then the mean. Two answers without
any statement agree only if they are the same text; the order of findings never counts. Only samples whose
`question_type` is "difference" count, or, where the suite has no question types, those whose reference can be read.

The labels of this data set come from rules over reports and are known to contain errors: the score inherits them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np

from libra_bench.metrics.metric import (
    Floats,
    Key,
    MetricResult,
    Missing,
    References,
    Sees,
    Statistics,
    corpus_values,
    ratio,
    signature_of,
)
from libra_bench.metrics.vqa_answers import normalize_answer, not_applicable

Statement: TypeAlias = tuple[str, ...]

_LIST = (
    r"(?P<findings>.+?)\s*"
    r"(?:(?:than|compared (?:to|with)|relative to|in comparison (?:to|with)) "
    r"the (?:reference|prior|previous)[^.]*|\.|$)"
)
_ADDITIONAL = re.compile(rf"(?:has|have|shows?|with) (?:an? )?(?:additional|new) findings? of (?:the )?{_LIST}")
_MISSING = re.compile(rf"(?:is|are) missing (?:the )?findings? of (?:the )?{_LIST}")
_LEVEL = re.compile(
    r"the level of (?P<finding>[\w /-]+?) (?:has|have) changed "
    r"from (?P<was>[\w /-]+?) to (?P<now>[\w /-]+?)\s*(?:\.|,|$)"
)
_UNCHANGED = re.compile(
    r"nothing (?:has )?changed|no (?:significant )?(?:change|difference)s?\b|(?:there is|there are) no differences?"
)


@dataclass(frozen=True, slots=True)
class DifferenceF1:
    """Mean F1 of the sets of statements."""

    id: ClassVar[str] = "difference_f1"
    summary: ClassVar[str] = "VQA: F1 over the statements of a difference answer (MIMIC-Diff-VQA)"
    sees: ClassVar[Sees] = "statements"
    needs: ClassVar[str] = "difference questions"

    @property
    def keys(self) -> Sequence[Key]:
        """Mean F1, share of equal sets, share of answers without a statement."""
        return (
            Key("Difference-F1"),
            Key("Difference-exact"),
            Key("Difference-unparsable", higher_is_better=False),
        )

    @property
    def signature(self) -> str:
        """Aggregation."""
        return signature_of(self, impl="libra-bench", agg="mean", refs="best")

    def missing(self) -> Missing | None:
        """Runs everywhere."""
        return None

    def reduce(self, sums_R4: Floats, n_R: Floats) -> Floats:
        """(counted, F1, exact, unparsable) -> the means over counted samples."""
        return 100.0 * ratio(sums_R4[:, 1:], sums_R4[:, :1])

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Score the difference questions among N predictions."""
        typed = any("question_type" in item for item in fields or [])
        counted = [
            i
            for i, texts in enumerate(references)
            if (
                fields and fields[i].get("question_type") == "difference" if typed else any(map(read_difference, texts))
            )
        ]
        if not counted:
            return MetricResult({}, details=not_applicable("no difference question"))
        rows_N4 = np.zeros((len(predictions), 4))
        for i in counted:
            said = read_difference(predictions[i])
            f1 = max((_f1(predictions[i], text) for text in references[i]), default=0.0)
            rows_N4[i] = 1.0, f1, f1 == 1.0, not said
        statistics = Statistics(rows_N4, self.reduce)
        unread = sum(not any(map(read_difference, references[i])) for i in counted)
        return MetricResult(
            values=corpus_values(self.keys, statistics),
            statistics=statistics,
            details={"n": len(counted), "references_without_statement": unread},
        )


def read_difference(text: str) -> frozenset[Statement]:
    """The statements of a difference answer; empty if it cannot be read."""
    words = " ".join(text.lower().split())
    found: set[Statement] = set()
    for name, pattern in (("additional", _ADDITIONAL), ("missing", _MISSING)):
        for match in pattern.finditer(words):
            for finding in re.split(r",|\band\b", match["findings"]):
                if finding.strip(" ."):
                    found.add((name, normalize_answer(finding)))
    for match in _LEVEL.finditer(words):
        found.add(("level", *(normalize_answer(match[part]) for part in ("finding", "was", "now"))))
    if not found and _UNCHANGED.search(words):
        found.add(("unchanged",))
    return frozenset(found)


def _f1(prediction: str, reference: str) -> float:
    said, true = read_difference(prediction), read_difference(reference)
    if not said and not true:
        return float(normalize_answer(prediction) == normalize_answer(reference))
    return 2 * len(said & true) / (len(said) + len(true))

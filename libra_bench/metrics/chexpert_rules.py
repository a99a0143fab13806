"""F1 over CheXpert's 14 observations, read by rules: a clinical F1 that needs no weights. Not CheXbert's numbers.

An observation is found if a statement says that it is present or uncertain (as `chexbert` counts); "No Finding" if a
report states something, and none of the other observations but Support Devices is found (the rule of CheXpert's
labeler). Averages as in `observation_f1.py`. Of several references, the one that agrees with the prediction on most of
the 14 observations counts, the first of equals. Own definition on the labels of Irvin et al. 2019 (arXiv 1901.07031).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

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
    signature_of,
)
from libra_bench.metrics.observation_f1 import AVERAGES, OBSERVATIONS, averages, classes_of, outcomes
from libra_bench.metrics.statements.lexicon import LEXICON_VERSION
from libra_bench.metrics.statements.reader import report_statements


@dataclass(frozen=True, slots=True)
class CheXpertRules:
    """Agreement on 14 observations, read by rules."""

    id: ClassVar[str] = "chexpert_rules"
    summary: ClassVar[str] = "F1 over CheXpert's 14 (5) observations, read by rules (not CheXbert)"
    sees: ClassVar[Sees] = "labels"
    needs: ClassVar[str] = "nothing"
    independent: ClassVar[bool] = True

    @property
    def keys(self) -> Sequence[Key]:
        """Micro and macro F1 over 14 and over 5 observations."""
        return tuple(Key(f"CheXpert-rules-{name}") for name in AVERAGES)

    @property
    def signature(self) -> str:
        """The reader's version is in it."""
        return signature_of(self, impl="libra-bench", uncertain="positive", refs="best", lexicon=LEXICON_VERSION)

    def missing(self) -> Missing | None:
        """Runs everywhere."""
        return None

    def reduce(self, sums_R3C: Floats, n_R: Floats) -> Floats:
        """Counts of outcomes -> the four averages."""
        return 100 * averages(sums_R3C)

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Score N predictions against references; see `Metric.score`."""
        said = [observations(text) for text in predictions]
        true = [_nearest(found, texts) for found, texts in zip(said, references, strict=True)]
        said_NC, true_NC = (np.array(rows, dtype=bool).reshape(-1, len(OBSERVATIONS)) for rows in (said, true))
        statistics = Statistics(outcomes(said_NC, true_NC), self.reduce)
        return MetricResult(
            values=corpus_values(self.keys, statistics),
            statistics=statistics,
            details=self.merge_details((), statistics),
        )

    def merge_details(self, parts: Sequence[Mapping[str, Any]], statistics: Statistics) -> Mapping[str, Any]:
        """The details of all samples from their statistics."""
        return {"classes": classes_of(statistics.per_sample_NS.sum(axis=0))}


def observations(text: str) -> tuple[bool, ...]:
    """Which of `OBSERVATIONS` a report has."""
    statements = report_statements(text)
    found = {said.category for said in statements if said.presence != "absent"}
    nothing = bool(statements) and not found - {None, "Support Devices"}
    return (*(name in found for name in OBSERVATIONS[:-1]), nothing)


def _nearest(found: tuple[bool, ...], references: Sequence[str]) -> tuple[bool, ...]:
    def agreement(true: tuple[bool, ...]) -> int:
        return sum(a == b for a, b in zip(found, true, strict=True))

    return max(map(observations, references or ("",)), key=agreement)

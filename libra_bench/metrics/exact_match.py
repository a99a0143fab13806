"""Exact match of short answers, after SQuAD's normalisation; any of several references counts.

Source: the definition of SQuAD's evaluation script (Rajpurkar et al. 2016); but "A" is not the empty text, see
`vqa_answers.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from libra_bench.metrics.metric import (
    Key,
    MetricResult,
    Missing,
    References,
    Sees,
    corpus_values,
    mean_of,
    signature_of,
)
from libra_bench.metrics.vqa_answers import constant_answer_scores, mean_by_type, question_types, same_answer


@dataclass(frozen=True, slots=True)
class ExactMatch:
    """The share of answers that equal a reference."""

    id: ClassVar[str] = "exact_match"
    summary: ClassVar[str] = "VQA: share of answers that equal a reference after normalisation"
    sees: ClassVar[Sees] = "words"
    needs: ClassVar[str] = "nothing"

    @property
    def keys(self) -> Sequence[Key]:
        """The share."""
        return (Key("Exact-match"),)

    @property
    def signature(self) -> str:
        """Normalisation and aggregation."""
        return signature_of(self, impl="libra-bench", norm="squad", refs="any", version=2)

    def missing(self) -> Missing | None:
        """Runs everywhere."""
        return None

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Score N predictions; details have the values and those of a constant answer by question type."""
        right = [float(same_answer(text, texts)) for text, texts in zip(predictions, references, strict=True)]
        statistics = mean_of(np.array(right)[:, None])
        types = question_types(fields, len(right))
        return MetricResult(
            values=corpus_values(self.keys, statistics),
            statistics=statistics,
            samples={"Exact-match": [100.0 * value for value in right]},
            details={
                "by_question_type": mean_by_type(right, types),
                "constant_answer": constant_answer_scores(references, types, lambda a, texts: same_answer(a, texts)),
            },
        )

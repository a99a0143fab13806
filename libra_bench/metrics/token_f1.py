"""Token F1 and token recall of short answers, after SQuAD's normalisation; the best of several references counts.

Source: F1 as in SQuAD's evaluation script (Rajpurkar et al. 2016). LLaVA-Med's recall of open questions is another
number: it keeps apart what hyphens join otherwise, reads numerals and counts repeats (`open_closed[scheme=llava-med]`).
Two empty texts agree; one empty text scores 0.
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
from libra_bench.metrics.vqa_answers import constant_answer_scores, mean_by_type, question_types, token_overlap


@dataclass(frozen=True, slots=True)
class TokenF1:
    """The overlap of tokens with the best reference."""

    id: ClassVar[str] = "token_f1"
    summary: ClassVar[str] = "VQA: F1 and recall of the answer's tokens"
    sees: ClassVar[Sees] = "words"
    needs: ClassVar[str] = "nothing"

    @property
    def keys(self) -> Sequence[Key]:
        """F1, recall."""
        return (Key("Token-F1"), Key("Token-recall"))

    @property
    def signature(self) -> str:
        """Normalisation and aggregation."""
        return signature_of(self, impl="libra-bench", norm="squad", refs="best", agg="mean", version=2)

    def missing(self) -> Missing | None:
        """Runs everywhere."""
        return None

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Score N predictions; details have the values and those of a constant answer by question type."""
        pairs = list(zip(predictions, references, strict=True))
        values_N2 = np.array([[_best(text, texts, 2), _best(text, texts, 1)] for text, texts in pairs]).reshape(-1, 2)
        statistics = mean_of(values_N2)
        types = question_types(fields, len(pairs))
        return MetricResult(
            values=corpus_values(self.keys, statistics),
            statistics=statistics,
            samples={key.name: (100.0 * values_N2[:, k]).tolist() for k, key in enumerate(self.keys)},
            details={
                "by_question_type": mean_by_type(values_N2[:, 0].tolist(), types),
                "constant_answer": constant_answer_scores(references, types, lambda a, texts: _best(a, texts, 2)),
            },
        )


def _best(prediction: str, references: Sequence[str], which: int) -> float:
    return max((token_overlap(prediction, text)[which] for text in references), default=0.0)

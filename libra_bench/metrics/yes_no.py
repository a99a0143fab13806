"""Accuracy on yes/no questions: parsed answers, balanced accuracy, how often the model says yes, how often neither.

A yes/no question is one whose reference is nothing but yes or no. An answer that cannot be parsed is wrong. Balanced
accuracy is the mean of the accuracies on true-yes and true-no questions (scikit-learn's definition): a constant answer
scores 50, whatever the share of yes.
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
    ratio,
    signature_of,
)
from libra_bench.metrics.vqa_answers import (
    constant_answer_scores,
    mean_by_type,
    not_applicable,
    parse_yes_no,
    question_types,
    reference_yes_no,
)


@dataclass(frozen=True, slots=True)
class YesNo:
    """Accuracy and balanced accuracy over the yes/no questions of a suite."""

    id: ClassVar[str] = "yes_no"
    summary: ClassVar[str] = "VQA: accuracy on yes/no questions, balanced, with the yes-rate"
    sees: ClassVar[Sees] = "words"
    needs: ClassVar[str] = "references that are yes or no"

    @property
    def keys(self) -> Sequence[Key]:
        """Accuracy, balanced accuracy, the share of answers that are neither."""
        return (
            Key("YesNo-accuracy"),
            Key("YesNo-balanced-accuracy"),
            Key("YesNo-unparsable", higher_is_better=False),
        )

    @property
    def signature(self) -> str:
        """How unparsable answers count."""
        return signature_of(self, impl="libra-bench", unparsable="wrong", version=2)

    def missing(self) -> Missing | None:
        """Runs everywhere."""
        return None

    def reduce(self, sums_R5: Floats, n_R: Floats) -> Floats:
        """(true yes, right yes, true no, right no, unparsable) -> accuracy, balanced accuracy, unparsable rate."""
        yes_R, right_yes_R, no_R, right_no_R, unparsable_R = sums_R5.T
        recalls_R2 = np.stack([ratio(right_yes_R, yes_R), ratio(right_no_R, no_R)], axis=1)
        known_R2 = ~np.isnan(recalls_R2)
        balanced_R = ratio(np.where(known_R2, recalls_R2, 0.0).sum(axis=1), known_R2.sum(axis=1).astype(float))
        accuracy_R, rate_R = ratio(right_yes_R + right_no_R, yes_R + no_R), ratio(unparsable_R, yes_R + no_R)
        return 100.0 * np.stack([accuracy_R, balanced_R, rate_R], axis=1)

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Score N predictions; only the yes/no questions among them count."""
        true = [reference_yes_no(texts) for texts in references]
        asked = [i for i, answer in enumerate(true) if answer]
        if not asked:
            return MetricResult({}, details=not_applicable("no reference is yes or no"))
        said = {i: parse_yes_no(predictions[i]) for i in asked}
        rows_N5 = np.zeros((len(true), 5))
        for i in asked:
            column = 0 if true[i] == "yes" else 2
            rows_N5[i, column] = 1.0
            rows_N5[i, column + 1] = float(said[i] == true[i])
            rows_N5[i, 4] = float(said[i] is None)
        statistics = Statistics(rows_N5, self.reduce)
        kinds = question_types(fields, len(true))
        types = [kinds[i] for i in asked]
        right = [float(said[i] == true[i]) for i in asked]
        return MetricResult(
            values=corpus_values(self.keys, statistics),
            statistics=statistics,
            details={
                "n": len(asked),
                "yes_rate": 100.0 * sum(answer == "yes" for answer in said.values()) / len(asked),
                "yes_rate_of_references": 100.0 * sum(true[i] == "yes" for i in asked) / len(asked),
                "confusion": {
                    str(truth): {
                        answer or "unparsable": sum(true[i] == truth and said[i] == answer for i in asked)
                        for answer in ("yes", "no", None)
                    }
                    for truth in ("yes", "no")
                },
                "by_question_type": mean_by_type(right, types),
                "constant_answer": constant_answer_scores(
                    [[str(true[i])] for i in asked], types, lambda answer, texts: float(answer in texts)
                ),
            },
        )

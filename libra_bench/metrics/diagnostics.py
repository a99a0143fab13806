"""What a score hides: reports that repeat themselves or each other, that are empty or cut off, or always normal.

- Unique-reports: distinct texts (case and white space aside) among all N, x100. A model with one answer scores 100 / N.
- Repetition: mean share of a report's sentences that it has said already, x100; counted in pairs of words where there
  is only one sentence.
- Empty-reports: share of texts without a word, x100.
- Truncated-reports: share of all texts that are cut off, x100: those that the suite's field `finish` calls "length",
  else those that do not end in a full stop or the like. Empty texts are not truncated.
- details: `length_ratio` (words of predictions / words of references), the mean lengths, and `normal_reports`, the
  share of predictions and of references in which nothing is found (by rules) and how often they agree. They have no
  better side, hence no column.

Descriptive: no intervals. Own definitions, no reference implementation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

from benchmarks.schema import is_truncated
from libra_bench.metrics.metric import Key, MetricResult, Missing, References, Sees, signature_of
from libra_bench.metrics.statements.v1.lexicon import FINDINGS

_SENTENCE = re.compile(r"[^.!?\n]+")
_ABNORMAL = re.compile(
    r"\b(?:"
    + "|".join(
        pattern
        for finding in (
            "pleural effusion", "pneumothorax", "atelectasis", "consolidation", "opacity", "edema", "congestion",
            "pneumonia", "nodule", "mass", "subcutaneous emphysema", "emphysema", "pneumomediastinum",
            "pneumoperitoneum", "fracture", "scarring", "pleural thickening", "cavity", "lymphadenopathy",
        )
        for pattern in FINDINGS[finding]
    )
    + r"|cardiomegaly|enlarged|enlargement|widened|elevated|abnormal)\b",
    re.IGNORECASE,
)  # fmt: skip
_NEGATED = re.compile(
    r"\b(?:no|not|without|free of|negative for|normal|unremarkable|clear|absen(?:t|ce)|resolved|rather than)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """Unique, repeated, empty, truncated and normal reports."""

    id: ClassVar[str] = "diagnostics"
    summary: ClassVar[str] = "unique, repeated, empty and truncated reports; length ratio and share of normal reports"
    sees: ClassVar[Sees] = "words"
    needs: ClassVar[str] = "nothing"

    @property
    def keys(self) -> Sequence[Key]:
        """Unique, repetition, empty, truncated."""
        return (
            Key("Unique-reports"),
            Key("Repetition", higher_is_better=False),
            Key("Empty-reports", higher_is_better=False),
            Key("Truncated-reports", higher_is_better=False),
        )

    @property
    def signature(self) -> str:
        """The rules' version."""
        return signature_of(self, impl="libra-bench")

    def missing(self) -> Missing | None:
        """Runs everywhere."""
        return None

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Describe N predictions beside their (first) references."""
        n = len(predictions)
        first = [texts[0] if texts else "" for texts in references]
        plain = [" ".join(text.lower().split()) for text in predictions]
        repeated = [repetition(text) for text in predictions]
        empty = [not re.search(r"\w", text) for text in predictions]
        finishes = [item.get("finish") for item in fields or [{}] * n]
        truncated = [
            not bare and is_truncated(text, finish)
            for text, bare, finish in zip(predictions, empty, finishes, strict=True)
        ]
        said, true = [is_normal(text) for text in predictions], [is_normal(text) for text in first]
        words, true_words = sum(len(text.split()) for text in predictions), sum(len(text.split()) for text in first)
        rates = (len(set(plain)) / n, sum(repeated) / n, sum(empty) / n, sum(truncated) / n)
        return MetricResult(
            values={key.name: 100.0 * rate for key, rate in zip(self.keys, rates, strict=True)},
            samples={"Repetition": [100.0 * value for value in repeated]},
            details={
                "length_ratio": words / true_words if true_words else None,
                "mean_words": {"predictions": words / n, "references": true_words / n},
                "unique_references": 100.0 * len({" ".join(text.lower().split()) for text in first}) / n,
                "normal_reports": {
                    "predictions": 100.0 * sum(said) / n,
                    "references": 100.0 * sum(true) / n,
                    "agreement": 100.0 * sum(a == b for a, b in zip(said, true, strict=True)) / n,
                },
            },
        )


def repetition(text: str) -> float:
    """The share of sentences (of pairs of words, where there is one sentence) that the text has said before."""
    units = [" ".join(match.group().lower().split()) for match in _SENTENCE.finditer(text)]
    units = [unit for unit in units if re.search(r"[^\W\d]", unit)]
    if len(units) <= 1:
        words = text.lower().split()
        units = [" ".join(pair) for pair in pairwise(words)]
    return 1 - len(set(units)) / len(units) if units else 0.0


def is_normal(text: str) -> bool:
    """Whether a report names no abnormality, or only in sentences that deny it; an empty text is not normal."""
    sentences = [match.group() for match in _SENTENCE.finditer(text)]
    if not re.search(r"\w", text):
        return False
    return not any(_ABNORMAL.search(sentence) and not _NEGATED.search(sentence) for sentence in sentences)

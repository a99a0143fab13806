"""CIDEr-D: tf-idf weighted n-grams of order 1 to 4 shared with the references, as the caption evaluation (coco) has it.

Document frequencies come from the references that are scored against: the number depends on the suite. Cosines are
clipped at the reference's weights, damped by the difference in length (sigma 6), averaged over orders and references,
times 10; so the range is 0 to 10, and it is not a percentage.

Source: Vedantam et al. (2015); pycocoevalcap 1.2 `cider_scorer.py`, whose input are words between spaces; its own
evaluation prepares them with the Penn-Treebank tokenizer (`tokenizer=ptb`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from libra_bench.metrics.metric import Floats, Key, MetricResult, Missing, References, Sees, mean_of, signature_of
from libra_bench.metrics.normalize import Norm, normalize
from libra_bench.metrics.ptb import VERSION as PTB_VERSION
from libra_bench.metrics.ptb import ptb_words

Gram: TypeAlias = tuple[str, ...]

_ORDERS = 4
_SIGMA = 6.0


@dataclass(frozen=True)
class Cider:
    """CIDEr-D, the mean over samples."""

    norm: Norm = "libra"
    tokenizer: Literal["whitespace", "ptb"] = "whitespace"

    id: ClassVar[str] = "cider"
    summary: ClassVar[str] = "CIDEr-D: tf-idf weighted n-grams, as the caption evaluation; depends on the suite"
    sees: ClassVar[Sees] = "words"
    needs: ClassVar[str] = "nothing"

    @property
    def keys(self) -> Sequence[Key]:
        """CIDEr."""
        return (Key("CIDEr", range=(0.0, 10.0)),)

    @property
    def signature(self) -> str:
        """Normalisation, tokens, sigma, where document frequencies come from."""
        version = PTB_VERSION if self.tokenizer == "ptb" else 1
        return signature_of(self, sigma=_SIGMA, df="references", refs="mean", impl="pycocoevalcap-1.2", version=version)

    def missing(self) -> Missing | None:
        """Nothing can be missing."""
        return None

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """The mean over samples, and the value of each given the document frequencies of all."""
        of_predictions = [self._grams(text) for text in predictions]
        of_references = [[self._grams(text) for text in alternatives] for alternatives in references]
        frequency = Counter(gram for alternatives in of_references for gram in set().union(*alternatives))
        n = math.log(len(references))
        scores = []
        for prediction, alternatives in zip(of_predictions, of_references, strict=True):
            vector = _Vector(prediction, frequency, n)
            similarities = [vector.similarity(_Vector(reference, frequency, n)) for reference in alternatives]
            scores.append(10.0 * sum(similarities) / len(similarities))
        return MetricResult(
            values={"CIDEr": sum(scores) / len(scores)},
            statistics=mean_of(np.array([scores]).T, scale=1.0),
            samples={"CIDEr": scores},
        )

    def reduce(self, sums_RS: Floats, n_R: Floats) -> Floats:
        """The mean over samples."""
        return sums_RS / n_R[:, None]

    def _grams(self, text: str) -> Counter[Gram]:
        text = normalize(text, self.norm)
        words = (text if self.tokenizer == "whitespace" else " ".join(ptb_words(text))).split()
        return Counter(
            tuple(words[start : start + order])
            for order in range(1, _ORDERS + 1)
            for start in range(len(words) - order + 1)
        )


class _Vector:
    """The tf-idf weights of a text's n-grams, their norm by order, and its length in pairs of words."""

    def __init__(self, grams: Counter[Gram], frequency: Mapping[Gram, int], log_n: float) -> None:
        self.weights: tuple[dict[Gram, float], ...] = tuple({} for _ in range(_ORDERS))
        for gram, times in grams.items():
            self.weights[len(gram) - 1][gram] = times * (log_n - math.log(max(1, frequency.get(gram, 0))))
        self.norms = [math.sqrt(sum(weight * weight for weight in weights.values())) for weights in self.weights]
        self.length = sum(times for gram, times in grams.items() if len(gram) == 2)

    def similarity(self, reference: _Vector) -> float:
        """The mean over orders of the clipped cosine, damped by the difference in length."""
        damping = math.exp(-((self.length - reference.length) ** 2) / (2 * _SIGMA**2))
        total = 0.0
        for mine, theirs, norm, their_norm in zip(
            self.weights, reference.weights, self.norms, reference.norms, strict=True
        ):
            product = sum(min(weight, theirs[gram]) * theirs[gram] for gram, weight in mine.items() if gram in theirs)
            total += product / (norm * their_norm) if norm and their_norm else product
        return damping * total / _ORDERS

"""ROUGE-L: the longest common subsequence of words, as one F score per sample, averaged.

Two schemes: `rouge_score` (published; balanced F, the best reference) and `coco` (pycocoevalcap: beta 1.2, the best
precision and the best recall over the references). `evaluate` prints the median of 1,000 random bootstrap means of the
first, which moves by 0.01 from run to run; this is the plain mean, which it estimates.

Source: Lin (2004); rouge_score 0.1.2; pycocoevalcap 1.2. The subsequence comes from rapidfuzz, one character per word.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from rapidfuzz.distance import LCSseq

from libra_bench.metrics.metric import Key, MetricResult, Missing, References, Sees, mean_of, signature_of
from libra_bench.metrics.normalize import Norm, normalize
from libra_bench.metrics.porter import stem
from libra_bench.metrics.ptb import VERSION as PTB_VERSION
from libra_bench.metrics.ptb import ptb_words

_WORD = re.compile("[a-z0-9]+")
_BETA = 1.2
Tokenizer: TypeAlias = Literal["alphanumeric", "whitespace", "ptb"]


@dataclass(frozen=True)
class RougeL:
    """ROUGE-L, the mean over samples."""

    norm: Norm = "libra"
    stem: bool = False
    """Whether words of more than 3 characters are stemmed (Porter)."""
    tokenizer: Tokenizer = "alphanumeric"
    """`alphanumeric`: runs of a-z and 0-9, as rouge_score; `whitespace`: split at spaces; `ptb`: see ptb.py."""
    scheme: Literal["rouge_score", "coco"] = "rouge_score"

    id: ClassVar[str] = "rouge_l"
    summary: ClassVar[str] = "ROUGE-L: longest common subsequence of words, mean F"
    sees: ClassVar[Sees] = "words"
    needs: ClassVar[str] = "nothing"
    independent: ClassVar[bool] = True

    @property
    def keys(self) -> Sequence[Key]:
        """ROUGE-L."""
        return (Key("ROUGE-L", published=True),)

    @property
    def signature(self) -> str:
        """Normalisation, stemming, tokens, scheme and the implementation that it equals."""
        impl = "rouge_score-0.1.2" if self.scheme == "rouge_score" else "pycocoevalcap-1.2"
        return signature_of(self, agg="mean", impl=impl, version=PTB_VERSION if self.tokenizer == "ptb" else 1)

    def missing(self) -> Missing | None:
        """Nothing can be missing."""
        return None

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """The mean over samples, and the value of each; a text without a word scores 0."""
        characters = _Characters(self.tokenizer, stemmed=self.stem)
        split = _to_pieces(self.tokenizer)

        @cache
        def encode(text: str) -> str:
            return "".join(map(characters.__getitem__, split(normalize(text, self.norm))))

        combine = _best_f if self.scheme == "rouge_score" else _f_of_best
        scores = [
            combine(encode(prediction), [encode(reference) for reference in alternatives])
            for prediction, alternatives in zip(predictions, references, strict=True)
        ]
        percent = [100.0 * score for score in scores]
        return MetricResult(
            values={"ROUGE-L": sum(percent) / len(percent)},
            statistics=mean_of(np.array([scores]).T),
            samples={"ROUGE-L": percent},
        )


def _to_pieces(tokenizer: Tokenizer) -> Callable[[str], Sequence[str]]:
    """Text -> pieces that hold whole words."""
    if tokenizer == "ptb":
        return lambda text: " ".join(ptb_words(text)).split(" ")  # a text without words is one empty word there
    return lambda text: text.split(" ")


class _Characters(dict[str, str]):
    """A piece of a text -> a character for each of its words; each piece is split once.

    Args:
        tokenizer: which of its parts are words.
        stemmed: whether words of more than 3 characters are stemmed.
    """

    def __init__(self, tokenizer: Tokenizer, *, stemmed: bool) -> None:
        super().__init__()
        self._tokenizer, self._stemmed = tokenizer, stemmed
        self._of_word: dict[str, str] = defaultdict(map(chr, count(1)).__next__)

    def __missing__(self, piece: str) -> str:
        words = _WORD.findall(piece.lower()) if self._tokenizer == "alphanumeric" else [piece]
        self[piece] = "".join(
            [self._of_word[stem(word) if self._stemmed and len(word) > 3 else word] for word in words]
        )
        return self[piece]


def _best_f(prediction: str, references: Sequence[str]) -> float:
    return max(_f_score(prediction, reference) for reference in references)


def _f_score(prediction: str, reference: str) -> float:
    common = LCSseq.similarity(prediction, reference)
    if not common:
        return 0.0
    precision, recall = common / len(prediction), common / len(reference)
    return 2 * precision * recall / (precision + recall)


def _f_of_best(prediction: str, references: Sequence[str]) -> float:
    common = [LCSseq.similarity(prediction, reference) for reference in references]
    if not any(common):
        return 0.0
    precision = max(common) / len(prediction)
    recall = max(shared / len(reference) for shared, reference in zip(common, references, strict=True) if reference)
    return (1 + _BETA**2) * precision * recall / (recall + _BETA**2 * precision)

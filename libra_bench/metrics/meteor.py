"""METEOR as nltk computes it: exact words, then stems, then WordNet synonyms; offline.

Words of prediction and reference are matched once each, in three stages. nltk's own ways, kept: the last free place
in the reference is taken; the synonym stage sees the stems that the stem stage left over; several references give
the maximum. Score = (1 - gamma * (chunks / matches) ** beta) * P R / (alpha P + (1 - alpha) R), 0 without a match.

Source: Lavie & Agarwal (2007); nltk 3.10 `translate/meteor_score.py` through Hugging Face `evaluate`. Equal to
`nltk.meteor_score` with WordNet 3.0 and `word_tokenize` on real and random reports (tests).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import chain, islice
from typing import Any, ClassVar

import numpy as np

from libra_bench.metrics.meteor_alignment import Synonyms, Vocabulary, aligned
from libra_bench.metrics.metric import Key, MetricResult, Missing, References, Sees, mean_of, signature_of
from libra_bench.metrics.nltk_words import punkt_installed, words
from libra_bench.metrics.normalize import LOWERING, Norm, normalize


@dataclass(frozen=True)
class Meteor:
    """METEOR, the mean over samples."""

    norm: Norm = "libra"
    alpha: float = 0.9
    beta: float = 3.0
    gamma: float = 0.5

    id: ClassVar[str] = "meteor"
    summary: ClassVar[str] = "METEOR: aligned words, stems and WordNet 3.0 synonyms, as nltk"
    sees: ClassVar[Sees] = "words"
    needs: ClassVar[str] = "nothing (WordNet 3.0 words are shipped)"
    independent: ClassVar[bool] = True

    @property
    def keys(self) -> Sequence[Key]:
        """METEOR."""
        return (Key("METEOR", published=True),)

    @property
    def signature(self) -> str:
        """Parameters, tokens, WordNet and the reference implementation."""
        return signature_of(self, tok="word_tokenize", wordnet="3.0", refs="max", agg="mean", impl="nltk-3.10")

    def missing(self) -> Missing | None:
        """Cleaned text needs nothing, text that is not cleaned nltk, text with capitals the whole Punkt model, too."""
        if self.norm == "libra":
            return None
        if find_spec("nltk") is None:
            return Missing(f"norm={self.norm} needs nltk, which is not installed", "pip install 'libra-bench[verify]'")
        if self.norm in LOWERING or punkt_installed():
            return None
        return Missing(
            "text with capitals needs nltk's English Punkt model, which is not installed",
            "python -m nltk.downloader punkt_tab, or unpack it below a folder named in NLTK_DATA",
        )

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """The mean over samples, and the value of each."""
        split, vocabulary = _splitter(self.norm), Vocabulary()
        numbers = cache(lambda text: vocabulary.numbers(split(text)))
        pairs = [(said, true) for said, several in zip(predictions, references, strict=True) for true in several]
        of_predictions, of_references = [numbers(said) for said, _ in pairs], [numbers(true) for _, true in pairs]
        synonyms = Synonyms(vocabulary, chain.from_iterable(of_references))
        of_pairs = map(
            self._score,
            *aligned(of_predictions, of_references, vocabulary, synonyms),
            map(len, of_predictions),
            map(len, of_references),
        )
        scores = [max(islice(of_pairs, len(several))) for several in references]
        percent = [100.0 * score for score in scores]
        return MetricResult(
            values={"METEOR": sum(percent) / len(percent)},
            statistics=mean_of(np.array([scores]).T),
            samples={"METEOR": percent},
        )

    def _score(self, matches: int, chunks: int, predicted: int, expected: int) -> float:
        """METEOR of one pair, from its matching words, their chunks and the words of both texts."""
        if not matches:
            return 0.0
        precision, recall = matches / predicted, matches / expected
        f_mean: float = (precision * recall) / (self.alpha * precision + (1 - self.alpha) * recall)
        penalty = self.gamma * (chunks / matches) ** self.beta
        return float((1 - penalty) * f_mean)


def _splitter(norm: Norm) -> Callable[[str], Sequence[str]]:
    """Text as given -> its lower-cased words."""
    if norm == "libra":
        return lambda text: words(normalize(text))
    from nltk.tokenize import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer, PunktTokenizer

    if norm not in LOWERING:
        sentences = PunktTokenizer("english")
    else:
        from libra_bench.metrics.nltk_words import punkt_words

        few = PunktParameters()
        few.abbrev_types, few.collocations, starters = map(set, punkt_words())
        for word in starters:
            few.add_ortho_context(word, 1 << 4)
        sentences = PunktSentenceTokenizer(few)
    treebank = NLTKWordTokenizer()
    return lambda text: [
        word.lower() for sentence in sentences.tokenize(normalize(text, norm)) for word in treebank.tokenize(sentence)
    ]

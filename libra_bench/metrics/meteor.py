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
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from libra_bench.metrics.metric import Key, MetricResult, Missing, References, mean_of, signature_of
from libra_bench.metrics.nltk_words import words
from libra_bench.metrics.normalize import Norm, normalize
from libra_bench.metrics.porter import stem
from libra_bench.metrics.wordnet import names, senses


@dataclass(frozen=True)
class Meteor:
    """METEOR, the mean over samples."""

    norm: Norm = "libra"
    alpha: float = 0.9
    beta: float = 3.0
    gamma: float = 0.5

    id: ClassVar[str] = "meteor"
    summary: ClassVar[str] = "METEOR: aligned words, stems and WordNet 3.0 synonyms, as nltk"
    needs: ClassVar[str] = "nothing (WordNet 3.0 words are shipped)"

    @property
    def keys(self) -> Sequence[Key]:
        """METEOR."""
        return (Key("METEOR", published=True),)

    @property
    def signature(self) -> str:
        """Parameters, tokens, WordNet and the reference implementation."""
        return signature_of(self, tok="word_tokenize", wordnet="3.0", refs="max", agg="mean", impl="nltk-3.10")

    def missing(self) -> Missing | None:
        """Text with capitals needs the whole Punkt model; cleaned or lower-cased text needs nothing."""
        if self.norm != "none" or _punkt_installed():
            return None
        return Missing(
            "text with capitals needs nltk's English Punkt model, which is not installed",
            "python -m nltk.downloader punkt_tab, or unpack it below a folder named in NLTK_DATA",
        )

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """The mean over samples, and the value of each."""
        split = _splitter(self.norm)
        scores = [
            max(self._pair(split(prediction), split(reference)) for reference in alternatives)
            for prediction, alternatives in zip(predictions, references, strict=True)
        ]
        percent = [100.0 * score for score in scores]
        return MetricResult(
            values={"METEOR": sum(percent) / len(percent)},
            statistics=mean_of(np.array([scores]).T),
            samples={"METEOR": percent},
        )

    def _pair(self, prediction: Sequence[str], reference: Sequence[str]) -> float:
        matches = align(prediction, reference)
        if not matches:
            return 0.0
        precision, recall = len(matches) / len(prediction), len(matches) / len(reference)
        f_mean: float = (precision * recall) / (self.alpha * precision + (1 - self.alpha) * recall)
        penalty = self.gamma * (chunks(matches) / len(matches)) ** self.beta
        return float((1 - penalty) * f_mean)


def align(prediction: Sequence[str], reference: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs (place in the prediction, place in the reference) of matching words, by place in the prediction."""
    matches: list[tuple[int, int]] = []
    left = list(enumerate(prediction))
    free = list(enumerate(reference))
    left, free = _match(left, free, matches, lambda word, places: (word,) if word in places else ())
    left = [(place, stem(word)) for place, word in left]
    free = [(place, stem(word)) for place, word in free]
    left, free = _match(left, free, matches, lambda word, places: (word,) if word in places else ())
    _match(left, free, matches, _synonyms_among)
    matches.sort()
    return matches


def chunks(matches: Sequence[tuple[int, int]]) -> int:
    """How many runs of words stand in the same order, without a gap, in both texts."""
    return 1 + sum((second[0] - first[0], second[1] - first[1]) != (1, 1) for first, second in pairwise(matches))


def _synonyms_among(word: str, candidates: Mapping[str, Sequence[int]]) -> list[str]:
    of_word = senses(word)
    return [other for other in candidates if other == word or not of_word.isdisjoint(names(other))]


def _match(
    left: list[tuple[int, str]],
    free: list[tuple[int, str]],
    matches: list[tuple[int, int]],
    candidates: Callable[[str, Mapping[str, Sequence[int]]], Sequence[str]],
) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """One stage: from the last word of the prediction on, each takes the last free place among its candidates.

    Adds to `matches`; returns what is left of the prediction and of the reference.
    """
    places: dict[str, list[int]] = {}
    for place, word in free:
        places.setdefault(word, []).append(place)
    unmatched, taken = [], set()
    for place, word in reversed(left):
        options = candidates(word, places)
        if not options:
            unmatched.append((place, word))
            continue
        best = max(options, key=lambda option: places[option][-1])
        at = places[best].pop()
        if not places[best]:
            del places[best]
        taken.add(at)
        matches.append((place, at))
    unmatched.reverse()
    return unmatched, [(place, word) for place, word in free if place not in taken]


def _splitter(norm: Norm) -> Callable[[str], Sequence[str]]:
    """Text as given -> its lower-cased words."""
    if norm == "libra":
        return cache(lambda text: words(normalize(text)))
    from nltk.tokenize import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer, PunktTokenizer

    if norm == "none":
        sentences = PunktTokenizer("english")
    else:
        from libra_bench.metrics.nltk_words import punkt_words

        few = PunktParameters()
        few.abbrev_types, few.collocations, starters = map(set, punkt_words())
        for word in starters:
            few.add_ortho_context(word, 1 << 4)
        sentences = PunktSentenceTokenizer(few)
    treebank = NLTKWordTokenizer()
    return cache(
        lambda text: [
            word.lower()
            for sentence in sentences.tokenize(normalize(text, norm))
            for word in treebank.tokenize(sentence)
        ]
    )


def _punkt_installed() -> bool:
    from nltk.data import find

    try:
        find("tokenizers/punkt_tab/english/")
    except LookupError:
        return False
    return True

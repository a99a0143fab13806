"""METEOR as nltk computes it: exact words, then stems, then WordNet synonyms; offline.

Words of prediction and reference are matched once each, in three stages. nltk's own ways, kept: the last free place
in the reference is taken; the synonym stage sees the stems that the stem stage left over; several references give
the maximum. Score = (1 - gamma * (chunks / matches) ** beta) * P R / (alpha P + (1 - alpha) R), 0 without a match.

Source: Lavie & Agarwal (2007); nltk 3.10 `translate/meteor_score.py` through Hugging Face `evaluate`. Equal to
`nltk.meteor_score` with WordNet 3.0 and `word_tokenize` on real and random reports (tests).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, ClassVar, TypeAlias

import numpy as np

from libra_bench.metrics.metric import Key, MetricResult, Missing, References, Sees, mean_of, signature_of
from libra_bench.metrics.nltk_words import punkt_installed, words
from libra_bench.metrics.normalize import LOWERING, Norm, normalize
from libra_bench.metrics.porter import stem
from libra_bench.metrics.wordnet import names, senses

Match: TypeAlias = tuple[int, int]
"""(place in the prediction, place in the reference)."""
Placed: TypeAlias = tuple[int, str]
"""A word and its place."""


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
        split = _splitter(self.norm)
        synonyms = Synonyms(word for alternatives in references for text in alternatives for word in split(text))
        scores = [
            max(self._pair(split(prediction), split(reference), synonyms) for reference in alternatives)
            for prediction, alternatives in zip(predictions, references, strict=True)
        ]
        percent = [100.0 * score for score in scores]
        return MetricResult(
            values={"METEOR": sum(percent) / len(percent)},
            statistics=mean_of(np.array([scores]).T),
            samples={"METEOR": percent},
        )

    def _pair(self, prediction: Sequence[str], reference: Sequence[str], synonyms: Synonyms) -> float:
        matches = align(prediction, reference, synonyms)
        if not matches:
            return 0.0
        precision, recall = len(matches) / len(prediction), len(matches) / len(reference)
        f_mean: float = (precision * recall) / (self.alpha * precision + (1 - self.alpha) * recall)
        penalty = self.gamma * (chunks(matches) / len(matches)) ** self.beta
        return float((1 - penalty) * f_mean)


class Synonyms(dict[str, tuple[str, ...]]):
    """A stem -> the other stems of a vocabulary that share a WordNet synset with it; worked out when first asked for.

    Args:
        vocabulary: every word that a reference may hold.
    """

    def __init__(self, vocabulary: Iterable[str]) -> None:
        super().__init__()
        self._spelled: dict[int, list[str]] = {}
        for word in {stem(word) for word in set(vocabulary)}:
            for synset in names(word):
                self._spelled.setdefault(synset, []).append(word)

    def __missing__(self, word: str) -> tuple[str, ...]:
        others = {other for synset in senses(word) for other in self._spelled.get(synset, ())} - {word}
        self[word] = tuple(others)
        return self[word]


def align(prediction: Sequence[str], reference: Sequence[str], synonyms: Synonyms) -> list[Match]:
    """Pairs of matching words, by place in the prediction."""
    backwards = zip(range(len(prediction) - 1, -1, -1), reversed(prediction), strict=True)
    exact, left, free = _match(backwards, list(enumerate(reference)))
    left = [(place, stem(word)) for place, word in left]
    free = [(place, stem(word)) for place, word in free]
    by_stem, left, free = _match(left, free)
    by_meaning, _, _ = _match(left, free, synonyms)
    return sorted(exact + by_stem + by_meaning)


def chunks(matches: Sequence[Match]) -> int:
    """How many runs of words occur in the same order, without a gap, in both texts."""
    count, expected = 0, (-1, -1)
    for place, at in matches:
        count += (place, at) != expected
        expected = place + 1, at + 1
    return count


def _match(
    backwards: Iterable[Placed], free: list[Placed], synonyms: Synonyms | None = None
) -> tuple[list[Match], list[Placed], list[Placed]]:
    """One stage: from the last word of the prediction on, each takes the last free place of a word that it matches.

    Returns the matches, and what is left of the prediction (from the last word on) and of the reference.
    """
    places = defaultdict(list)
    for place, word in free:
        places[word].append(place)
    matches, unmatched = [], []
    for place, word in backwards:
        open_places = places.get(word)
        if synonyms is not None:  # a word left over by the stem stage is on one side only
            for other in synonyms[word]:
                rival = places.get(other)
                if rival and (not open_places or rival[-1] > open_places[-1]):
                    open_places = rival
        if open_places:
            matches.append((place, open_places.pop()))
        else:
            unmatched.append((place, word))
    taken = {at for _, at in matches}
    return matches, unmatched, [(place, word) for place, word in free if place not in taken]


def _splitter(norm: Norm) -> Callable[[str], Sequence[str]]:
    """Text as given -> its lower-cased words."""
    if norm == "libra":
        return cache(lambda text: words(normalize(text)))
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
    return cache(
        lambda text: [
            word.lower()
            for sentence in sentences.tokenize(normalize(text, norm))
            for word in treebank.tokenize(sentence)
        ]
    )

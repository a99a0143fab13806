"""METEOR's matching of words, for many pairs of texts at once.

Words are matched once each, in three stages: the word, its stem, a synonym. In each, from the last word of the
prediction on, a word takes the last free place of a word that it matches. So in the first two stages the last
occurrence of a word on one side meets the last on the other, the last but one the last but one: one sort finds them
all. Synonyms are few, and are matched one by one.

Legend: P pairs, W words of both texts of all pairs, M matches. A place counts from the end of its text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, count
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from libra_bench.metrics.porter import stem
from libra_bench.metrics.wordnet import names, senses

Ints: TypeAlias = npt.NDArray[np.int64]
Numbers: TypeAlias = Sequence[int]
"""A text: the number of each word."""
_AT_ONCE = 1_000
"""Pairs: bounds the memory, and the bits that a pair's number needs."""


class Vocabulary:
    """Numbers of words and of their stems; a stem is numbered like any word."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = defaultdict(count().__next__)
        self._stems: dict[int, int] = {}
        self._spelled: list[str] = []

    def numbers(self, words: Iterable[str]) -> list[int]:
        """The number of each word."""
        return [self._numbers[word] for word in words]

    def word(self, number: int) -> str:
        """The word that has a number."""
        if number >= len(self._spelled):
            self._spelled = [*self._numbers]
        return self._spelled[number]

    def stem(self, number: int) -> int:
        """The number of a word's stem."""
        if number not in self._stems:
            self._stems[number] = self._numbers[stem(self.word(number))]
        return self._stems[number]


class Synonyms(dict[int, tuple[int, ...]]):
    """A stem -> the other stems of references that share a WordNet synset with it; worked out when first asked for.

    Args:
        vocabulary: what the numbers mean.
        words: every word that a reference may hold.
    """

    def __init__(self, vocabulary: Vocabulary, words: Iterable[int]) -> None:
        super().__init__()
        self._vocabulary = vocabulary
        self._spelled: dict[int, list[int]] = {}
        for number in {vocabulary.stem(word) for word in set(words)}:
            for synset in names(vocabulary.word(number)):
                self._spelled.setdefault(synset, []).append(number)

    def __missing__(self, number: int) -> tuple[int, ...]:
        synsets = senses(self._vocabulary.word(number))
        others = {other for synset in synsets for other in self._spelled.get(synset, ())} - {number}
        self[number] = tuple(others)
        return self[number]


def aligned(
    predictions: Sequence[Numbers], references: Sequence[Numbers], vocabulary: Vocabulary, synonyms: Synonyms
) -> tuple[list[int], list[int]]:
    """How many words of each pair match, and in how many chunks: runs without a gap, in one order in both texts.

    Args:
        predictions: P texts.
        references: P texts.
        vocabulary: what the numbers mean.
        synonyms: of every word of the references.

    Returns:
        P numbers of matches and P numbers of chunks.
    """
    matches: list[int] = []
    chunks: list[int] = []
    for start in range(0, len(predictions), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        words = _Words.of(predictions[part], references[part])
        exact_3M, left = _same(words)
        stems = np.zeros(left.word.max(initial=0) + 1, dtype=np.int64)
        for number in np.unique(left.word).tolist():
            stems[number] = vocabulary.stem(number)
        by_stem_3M, left = _same(_Words(left.pair, left.side, left.place, stems[left.word]))
        matches_3M = np.hstack([exact_3M, by_stem_3M, _synonymous(left, synonyms)])
        n = len(predictions[part])
        matches += np.bincount(matches_3M[0], minlength=n).tolist()
        chunks += np.bincount(_starts(matches_3M), minlength=n).tolist()
    return matches, chunks


class _Words:
    """Words that are still free: four arrays [W]."""

    def __init__(self, pair: Ints, side: Ints, place: Ints, word: Ints) -> None:
        self.pair, self.side, self.place, self.word = pair, side, place, word
        """`side`: 0 prediction, 1 reference."""

    @classmethod
    def of(cls, predictions: Sequence[Numbers], references: Sequence[Numbers]) -> _Words:
        texts = [*predictions, *references]
        lengths = np.array([*map(len, texts)], dtype=np.int64)
        words = np.fromiter(chain.from_iterable(texts), dtype=np.int64, count=lengths.sum())
        text = np.repeat(np.arange(len(texts)), lengths)
        place = np.cumsum(lengths)[text] - 1 - np.arange(len(words))
        return cls(text % len(predictions), text // len(predictions), place, words)


def _same(words: _Words) -> tuple[Ints, _Words]:
    """Match equal words.

    Returns:
        matches [3, M]: pair, place in the prediction, place in the reference; and the words that are left.
    """
    for_word, for_place = _bits(words.word), _bits(words.place)
    key = np.sort(((words.pair << for_word | words.word) << 1 | words.side) << for_place | words.place)
    side, place, group = key >> for_place & 1, key & ((1 << for_place) - 1), key >> (for_place + 1)
    new = np.ones(len(key), dtype=bool)
    np.not_equal(group[1:], group[:-1], out=new[1:])
    (first,) = np.nonzero(new)
    sizes = np.diff(first, append=len(key))
    number = np.repeat(np.arange(len(first)), sizes)
    of_reference = np.bincount(number[side == 1], minlength=len(first))
    of_prediction = sizes - of_reference
    rank = np.arange(len(key)) - (first[number] + side * of_prediction[number])
    matched = rank < np.minimum(of_prediction, of_reference)[number]
    (said,) = np.nonzero(matched & (side == 0))
    true = said + of_prediction[number[said]]
    pair, word = group >> for_word, group & ((1 << for_word) - 1)
    left = ~matched
    return np.stack([pair[said], place[said], place[true]]), _Words(pair[left], side[left], place[left], word[left])


def _synonymous(left: _Words, synonyms: Synonyms) -> Ints:
    """Match stems that share a synset [3, M], as `_same`."""
    said = left.side == 0
    related = {number: others for number in np.unique(left.word[said]).tolist() if (others := synonyms[number])}
    wanted = [*{other for others in related.values() for other in others}]
    said &= np.isin(left.word, [*related])
    true = (left.side == 1) & np.isin(left.word, wanted)
    free: dict[tuple[int, int], list[int]] = defaultdict(list)
    for pair, place, number in _sorted(left, true)[::-1]:  # the last place of a text comes last
        free[pair, number].append(place)
    matches = []
    for pair, place, number in _sorted(left, said):
        rivals = [places for other in related[number] if (places := free.get((pair, other)))]
        if rivals:
            matches.append((pair, place, min(rivals, key=lambda places: places[-1]).pop()))
    return np.array(matches, dtype=np.int64).reshape(-1, 3).T


def _sorted(words: _Words, some: npt.NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """(pair, place, word), in this order."""
    return sorted(zip(words.pair[some].tolist(), words.place[some].tolist(), words.word[some].tolist(), strict=True))


def _starts(matches_3M: Ints) -> Ints:
    """The pair of each chunk."""
    bits = max(_bits(matches_3M[1]), _bits(matches_3M[2])) + 1  # so that no step reaches the next pair
    key = np.sort((matches_3M[0] << bits | matches_3M[1]) << bits | matches_3M[2])
    begins = np.ones(len(key), dtype=bool)
    np.not_equal(np.diff(key), (1 << bits) + 1, out=begins[1:])
    pairs: Ints = key[begins] >> 2 * bits
    return pairs


def _bits(values: Ints) -> int:
    return int(values.max(initial=0)).bit_length()

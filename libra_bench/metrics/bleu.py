"""BLEU 1 to 4 in one pass over the n-grams.

Three schemes, since three groups print three numbers:

- `corpus` (published): clipped counts summed over the corpus, geometric mean without smoothing, the shortest
  reference's length for the brevity penalty; 0 as soon as one order has no match. As Hugging Face `evaluate` (its
  tokenizer_13a, tensorflow/nmt's `compute_bleu`).
- `coco`: the same sums, each ratio moved by 1e-15 / 1e-9, the closest reference's length. As pycocoevalcap.
- `sentence`: the mean of each text's own BLEU; an order without a match counts 0.1 matches, a text without a matching
  word 0; the closest reference's length. As fast_bleu (nltk's smoothing method 1), in ReXrank.

The published BLEU has no value per sample, and none is made up here. So that the worst cases can be found and
correlations taken, samples.csv has each text's own smoothed BLEU-4 in a column of its own, `BLEU4-sentence`: it is the
scheme `sentence` on this metric's words, and its mean is not the corpus value.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain, count
from operator import or_
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from libra_bench.metrics.metric import (
    Floats,
    Key,
    MetricResult,
    Missing,
    References,
    Sees,
    Statistics,
    corpus_values,
    signature_of,
)
from libra_bench.metrics.normalize import Norm, normalize
from libra_bench.metrics.ptb import VERSION as PTB_VERSION
from libra_bench.metrics.ptb import ptb_words

Ints: TypeAlias = npt.NDArray[np.int64]

_ORDERS = 4
_BITS = 63
"""Of an integer that is not negative."""
SENTENCE_COLUMN = "BLEU4-sentence"
_PUNCTUATION = re.compile(r"([{-~\[-`!-&(-+:-@/])")
_STOP_AFTER_NON_DIGIT = re.compile(r"([^0-9])([.,])")
_STOP_BEFORE_NON_DIGIT = re.compile(r"([.,])([^0-9])")
_DASH_AFTER_DIGIT = re.compile(r"([0-9])(-)")


@dataclass(frozen=True)
class Bleu:
    """BLEU1 to BLEU4."""

    norm: Norm = "libra"
    tokenizer: Literal["13a", "whitespace", "period", "ptb"] = "13a"
    """`13a`: mteval-v13a; `period`: split at spaces, with each full stop a word of its own; `ptb`: see ptb.py."""
    scheme: Literal["corpus", "coco", "sentence"] = "corpus"

    id: ClassVar[str] = "bleu"
    summary: ClassVar[str] = "BLEU 1 to 4: n-grams shared with the reference, as Hugging Face evaluate"
    sees: ClassVar[Sees] = "words"
    needs: ClassVar[str] = "nothing"
    independent: ClassVar[bool] = True
    sample_keys: ClassVar[Sequence[Key]] = (Key(SENTENCE_COLUMN),)

    @property
    def keys(self) -> Sequence[Key]:
        """BLEU1, BLEU2, BLEU3, BLEU4."""
        return tuple(Key(f"BLEU{order}", published=True) for order in range(1, _ORDERS + 1))

    @property
    def signature(self) -> str:
        """Normalisation, tokens, scheme and the implementation that it equals."""
        implementations = {"corpus": "evaluate-0.4.6", "coco": "pycocoevalcap-1.2", "sentence": "fast_bleu-0.0.90"}
        return signature_of(
            self, impl=implementations[self.scheme], version=PTB_VERSION if self.tokenizer == "ptb" else 1
        )

    def missing(self) -> Missing | None:
        """Nothing can be missing."""
        return None

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """The corpus values; for `sentence` the value of each sample, too, otherwise each text's own BLEU-4."""
        counts_N9, lengths_CN = self._counts(predictions, references)
        own_N4 = _sentence_bleu(np.column_stack([counts_N9, _reference_length(lengths_CN, closest=True)]))
        if self.scheme == "sentence":
            statistics = Statistics(own_N4, self.reduce)
            samples = {key.name: (100.0 * column).tolist() for key, column in zip(self.keys, own_N4.T, strict=True)}
        else:
            reference_N = _reference_length(lengths_CN, closest=self.scheme != "corpus")
            statistics = Statistics(np.column_stack([counts_N9, reference_N]), self.reduce)
            samples = {SENTENCE_COLUMN: (100.0 * own_N4[:, -1]).tolist()}
        return MetricResult(corpus_values(self.keys, statistics), statistics, samples)

    def reduce(self, sums_RS: Floats, n_R: Floats) -> Floats:
        """Summed statistics -> BLEU1..4, times 100."""
        if self.scheme == "sentence":
            return 100.0 * sums_RS / n_R[:, None]
        return 100.0 * (_coco_bleu(sums_RS) if self.scheme == "coco" else _corpus_bleu(sums_RS))

    def _counts(self, predictions: Sequence[str], references: References) -> tuple[Floats, Ints]:
        """Of each sample matches and n-grams of order 1..4 and words; and the words of it and of its references."""
        texts = [[normalize(text, self.norm) for text in predictions]]
        for turn in range(max(map(len, references))):
            texts.append([normalize(several[min(turn, len(several) - 1)], self.norm) for several in references])
        numbered = _Numbered(_TOKENIZERS[self.tokenizer][1])
        into_pieces = _TOKENIZERS[self.tokenizer][0]
        n = len(predictions)
        lists = [[*chain.from_iterable(map(numbered.__getitem__, into_pieces(text)))] for its in texts for text in its]
        lengths = np.array([*map(len, lists)], dtype=np.int64)
        words = np.fromiter(chain.from_iterable(lists), dtype=np.int64, count=lengths.sum())
        text = np.repeat(np.arange(len(lists)), lengths)
        left = np.cumsum(lengths)[text] - np.arange(len(words))
        matches_NO = _matches(words, text % n, text // n, left, (len(texts), n))
        lengths_CN = lengths.reshape(-1, n)
        guesses_NO = np.maximum(lengths_CN[0][:, None] - np.arange(_ORDERS), 0)
        return np.column_stack([matches_NO, guesses_NO, lengths_CN[0]]).astype(float), lengths_CN


class _Numbered(dict[str, tuple[int, ...]]):
    """A piece of text -> the numbers of its words, each piece split once.

    Args:
        split: a piece -> its words.
    """

    def __init__(self, split: Callable[[str], Iterable[str]]) -> None:
        super().__init__()
        self._split = split
        self._numbers: dict[str, int] = defaultdict(count().__next__)

    def __missing__(self, piece: str) -> tuple[int, ...]:
        self[piece] = tuple([self._numbers[word] for word in self._split(piece)])
        return self[piece]


def _matches(words: Ints, sample: Ints, column: Ints, left: Ints, shape: tuple[int, int]) -> Ints:
    """Clipped n-gram matches [N, 4].

    Sample, four words and column become one integer. Sorted, equal n-grams of every order lie side by side. Where the
    words do not fit into the integer, the samples are counted in two halves.

    Args:
        words: W numbers of words, of one text after the other.
        sample: of each word, 0 to n - 1.
        column: of each word, 0 for the prediction, further ones for its references.
        left: words from here to the end of the text.
        shape: the number of columns, and N.
    """
    columns, n = shape
    seen = np.zeros(words.max(initial=0) + 1, dtype=np.int64)
    seen[words] = 1
    numbers = np.cumsum(seen)[words]  # from 1 on, without gaps; 0: behind the end of the text
    width = int(numbers.max(initial=0)).bit_length()
    for_column = (columns - 1).bit_length()
    if (n - 1).bit_length() + _ORDERS * width + for_column > _BITS:
        if n == 1:
            return _matches_of_one(words, column, left, columns)
        first = sample < n // 2
        halves = [(first, 0, n // 2), (~first, n // 2, n - n // 2)]
        return np.concatenate(
            [
                _matches(words[its], sample[its] - start, column[its], left[its], (columns, size))
                for its, start, size in halves
            ]
        )
    gram = sample
    for further in range(_ORDERS):
        here = np.zeros_like(numbers)
        here[: max(0, len(numbers) - further)] = numbers[further:]
        here[left <= further] = 0
        gram = gram << width | here
    gram = np.sort(gram << for_column | column)
    matches_NO = np.zeros((n, _ORDERS), dtype=np.int64)
    for order in range(1, _ORDERS + 1):
        its = gram >> (for_column + (_ORDERS - order) * width)
        whole = its & ((1 << width) - 1) != 0
        its, column = its[whole], gram[whole] & ((1 << for_column) - 1)
        new = np.ones(len(its), dtype=bool)
        np.not_equal(its[1:], its[:-1], out=new[1:])
        group = np.cumsum(new) - 1
        counts = np.bincount(group << for_column | column, minlength=int(new.sum()) << for_column)
        of_prediction, *of_references = counts.reshape(-1, 1 << for_column).T
        clipped = np.minimum(of_prediction, np.max(of_references, axis=0))
        matches_NO[:, order - 1] = np.bincount(its[new] >> (order * width), weights=clipped, minlength=n)
    return matches_NO


def _matches_of_one(words: Ints, column: Ints, left: Ints, columns: int) -> Ints:
    """`_matches` of a sample with very many words."""
    counts: list[Counter[tuple[int, ...]]] = [Counter() for _ in range(columns)]
    said = words.tolist()
    for start, (its, most) in enumerate(zip(column.tolist(), left.tolist(), strict=True)):
        counts[its].update(tuple(said[start : start + order]) for order in range(1, min(_ORDERS, most) + 1))
    of_references = reduce(or_, counts[1:])
    matches = Counter[int]()
    for gram, times in (counts[0] & of_references).items():
        matches[len(gram)] += times
    return np.array([[matches[order] for order in range(1, _ORDERS + 1)]])


def _reference_length(lengths_CN: Ints, *, closest: bool) -> Ints:
    """The length of the shortest reference, or of the one closest to the prediction (the shorter of two)."""
    prediction_N, references_CN = lengths_CN[0], lengths_CN[1:]
    if not closest:
        return np.asarray(references_CN.min(axis=0))
    ordered = np.sort(references_CN, axis=0)
    nearest = np.abs(ordered - prediction_N).argmin(axis=0)
    return np.asarray(ordered[nearest, np.arange(len(prediction_N))])


def _split(sums_RS: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Matches [R, 4], n-grams [R, 4], words [R], words of the reference [R]."""
    return sums_RS[:, :_ORDERS], sums_RS[:, _ORDERS : 2 * _ORDERS], sums_RS[:, -2], sums_RS[:, -1]


def _corpus_bleu(sums_RS: Floats) -> Floats:
    matches, guesses, words, reference = _split(sums_RS)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.cumsum(np.log(matches / guesses), axis=1) / np.arange(1, _ORDERS + 1)
        brevity = np.where(words > reference, 1.0, np.exp(1.0 - reference / words))
        values = np.exp(logs) * brevity[:, None]
    return np.where(np.minimum.accumulate(matches, axis=1) > 0, values, 0.0)


def _coco_bleu(sums_RS: Floats) -> Floats:
    matches, guesses, words, reference = _split(sums_RS)
    tiny, small = 1e-15, 1e-9
    values = np.cumprod((matches + tiny) / (guesses + small), axis=1) ** (1.0 / np.arange(1, _ORDERS + 1))
    ratio = (words + tiny) / (reference + small)
    return values * np.exp(np.minimum(0.0, 1.0 - 1.0 / ratio))[:, None]


def _sentence_bleu(counts_NS: Floats) -> Floats:
    matches, guesses, words, reference = _split(counts_NS)
    with np.errstate(divide="ignore", invalid="ignore"):
        precisions = np.where(matches > 0, matches, 0.1) / np.maximum(guesses, 1.0)
        logs = np.cumsum(np.log(precisions), axis=1) / np.arange(1, _ORDERS + 1)
        brevity = np.where(words > reference, 1.0, np.exp(1.0 - reference / words))
    return np.where(matches[:, :1] > 0, np.exp(logs) * brevity[:, None], 0.0)


def words_13a(text: str) -> list[str]:
    """Tokenise as mteval-v13a does: entities undone, punctuation split off, but not inside numbers."""
    return [piece for chunk in _chunks_13a(text) for piece in _pieces(chunk)]


def _pieces(chunk: str) -> tuple[str, ...]:
    """The tokens of a piece of text without white space: no rule of 13a looks beyond it."""
    if chunk.isalnum():
        return (chunk,)
    chunk = _PUNCTUATION.sub(r" \1 ", f" {chunk} ")
    chunk = _STOP_AFTER_NON_DIGIT.sub(r"\1 \2 ", chunk)
    chunk = _STOP_BEFORE_NON_DIGIT.sub(r" \1 \2", chunk)
    return tuple(_DASH_AFTER_DIGIT.sub(r"\1 \2 ", chunk).split())


def _chunks_13a(text: str) -> list[str]:
    """What is between white space, once entities are undone."""
    text = text.replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    if "&" in text:
        for entity, character in (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")):
            text = text.replace(entity, character)
    return text.split()


def words_at_full_stops(text: str) -> list[str]:
    """Words between spaces, full stops split off in front (ReXrank's preparation)."""
    return [word for word in text.replace(".", " .").split(" ") if word]


def _itself(piece: str) -> tuple[str, ...]:
    return (piece,)


_TOKENIZERS: Mapping[str, tuple[Callable[[str], Iterable[str]], Callable[[str], Iterable[str]]]] = {
    "13a": (_chunks_13a, _pieces),
    "whitespace": (str.split, _itself),
    "period": (words_at_full_stops, _itself),
    "ptb": (lambda text: " ".join(ptb_words(text)).split(), _itself),  # as there: a mixed number is two words
}
"""Text -> pieces; piece -> words, whatever is around it."""

"""Temporal F1 as published: which of 44 words of change a prediction and its reference share.

Each text's set of keywords (whole words, after the cleaning) is compared: F1 from precision and recall with an epsilon;
1 where both sets are empty, epsilon where only the reference's is. Alternative references are united. It sees neither
the finding nor a negation.

Source: Libra (arXiv 2411.19378), keywords of Bannur et al., CVPR 2023.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar

import numpy as np

from benchmarks.errors import InputError
from libra_bench.metrics.metric import Key, MetricResult, Missing, References, Sees, mean_of, signature_of
from libra_bench.metrics.normalize import Norm, clean_text, normalize
from libra_bench.metrics.spans import Spans

KEYWORDS = frozenset(
    {
        "bigger", "change", "cleared", "constant", "decrease", "decreased", "decreasing", "elevated", "elevation",
        "enlarged", "enlargement", "enlarging", "expanded", "greater", "growing", "improved", "improvement",
        "improving", "increase", "increased", "increasing", "larger", "new", "persistence", "persistent", "persisting",
        "progression", "progressive", "reduced", "removal", "resolution", "resolved", "resolving", "smaller",
        "stability", "stable", "stably", "unaltered", "unchanged", "unfolded", "worse", "worsen", "worsened",
        "worsening",
    }
)  # fmt: skip

_WORD = re.compile(r"\w+")
_KEPT = frozenset(string.ascii_letters + string.digits + string.whitespace + ".,:;()_-")
_TO_SPACE = str.maketrans(dict.fromkeys(".,:;()", " "))
_DELETED_INSIDE = re.compile(r"[^\W_][^\w\s.,:;()-]+[^\W_]")
_WORD_BEFORE_CLEANING = re.compile(r"[^\W_](?:[^\w\s.,:;()-]*[^\W_])*")
"""A word of the original text, including characters that the cleaning deletes: "im'proved" becomes "improved"."""


@dataclass(frozen=True)
class TemporalF1:
    """Temporal F1, the mean over samples; says which words it matched."""

    norm: Norm = "libra"
    epsilon: float = 1e-10

    id: ClassVar[str] = "temporal_f1"
    summary: ClassVar[str] = "Temporal F1: shared words of change (44 keywords), as published"
    sees: ClassVar[Sees] = "change"
    needs: ClassVar[str] = "nothing"
    independent: ClassVar[bool] = True

    @property
    def keys(self) -> Sequence[Key]:
        """Temporal_entity_score."""
        return (Key("Temporal_entity_score", published=True),)

    @property
    def signature(self) -> str:
        """Normalisation, epsilon, keywords."""
        return signature_of(self, keywords=len(KEYWORDS), refs="union", agg="mean", impl="libra-0d6c56a")

    def missing(self) -> Missing | None:
        """Nothing can be missing."""
        return None

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """The mean over samples, the value of each, and the positions of the keywords.

        A span's side is "prediction" or "reference"; from the second alternative on "reference 2", "reference 3".
        """
        scores, spans = [], Spans()
        for sample, (prediction, alternatives) in enumerate(zip(predictions, references, strict=True)):
            found = [self._entities(text) for text in (prediction, *alternatives)]
            scores.append(keyword_f1(found[0], frozenset().union(*found[1:]), self.epsilon))
            for number, (text, words) in enumerate(zip((prediction, *alternatives), found, strict=True)):
                if words:
                    spans.add(sample, _side(number), keyword_places(text, words))
        percent = [100.0 * score for score in scores]
        return MetricResult(
            values={"Temporal_entity_score": sum(percent) / len(percent)},
            statistics=mean_of(np.array([scores]).T),
            samples={"Temporal_entity_score": percent},
            spans=spans,
        )

    def _entities(self, text: str) -> frozenset[str]:
        if self.norm == "libra":  # clean already: cleaning it again, as the published evaluation does, changes nothing
            return frozenset(
                chain.from_iterable(filter(None, map(_keywords_in.__getitem__, normalize(text).split(" "))))
            )
        return entities(normalize(text, self.norm))


def _side(number: int) -> str:
    """Of a text: 0 the prediction, then the references."""
    return ("prediction", "reference")[number] if number < 2 else f"reference {number}"


class _KeywordsIn(dict[str, frozenset[str]]):
    """A piece of a cleaned text between spaces -> its keywords."""

    def __missing__(self, piece: str) -> frozenset[str]:
        if len(self) >= _MOST_PIECES:
            self.clear()
        self[piece] = KEYWORDS.intersection(piece.translate(_TO_SPACE).split())
        return self[piece]


_keywords_in = _KeywordsIn()
_MOST_PIECES = 1 << 16


def temporal_f1_score(
    predictions: Sequence[str], references: Sequence[str | Sequence[str]], epsilon: float = 1e-10
) -> dict[str, Any]:
    """Temporal F1 of texts as they are (cleaned here, whatever their letter case).

    Args:
        predictions: N texts.
        references: N texts, or lists of alternative texts, which are united.
        epsilon: keeps precision and recall off 0 / 0.

    Returns:
        `f1` (0 to 1, the mean over samples), `prediction_entities` and `reference_entities` (N sets of keywords).

    Raises:
        InputError: no text at all, or lists of different lengths.
    """
    if len(predictions) != len(references):
        raise InputError(
            f"{len(predictions)} predictions, but {len(references)} references",
            where="temporal_f1_score",
            hint="give one reference, or one list of alternatives, a prediction",
        )
    if not predictions:
        raise InputError("no texts to score", where="temporal_f1_score", hint="give at least one prediction")
    of_predictions = [set(entities(text)) for text in predictions]
    of_references = [
        set().union(*map(entities, [several] if isinstance(several, str) else several)) for several in references
    ]
    scores = [keyword_f1(*pair, epsilon) for pair in zip(of_predictions, of_references, strict=True)]
    return {
        "f1": sum(scores) / len(scores),
        "prediction_entities": of_predictions,
        "reference_entities": of_references,
    }


def entities(text: str) -> frozenset[str]:
    """The keywords in a text."""
    return KEYWORDS.intersection(_WORD.findall(clean_text(text).lower()))


def keyword_f1(prediction: Set[str], reference: Set[str], epsilon: float) -> float:
    """F1 of two sets of keywords, as published."""
    if not prediction and not reference:
        return 1.0
    if not reference:
        return epsilon
    shared = len(prediction & reference)
    precision = (shared + epsilon) / (len(prediction) + epsilon)
    recall = (shared + epsilon) / (len(reference) + epsilon)
    return 2 * precision * recall / (precision + recall + epsilon)


def keyword_places(text: str, words: Set[str] = KEYWORDS) -> list[tuple[int, int, str]]:
    """(start, end, keyword) of each of `words` in a text as it was given, in order."""
    lowered = text.lower()
    places = []
    if _KEPT.issuperset(text) or (len(lowered) == len(text) and not _DELETED_INSIDE.search(text)):
        for word in words:
            start = lowered.find(word)
            while start >= 0:
                end = start + len(word)
                if not (lowered[start - 1 : start].isalnum() or lowered[end : end + 1].isalnum()):
                    places.append((start, end, word))
                start = lowered.find(word, end)
        return sorted(places)
    for match in _WORD_BEFORE_CLEANING.finditer(text):
        word = "".join(_WORD.findall(match.group().lower()))
        if word in words:
            places.append((match.start(), match.end(), word))
    return places

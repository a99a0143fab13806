"""The nearest training study: by the words of a text (TF-IDF), or by the pixels of an image."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.errors import ModelError
from benchmarks.images import read_radiograph

SIDE = 32
"""Images are compared at SIDE x SIDE pixels."""
_WORD = re.compile(r"\w+")


class WordIndex:
    """Texts by their words: cosine of TF-IDF vectors (idf = ln((1 + N) / (1 + df)) + 1), over an inverted index."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [_counts(text) for text in texts]
        documents = Counter(word for words in counts for word in words)
        self._idf = {word: math.log((1 + len(texts)) / (1 + df)) + 1 for word, df in documents.items()}
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, words in enumerate(counts):
            for word, weight in self._vector(words).items():
                self._postings[word].append((place, weight))

    def nearest(self, text: str) -> tuple[int, float]:
        """(place, cosine) of the most similar text; the first of equals, and the first of all where none is similar."""
        scores: dict[int, float] = defaultdict(float)
        for word, weight in self._vector(_counts(text)).items():
            for place, other in self._postings[word]:
                scores[place] += weight * other
        if not scores:
            return 0, 0.0
        best = min(scores, key=lambda place: (-round(scores[place], 12), place))
        return best, scores[best]

    def _vector(self, counts: Counter[str]) -> dict[str, float]:
        weights = {word: count * self._idf[word] for word, count in counts.items() if word in self._idf}
        norm = math.sqrt(sum(weight**2 for weight in weights.values()))
        return {word: weight / norm for word, weight in weights.items()}


class PixelIndex:
    """Images by their pixels: correlation of the grey values at SIDE x SIDE."""

    def __init__(self, paths: Sequence[Path | None]) -> None:
        """Read all images; places without one are never the nearest.

        Raises:
            ModelError: there is no image at all. ImageError: one cannot be read.
        """
        import numpy as np

        self._places = [place for place, path in enumerate(paths) if path is not None]
        if not self._places:
            raise ModelError("no study of the training file has an image", where="--train", hint="use by=prompt")
        self._vectors_NP = np.stack([_pixels(path) for path in paths if path is not None])

    def nearest(self, path: Path) -> tuple[int, float]:
        """(place, correlation) of the most similar image; the first of equals."""
        similarities_N = (self._vectors_NP @ _pixels(path)).round(12)
        best = int(similarities_N.argmax())
        return self._places[best], float(similarities_N[best])


def _counts(text: str) -> Counter[str]:
    return Counter(_WORD.findall(text.lower()))


def _pixels(path: Path) -> Any:
    """Grey values of mean 0 and length 1, [P]."""
    import numpy as np
    from PIL import Image

    small = read_radiograph(path).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    values_P = np.asarray(small, dtype=np.float64).ravel()
    values_P = values_P - values_P.mean()
    length = float(np.linalg.norm(values_P))
    return values_P / length if length else values_P

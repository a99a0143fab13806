"""Spans as columns of numbers: a tenth of the memory of objects, and quickly sent to another process."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeAlias, overload

import numpy as np
import numpy.typing as npt

from benchmarks.files.stored import StoredRows
from libra_bench.metrics.metric import Span

Rows: TypeAlias = npt.NDArray[np.intc]
_COLUMNS = 5


class Spans(Sequence[Span]):
    """Spans of a metric. Each is made when it is asked for."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._numbers = array("i")
        """Of each span: sample, number of its side, start, end, number of its label."""
        self._words: dict[str, int] = {}
        for span in spans:
            self.add(span.sample, span.side, [(span.start, span.end, span.label)])

    def add(self, sample: int, side: str, places: Iterable[tuple[int, int, str]]) -> None:
        """Add (start, end, label)s of a text."""
        words, numbers = self._words, self._numbers
        on_side = words.setdefault(side, len(words))
        for start, end, label in places:
            numbers.extend((sample, on_side, start, end, words.setdefault(label, len(words))))

    def extend(self, more: Sequence[Span], sample: int = 0) -> None:
        """Add spans of later samples, the first of which is `sample`."""
        theirs = more if isinstance(more, Spans) else Spans(more)
        self._numbers.frombytes(theirs.rows(sample, self._words).tobytes())

    def rows(self, sample: int, words: dict[str, int]) -> Rows:
        """The spans as rows_R5 of numbers: sample, counted from `sample`; side; start; end; label.

        Args:
            sample: the number of their first sample.
            words: numbers of sides and labels; those that are new are added.
        """
        numbered = np.array([words.setdefault(word, len(words)) for word in self._words], dtype=np.intc)
        rows_R5 = self._rows().copy()
        rows_R5[:, 0] += sample
        rows_R5[:, 1], rows_R5[:, 4] = numbered[rows_R5[:, 1]], numbered[rows_R5[:, 4]]
        return rows_R5

    def __len__(self) -> int:
        return len(self._numbers) // _COLUMNS

    @overload
    def __getitem__(self, index: int) -> Span: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Span]: ...
    def __getitem__(self, index: int | slice) -> Span | Sequence[Span]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        return _span([*self._words], self._rows()[index].tolist())

    def __iter__(self) -> Iterator[Span]:
        words, numbers = [*self._words], iter(self._numbers)
        return (_span(words, row) for row in zip(*[numbers] * _COLUMNS, strict=True))

    def _rows(self) -> Rows:
        return _as_rows(self._numbers)


class StoredSpans(Sequence[Span]):
    """Spans of parts of very many samples, which come in any order, in a temporary file."""

    def __init__(self) -> None:
        self._stored = StoredRows(_COLUMNS * np.dtype(np.intc).itemsize)
        self._words: dict[str, int] = {}
        self._parts: dict[int, range] = {}
        """The first sample of each part -> its rows in the file."""

    def add(self, sample: int, spans: Spans) -> None:
        """Keep the spans of a part whose first sample is `sample`.

        Raises:
            StorageError: the file cannot be written.
        """
        first = self._stored.append(spans.rows(sample, self._words).tobytes())
        self._parts[sample] = range(first, first + len(spans))

    def __len__(self) -> int:
        return len(self._stored)

    @overload
    def __getitem__(self, index: int) -> Span: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Span]: ...
    def __getitem__(self, index: int | slice) -> Span | Sequence[Span]:
        places = range(len(self))[index]
        if isinstance(places, range):
            return [self[place] for place in places]
        return next(islice(self, places, None))

    def __iter__(self) -> Iterator[Span]:
        words = [*self._words]
        for _, rows in sorted(self._parts.items()):
            yield from (_span(words, row) for row in _as_rows(self._stored.read(rows.start, rows.stop)).tolist())


def _as_rows(numbers: bytes | array[int]) -> Rows:
    return np.frombuffer(numbers, dtype=np.intc).reshape(-1, _COLUMNS)


def _span(words: Sequence[str], row: Sequence[int]) -> Span:
    sample, side, start, end, label = row
    return Span(sample, words[side], start, end, words[label])

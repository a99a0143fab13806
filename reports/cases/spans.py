"""The spans of a run as rows of numbers, of many in a temporary file: a run of 100,000 studies has millions."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.files.stored import StoredRows
from benchmarks.records.samples import SpanRecord
from benchmarks.schema import QuestionId

_COLUMNS = 5
_AT_ONCE = 1 << 16
"""Numbers that are written together."""


class SpanTable:
    """Spans by study.

    Args:
        spans: of a run, in any order.
        places: question id -> number of the study; spans of others are left out.
    """

    def __init__(self, spans: Iterable[SpanRecord], places: Mapping[QuestionId, int]) -> None:
        words: dict[str, int] = {}
        metrics: dict[int, None] = {}
        study, rows = array("i"), array("i")
        self._stored = StoredRows(_COLUMNS * rows.itemsize)
        for span in spans:
            if (place := places.get(span.question_id)) is None:
                continue
            side, metric, label = (words.setdefault(word, len(words)) for word in (span.side, span.metric, span.label))
            metrics.setdefault(metric)
            study.append(place)
            rows.extend((side, span.start, span.end, metric, label))
            if len(rows) >= _AT_ONCE:
                self._stored.append(rows.tobytes())
                rows = array("i")
        self._stored.append(rows.tobytes())
        study_S = np.frombuffer(study, dtype=np.intc)
        self._order = np.argsort(study_S, kind="stable").astype(np.intc)
        """The rows in the order of the studies."""
        self._ends = np.searchsorted(study_S[self._order], np.arange(len(places) + 1))
        self._words = list(words)
        self.metrics = [self._words[number] for number in metrics]
        """The ids of the metrics that matched anything."""

    def of(self, place: int, prediction: str, references: Sequence[str]) -> list[list[Any]]:
        """[side, start, end, metric, label] of each span of a study, offsets as JavaScript counts them."""
        texts = {"prediction": prediction}
        texts |= {"reference" if at == 1 else f"reference {at}": text for at, text in enumerate(references, start=1)}
        found = []
        for side, start, end, metric, label in self._rows(self._order[self._ends[place] : self._ends[place + 1]]):
            if (text := texts.get(self._words[side])) is not None:
                ends = [_units(text, start), _units(text, end)]
                found.append([self._words[side], *ends, self._words[metric], self._words[label]])
        return found

    def _rows(self, numbers: npt.NDArray[np.intc]) -> Iterator[list[int]]:
        """The rows of these numbers; those that follow each other are read together."""
        for run in np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1) if len(numbers) else ():
            data = self._stored.read(int(run[0]), int(run[-1]) + 1)
            yield from np.frombuffer(data, dtype=np.intc).reshape(-1, _COLUMNS).tolist()


def _units(text: str, offset: int) -> int:
    """A character offset in UTF-16 code units."""
    return offset if text.isascii() else len(text[:offset].encode("utf-16-le")) // 2

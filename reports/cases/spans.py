"""The spans of a run as columns of numbers: a run of 100,000 studies has millions."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.records.samples import SpanRecord
from benchmarks.schema import QuestionId


class SpanTable:
    """Spans by study.

    Args:
        spans: of a run, in any order.
        places: question id -> number of the study; spans of others are left out.
    """

    def __init__(self, spans: Iterable[SpanRecord], places: Mapping[QuestionId, int]) -> None:
        words: dict[str, int] = {}
        columns = {name: array("i") for name in ("study", "side", "start", "end", "metric", "label")}
        for span in spans:
            if (place := places.get(span.question_id)) is not None:
                columns["study"].append(place)
                columns["start"].append(span.start)
                columns["end"].append(span.end)
                for name, word in (("side", span.side), ("metric", span.metric), ("label", span.label)):
                    columns[name].append(words.setdefault(word, len(words)))
        study, *rest = (np.frombuffer(column, dtype=np.intc) for column in columns.values())
        order = np.argsort(study, kind="stable")
        self._rows = np.stack([column[order] for column in rest], axis=1)
        self._ends = np.searchsorted(study[order], np.arange(len(places) + 1))
        self._words = list(words)
        self.metrics = [self._words[number] for number in dict.fromkeys(columns["metric"])]
        """The ids of the metrics that matched anything."""

    def of(self, place: int, prediction: str, references: Sequence[str]) -> list[list[Any]]:
        """[side, start, end, metric, label] of each span of a study, offsets as JavaScript counts them."""
        texts = {"prediction": prediction}
        texts |= {"reference" if at == 1 else f"reference {at}": text for at, text in enumerate(references, start=1)}
        found = []
        for side, start, end, metric, label in self._rows[self._ends[place] : self._ends[place + 1]].tolist():
            if (text := texts.get(self._words[side])) is not None:
                ends = [_units(text, start), _units(text, end)]
                found.append([self._words[side], *ends, self._words[metric], self._words[label]])
        return found


def _units(text: str, offset: int) -> int:
    """A character offset in UTF-16 code units."""
    return offset if text.isascii() else len(text[:offset].encode("utf-16-le")) // 2

"""Scores many texts on all cores.

A metric whose statistics of a sample depend on that sample alone says so (`independent`). Its samples are scored in
chunks, by this process and by a worker process for each further core (`workers.py`). The statistics are put together
and reduced once, so that no value depends on how many processes there are. Other metrics score all samples here.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from benchmarks.files import stored
from benchmarks.machine import core_count
from libra_bench.metrics.failing_texts import FailedText, score_texts
from libra_bench.metrics.metric import (
    Floats,
    Metric,
    MetricResult,
    References,
    Statistics,
    corpus_values,
    is_independent,
    merged_details,
    percent_mean,
    reduction_of,
)
from libra_bench.metrics.spans import Spans, StoredSpans
from libra_bench.metrics.workers import on_all_cores

Fields: TypeAlias = Sequence[Mapping[str, Any]] | None
Found: TypeAlias = tuple[MetricResult, list[FailedText]]
OnScored: TypeAlias = Callable[[Metric, int], None]
"""Called with a metric and the number of texts that it has scored since the last call; from any thread."""

MANY = 1_000
"""Fewer samples are scored in one process: a worker takes about a quarter of a second to start."""
CHUNK = 256
"""Samples that a process scores at a time, at most; fewer where there would be few chunks for each process."""
_FEW = 64


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Consecutive samples."""

    predictions: Sequence[str]
    references: References
    fields: Fields


@dataclass(slots=True)
class _Gathered:
    """What one metric says of all chunks, in arrays for all samples: objects would take ten times the memory."""

    metric: Metric
    n: int
    rows_NS: Floats | None = None
    samples: dict[str, array[float]] = field(default_factory=dict)
    details: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    failed: dict[int, list[FailedText]] = field(default_factory=dict)
    """The last two by the first sample of their chunk."""
    spans: dict[int, Spans] = field(default_factory=dict)
    """Likewise, of few samples."""
    stored: StoredSpans | None = None
    """Of many."""

    def add(self, part: slice, found: Found) -> None:
        """Keep what the metric says of some samples."""
        result, self.failed[part.start] = found
        if result.statistics is not None:
            rows_nS = result.statistics.per_sample_NS
            if self.rows_NS is None:
                self.rows_NS = np.empty((self.n, rows_nS.shape[1]))
            self.rows_NS[part] = rows_nS
        for name, values in result.samples.items():
            if name not in self.samples:
                self.samples[name] = array("d", bytes(8 * self.n))
            self.samples[name][part] = array("d", values)
        self.details[part.start] = result.details
        spans = result.spans if isinstance(result.spans, Spans) else Spans(result.spans)
        if self.n < stored.MANY:
            self.spans[part.start] = spans
        elif len(spans):
            self.stored = self.stored or StoredSpans()
            self.stored.add(part.start, spans)

    def whole(self) -> Found:
        """One result for all samples."""
        assert self.rows_NS is not None  # an independent metric has statistics
        statistics, spans = Statistics(self.rows_NS, reduction_of(self.metric)), Spans()
        for start in sorted(self.spans):
            spans.extend(self.spans.pop(start), start)
        whole = MetricResult(
            values=corpus_values(self.metric.keys, statistics),
            statistics=statistics,
            samples=self.samples,
            details=merged_details(self.metric, [self.details[start] for start in sorted(self.details)], statistics),
            spans=spans if self.stored is None else self.stored,
        )
        failed = [
            replace(text, sample=text.sample + start) for start in sorted(self.failed) for text in self.failed[start]
        ]
        return whole, failed


def untold(metric: Metric, texts: int) -> None:
    """Of no interest to anybody."""


def score_many_texts(
    metrics: Sequence[Metric],
    predictions: Sequence[str],
    references: References,
    fields: Fields = None,
    on_scored: OnScored = untold,
    *,
    values_alone: bool = False,
) -> list[Found]:
    """What `score_texts` says for each metric, on all cores where there are many texts.

    Args:
        metrics: M metrics.
        predictions: N texts.
        references: N lists of references.
        fields: N mappings, or None.
        on_scored: told of progress.
        values_alone: leave out the spans, which of many texts are most of a result.

    Raises:
        What `score_texts` does, wherever the texts are scored.
    """
    apart = [metric for metric in metrics if is_independent(metric)] if len(predictions) >= MANY else []
    chunked = _in_chunks(apart, predictions, references, fields, on_scored, values_alone) if apart else []
    merged = {id(metric): found for metric, found in zip(apart, chunked, strict=True)}

    def alone(metric: Metric) -> Found:
        found = score_texts(metric, predictions, references, fields)
        on_scored(metric, len(predictions))
        return found

    return [merged[id(metric)] if id(metric) in merged else alone(metric) for metric in metrics]


def _in_chunks(
    metrics: Sequence[Metric],
    predictions: Sequence[str],
    references: References,
    fields: Fields,
    on_scored: OnScored,
    values_alone: bool,
) -> list[Found]:
    n = len(predictions)
    size = min(CHUNK, max(_FEW, n // (8 * core_count())))
    parts = [slice(start, min(n, start + size)) for start in range(0, n, size)]

    gathered = [_Gathered(metric, n) for metric in metrics]

    def chunk(part: slice) -> _Chunk:
        return _Chunk(predictions[part], references[part], None if fields is None else fields[part])

    def keep(part: slice, found: list[Found]) -> None:
        for one, its in zip(gathered, found, strict=True):
            one.add(part, its)
            on_scored(one.metric, part.stop - part.start)

    on_all_cores(partial(_scored, [*metrics], values_alone), parts, chunk, keep)
    return [one.whole() for one in gathered]


def _scored(metrics: Sequence[Metric], values_alone: bool, chunk: _Chunk) -> list[Found]:
    """What each metric says of a chunk; without the reduction of its statistics, which cannot be pickled."""
    found = (score_texts(metric, chunk.predictions, chunk.references, chunk.fields) for metric in metrics)
    return [(_to_send(result, values_alone), failed) for result, failed in found]


def _to_send(result: MetricResult, values_alone: bool) -> MetricResult:
    rows = None if result.statistics is None else Statistics(result.statistics.per_sample_NS, percent_mean)
    return replace(result, statistics=rows, spans=() if values_alone else result.spans)

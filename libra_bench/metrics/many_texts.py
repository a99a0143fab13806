"""Scores many texts on all cores.

A metric whose statistics of a sample depend on that sample alone says so (`independent`). Its samples are scored in
chunks, by this process and by a worker process for each further core. The statistics are put together and reduced
once, so that no value depends on how many processes there are. Other metrics score all samples here.

A worker is another Python that imports the metrics alone, never the user's own script. One that ends early, or fails,
leaves its chunk to this process.
"""

from __future__ import annotations

import pickle
import subprocess
from array import array
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Lock, Thread
from typing import Any, TypeAlias

import numpy as np

from benchmarks.machine import core_count, send, talk_to_starter, workers
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
from libra_bench.metrics.spans import Spans

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

    def score(self, metrics: Sequence[Metric]) -> list[Found]:
        return [score_texts(metric, self.predictions, self.references, self.fields) for metric in metrics]


@dataclass(slots=True)
class _Gathered:
    """What one metric says of all chunks, in arrays for all samples: objects would take ten times the memory."""

    metric: Metric
    n: int
    rows_NS: Floats | None = None
    samples: dict[str, array[float]] = field(default_factory=dict)
    details: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    spans: dict[int, Spans] = field(default_factory=dict)
    failed: dict[int, list[FailedText]] = field(default_factory=dict)
    """The last three by the first sample of their chunk."""

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
        self.spans[part.start] = result.spans if isinstance(result.spans, Spans) else Spans(result.spans)

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
            spans=spans,
        )
        failed = [
            replace(text, sample=text.sample + start) for start in sorted(self.failed) for text in self.failed[start]
        ]
        return whole, failed


@dataclass(slots=True)
class _Work:
    """Chunks that wait, and what is known of the others."""

    gathered: Sequence[_Gathered]
    waiting: deque[slice]
    chunk: Callable[[slice], _Chunk]
    on_scored: OnScored
    lock: Lock = field(default_factory=Lock)

    @property
    def metrics(self) -> list[Metric]:
        return [one.metric for one in self.gathered]

    def do(self) -> None:
        """Score chunks in this process as long as any waits."""
        while self.waiting:
            with suppress(IndexError):  # a worker took the last one
                part = self.waiting.popleft()
                self._keep(part, self.chunk(part).score(self.metrics))

    def give_to(self, worker: subprocess.Popen[bytes]) -> None:
        """Have a worker score chunks as long as any waits; the chunk that it fails on waits again."""
        assert worker.stdin is not None
        assert worker.stdout is not None
        try:
            send(worker.stdin, self.metrics)
        except (OSError, pickle.PicklingError, AttributeError, TypeError):  # a class inside a function can't be sent
            return
        while self.waiting:
            try:
                part = self.waiting.popleft()
            except IndexError:
                return
            found: list[Found] | None = None
            try:
                send(worker.stdin, self.chunk(part))
                found = pickle.load(worker.stdout)  # noqa: S301  # of our own process
            except (OSError, EOFError, pickle.PickleError):
                return
            finally:
                if found is None:
                    self.waiting.append(part)
            self._keep(part, found)

    def _keep(self, part: slice, found: list[Found]) -> None:
        with self.lock:
            for one, its in zip(self.gathered, found, strict=True):
                one.add(part, its)
        for metric in self.metrics:
            self.on_scored(metric, part.stop - part.start)


def untold(metric: Metric, texts: int) -> None:
    """Of no interest to anybody."""


def score_many_texts(
    metrics: Sequence[Metric],
    predictions: Sequence[str],
    references: References,
    fields: Fields = None,
    on_scored: OnScored = untold,
) -> list[Found]:
    """What `score_texts` says for each metric, on all cores where there are many texts.

    Args:
        metrics: M metrics.
        predictions: N texts.
        references: N lists of references.
        fields: N mappings, or None.
        on_scored: told of progress.

    Raises:
        What `score_texts` does, wherever the texts are scored.
    """
    apart = [metric for metric in metrics if is_independent(metric)] if len(predictions) >= MANY else []
    merged = _in_chunks(apart, predictions, references, fields, on_scored) if apart else {}

    def alone(metric: Metric) -> Found:
        found = score_texts(metric, predictions, references, fields)
        on_scored(metric, len(predictions))
        return found

    return [merged[id(metric)] if id(metric) in merged else alone(metric) for metric in metrics]


def _in_chunks(
    metrics: Sequence[Metric], predictions: Sequence[str], references: References, fields: Fields, on_scored: OnScored
) -> dict[int, Found]:
    """What each metric says, by its `id()`."""
    n = len(predictions)
    size = min(CHUNK, max(_FEW, n // (8 * core_count())))
    parts = [slice(start, min(n, start + size)) for start in range(0, n, size)]

    def chunk(part: slice) -> _Chunk:
        return _Chunk(predictions[part], references[part], None if fields is None else fields[part])

    work = _Work([_Gathered(metric, n) for metric in metrics], deque(parts), chunk, on_scored)
    with workers(__name__, min(core_count(), len(parts)) - 1) as started:
        helping = [Thread(target=work.give_to, args=(worker,), daemon=True) for worker in started]
        for thread in helping:
            thread.start()
        work.do()
        for thread in helping:
            thread.join()
    work.do()  # what a worker gave back
    return {id(one.metric): one.whole() for one in work.gathered}


def work() -> None:
    """A worker: metrics and chunks come in, results go out; ends with its input or at the first failure."""
    requests, replies = talk_to_starter()
    metrics: Sequence[Metric] = pickle.load(requests)  # noqa: S301  # of the process that started this one
    with suppress(EOFError, BrokenPipeError):
        while True:
            chunk: _Chunk = pickle.load(requests)  # noqa: S301
            send(replies, [(_without_reduction(result), failed) for result, failed in chunk.score(metrics)])


def _without_reduction(result: MetricResult) -> MetricResult:
    """A result that can be pickled; the metric of the other process knows its reduction."""
    rows = None if result.statistics is None else Statistics(result.statistics.per_sample_NS, percent_mean)
    return replace(result, statistics=rows)

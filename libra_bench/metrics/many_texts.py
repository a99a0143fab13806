"""Scores many texts on all cores.

A metric whose statistics of a sample depend on that sample alone says so (`independent`). Its samples are scored in
chunks, by this process and by a worker process for each further core. The statistics are put together and reduced
once, so that no value depends on how many processes there are. Other metrics score all samples here.

A worker is another Python that imports the metrics alone, never the user's own script. One that ends early, or fails,
leaves its chunk to this process.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from threading import Thread
from typing import IO, Any, TypeAlias

import numpy as np

from libra_bench.metrics.failing_texts import FailedText, score_texts
from libra_bench.metrics.metric import (
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

Fields: TypeAlias = Sequence[Mapping[str, Any]] | None
Found: TypeAlias = tuple[MetricResult, list[FailedText]]
OnScored: TypeAlias = Callable[[Metric, int], None]
"""Called with a metric and the number of texts that it has scored since the last call; from any thread."""

MANY = 1_000
"""Fewer samples are scored in one process: a worker takes about a quarter of a second to start."""
CHUNK = 256
"""Samples that a process scores at a time."""
_WORKER = "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); import {0}; {0}.work()"


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Consecutive samples."""

    start: int
    predictions: Sequence[str]
    references: References
    fields: Fields

    def score(self, metrics: Sequence[Metric]) -> list[Found]:
        return [score_texts(metric, self.predictions, self.references, self.fields) for metric in metrics]


@dataclass(slots=True)
class _Work:
    """Chunks that wait, and what is known of the others, by their number."""

    metrics: Sequence[Metric]
    waiting: deque[tuple[int, _Chunk]]
    on_scored: OnScored
    found: dict[int, list[Found]] = field(default_factory=dict)

    def do(self) -> None:
        """Score chunks in this process as long as any waits."""
        while self.waiting:
            with suppress(IndexError):  # a worker took the last one
                number, chunk = self.waiting.popleft()
                self._keep(number, chunk, chunk.score(self.metrics))

    def give_to(self, worker: subprocess.Popen[bytes]) -> None:
        """Have a worker score chunks as long as any waits; the chunk that it fails on waits again."""
        assert worker.stdin is not None
        assert worker.stdout is not None
        try:
            _send(worker.stdin, sys.path)
            _send(worker.stdin, self.metrics)
        except (OSError, pickle.PicklingError, AttributeError, TypeError):  # a class inside a function can't be sent
            return
        while self.waiting:
            try:
                number, chunk = self.waiting.popleft()
            except IndexError:
                return
            try:
                _send(worker.stdin, chunk)
                self._keep(number, chunk, pickle.load(worker.stdout))  # noqa: S301  # of our own process
            except (OSError, EOFError, pickle.PickleError):
                self.waiting.append((number, chunk))
                return

    def _keep(self, number: int, chunk: _Chunk, found: list[Found]) -> None:
        self.found[number] = found
        for metric in self.metrics:
            self.on_scored(metric, len(chunk.predictions))


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
    parts = [slice(start, start + CHUNK) for start in range(0, len(predictions), CHUNK)]
    chunks = [_Chunk(p.start, predictions[p], references[p], None if fields is None else fields[p]) for p in parts]
    work = _Work(metrics, deque(enumerate(chunks)), on_scored)
    with _workers(min(_cores(), len(chunks)) - 1) as workers:
        helping = [Thread(target=work.give_to, args=(worker,), daemon=True) for worker in workers]
        for thread in helping:
            thread.start()
        work.do()
        for thread in helping:
            thread.join()
    work.do()  # what a worker gave back
    found = [work.found[number] for number in range(len(chunks))]
    starts = [chunk.start for chunk in chunks]
    return {id(metric): _merged(metric, [of[m] for of in found], starts) for m, metric in enumerate(metrics)}


def _merged(metric: Metric, parts: Sequence[Found], starts: Sequence[int]) -> Found:
    """One result from those of chunks."""
    results = [result for result, _ in parts]
    rows_NS = np.concatenate([r.statistics.per_sample_NS for r in results if r.statistics is not None])
    statistics = Statistics(rows_NS, reduction_of(metric))
    whole = MetricResult(
        values=corpus_values(metric.keys, statistics),
        statistics=statistics,
        samples={name: [value for r in results for value in r.samples[name]] for name in results[0].samples},
        details=merged_details(metric, [r.details for r in results], statistics),
        spans=[
            replace(span, sample=span.sample + start)
            for r, start in zip(results, starts, strict=True)
            for span in r.spans
        ],
    )
    failed = [
        replace(text, sample=text.sample + start) for (_, fs), start in zip(parts, starts, strict=True) for text in fs
    ]
    return whole, failed


@contextmanager
def _workers(n: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start n workers, fewer where the system has no room for them; they are ended at the exit."""
    workers: list[subprocess.Popen[bytes]] = []
    try:
        with suppress(OSError):
            for _ in range(n):
                command = [sys.executable, "-P", "-c", _WORKER.format(__name__)]
                workers.append(
                    subprocess.Popen(
                        command,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL,
                        env={**os.environ, "OMP_NUM_THREADS": "1"},
                    )
                )
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def work() -> None:
    """A worker: metrics and chunks come in, results go out; ends with its input or at the first failure."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the process that started this one
    replies, sys.stdout = sys.stdout.buffer, sys.stderr
    metrics: Sequence[Metric] = pickle.load(sys.stdin.buffer)  # noqa: S301  # of the process that started this one
    with suppress(EOFError, BrokenPipeError):
        while True:
            chunk: _Chunk = pickle.load(sys.stdin.buffer)  # noqa: S301
            _send(replies, [(_without_reduction(result), failed) for result, failed in chunk.score(metrics)])


def _without_reduction(result: MetricResult) -> MetricResult:
    """A result that can be pickled; the metric of the other process knows its reduction."""
    rows = None if result.statistics is None else Statistics(result.statistics.per_sample_NS, percent_mean)
    return replace(result, statistics=rows)


def _send(stream: IO[bytes], value: object) -> None:
    pickle.dump(value, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

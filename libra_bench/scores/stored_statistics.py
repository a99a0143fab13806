"""A metric's statistics as they are stored, and the reduction that gives its values back from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.files import sha256_json
from benchmarks.predictions.cleaning import NO_CLEANING, signed
from benchmarks.records.statistics import StoredMetric, StoredStatistics
from benchmarks.schema import QuestionId
from libra_bench.metrics.metric import Metric, References, Statistics, reduction_of


def statistics_to_store(
    *,
    ids: Sequence[QuestionId],
    references: References,
    clusters: Sequence[Any] | None,
    metrics: Mapping[str, tuple[Metric, Sequence[str], Statistics]],
    cleaning: str = NO_CLEANING,
) -> tuple[StoredStatistics, list[str]]:
    """The content of statistics.npz.

    Args:
        ids: N question ids.
        references: N lists of references.
        clusters: N cluster names, or None.
        metrics: name as the user wrote it -> (metric, names of its keys, its statistics).
        cleaning: how the texts were cleaned; part of the signatures.

    Returns:
        The statistics; and the metrics left out, because their values cannot be had back from the sums (a metric of
        another package without a `reduce` method): they cannot be compared later. The reduction is not stored:
        `reduction_of(make_metric(name))` gives it back.
    """
    kept = {name: item for name, item in metrics.items() if _can_be_reduced(item[0], item[2])}
    stored = StoredStatistics(
        ids=tuple(ids),
        clusters=None if clusters is None else tuple(None if name is None else str(name) for name in clusters),
        digests=digests_of(references),
        metrics={
            name: StoredMetric(signed(metric.signature, cleaning), tuple(keys), statistics.per_sample_NS)
            for name, (metric, keys, statistics) in kept.items()
        },
    )
    return stored, [name for name in metrics if name not in kept]


def digests_of(references: References) -> tuple[str, ...]:
    """A short hash of each sample's references."""
    return tuple(sha256_json(list(texts))[:16] for texts in references)


def _can_be_reduced(metric: Metric, statistics: Statistics) -> bool:
    """Whether `reduction_of(metric)` gives what the statistics' own reduction gives."""
    matrix_NS = statistics.per_sample_NS
    sums_1S, n_1 = matrix_NS.sum(axis=0, keepdims=True), np.array([float(len(matrix_NS))])
    return np.array_equal(reduction_of(metric)(sums_1S, n_1), statistics.reduce(sums_1S, n_1), equal_nan=True)

"""A metric's statistics as they are stored, and the reduction that gives its values back from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.errors import InputError
from benchmarks.files import sha256_json
from benchmarks.predictions.cleaning import NO_CLEANING, signed
from benchmarks.records.statistics import StoredMetric, StoredStatistics
from benchmarks.schema import QuestionId
from libra_bench.metrics.metric import (
    Key,
    Metric,
    Reduce,
    References,
    Statistics,
    corpus_values,
    reduction_of,
)
from libra_bench.metrics.registry import make_metric
from libra_bench.scores.statistics import PairedMetric


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


def keys_and_reduction(name: str, stored: StoredMetric) -> tuple[list[Key], Reduce]:
    """The columns of a stored metric, and how its sums become their values.

    Args:
        name: the metric as it was scored with.
        stored: its statistics.
    """
    metric = make_metric(name)
    known = {key.name: key for key in metric.keys}
    return [known.get(key, Key(key)) for key in stored.keys], reduction_of(metric)


def values_of(name: str, stored: StoredMetric) -> dict[str, float]:
    """Key -> the value of a stored metric over all its studies."""
    keys, reduce = keys_and_reduction(name, stored)
    return corpus_values(keys, Statistics(stored.per_sample_NS, reduce))


def paired_metric(name: str, stored: Sequence[StoredMetric], rows: Sequence[Sequence[int] | None]) -> PairedMetric:
    """One metric of several models, side by side over the same studies.

    Args:
        name: the metric as it was scored with.
        stored: M statistics of it, of one signature.
        rows: for each, its rows in the order of the studies; None: all as they are.

    Raises:
        InputError: another release scored it, with other columns.
    """
    keys, reduce = keys_and_reduction(name, stored[0])
    matrices = [
        item.per_sample_NS if its is None else item.per_sample_NS[its] for item, its in zip(stored, rows, strict=True)
    ]
    if reduce(np.ones((1, matrices[0].shape[1])), np.ones(1)).shape[1] != len(keys):
        raise InputError(
            f"{name}: scored by another release of libra-bench, which had other columns", hint="score the runs again"
        )
    return PairedMetric(name, keys, [Statistics(matrix_NS, reduce) for matrix_NS in matrices])


def digests_of(references: References) -> tuple[str, ...]:
    """A short hash of each sample's references."""
    return tuple(sha256_json(list(texts))[:16] for texts in references)


def _can_be_reduced(metric: Metric, statistics: Statistics) -> bool:
    """Whether `reduction_of(metric)` gives what the statistics' own reduction gives."""
    matrix_NS = statistics.per_sample_NS
    sums_1S, n_1 = matrix_NS.sum(axis=0, keepdims=True), np.array([float(len(matrix_NS))])
    return np.array_equal(reduction_of(metric)(sums_1S, n_1), statistics.reduce(sums_1S, n_1), equal_nan=True)

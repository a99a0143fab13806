"""Bootstrap intervals from sufficient statistics, clustered by patient.

Resampling sums rows of statistics instead of scoring texts again, so 10,000 resamples of corpus BLEU take a second.
Studies of one patient resemble each other: with clusters, whole patients are drawn, and each brings all its studies.

- 50 clusters or more: percentile intervals with Hesterberg's small-sample correction (2015: percentiles moved outwards
  by the t distribution and by sqrt(C / (C - 1))); with hundreds of patients they equal the plain percentile interval.
- Fewer than 50: bootstrap-t (Efron and Tibshirani 1993, chapter 12), with the jackknife over clusters as the standard
  error of the value and of each resample. It keeps more of its coverage where values are skewed or a patient's number
  of studies has to do with its scores (measured: docs/statistics.md).
- Fewer than 4: none.

Legend: N samples, C clusters, S statistics per sample, R resamples (r: those of a chunk), K keys.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from libra_bench.metrics.metric import Floats, Key, Reduce, Statistics

RESAMPLES = 10_000
CONFIDENCE = 0.95
MIN_CLUSTERS = 4
MANY_CLUSTERS = 50
"""From here on percentiles of the resampled values do as well as bootstrap-t."""
_TAIL = (1 - CONFIDENCE) / 2
_CELLS_PER_CHUNK = 2_000_000
"""Numbers held at a time: bounds the memory at about 50 MB."""
_DRAWN_AT_ONCE = 2**15
"""Clusters drawn by one call: as fast as more of them, in little memory."""
_CELLS = 400_000_000
"""Numbers that one bootstrap-t may compute: metrics with hundreds of statistics get fewer resamples, 1,000 at least."""


def interval(
    statistics: Statistics,
    keys: Sequence[Key],
    clusters: Sequence[Hashable] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[Floats, Floats]:
    """The 95 % bootstrap interval of each key.

    Args:
        statistics: of a metric, for N samples.
        keys: the K keys that `statistics.reduce` gives, in order; no end lies outside a key's range.
        clusters: N cluster names (`subject_id`); None as a name is a cluster of its own; None: no clusters.
        resamples: how many.
        seed: the same seed draws the same clusters, for every metric.

    Returns:
        low_K and high_K; NaN with fewer than four clusters, or where no resample has a value.
    """
    return intervals([(statistics, keys)], clusters, resamples, seed)[0]


def intervals(
    parts: Sequence[tuple[Statistics, Sequence[Key]]],
    clusters: Sequence[Hashable] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[tuple[Floats, Floats]]:
    """What `interval` gives for each of several metrics on the same samples; clusters are drawn once for all.

    Args:
        parts: the statistics and the keys of each metric, for the same N samples.
        clusters: as for `interval`.
        resamples: as for `interval`.
        seed: as for `interval`.
    """
    if not parts:
        return []
    summed = [cluster_sums(statistics.per_sample_NS, clusters) for statistics, _ in parts]
    sums_CS, n_C = np.hstack([sums for sums, _ in summed]), summed[0][1]
    ends = np.cumsum([statistics.per_sample_NS.shape[1] for statistics, _ in parts])[:-1]
    if len(n_C) < MANY_CLUSTERS:
        return [
            _checked(keys, bootstrap_interval(statistics.reduce, of_metric, n_C, _limits(keys), resamples, seed))
            for (statistics, keys), of_metric in zip(parts, np.split(sums_CS, ends, axis=1), strict=True)
        ]
    values: list[list[Floats]] = [[] for _ in parts]
    for weights_rC in draws(len(n_C), resamples, seed):
        drawn_r = weights_rC @ n_C
        drawn = np.split(weights_rC @ sums_CS, ends, axis=1)
        for (statistics, _), of_metric, so_far in zip(parts, drawn, values, strict=True):
            so_far.append(statistics.reduce(of_metric, drawn_r))
    return [
        _checked(keys, percentiles(np.concatenate(of_metric), len(n_C)))
        for (_, keys), of_metric in zip(parts, values, strict=True)
    ]


def _limits(keys: Sequence[Key]) -> Floats:
    return np.array([key.range for key in keys], dtype=float).reshape(-1, 2).T


def _checked(keys: Sequence[Key], ends: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    if len(ends[0]) != len(keys):
        raise ValueError(f"{len(keys)} keys for {len(ends[0])} columns")
    return ends


def bootstrap_interval(
    reduce: Reduce, sums_CS: Floats, n_C: Floats, limits_2K: Floats, resamples: int, seed: int
) -> tuple[Floats, Floats]:
    """The interval of what `reduce` makes of the sums of clusters.

    Args:
        reduce: sums_RS and numbers of samples n_R -> values_RK.
        sums_CS: the statistics of each cluster.
        n_C: its number of samples.
        limits_2K: the least and the greatest value that each key can take; may be infinite.
        resamples: how many.
        seed: of the draws.
    """
    n_clusters = len(n_C)
    if n_clusters < MIN_CLUSTERS:
        return np.full(limits_2K.shape[1], np.nan), np.full(limits_2K.shape[1], np.nan)
    if n_clusters < MANY_CLUSTERS:
        resamples = min(resamples, max(1_000, _CELLS // (n_clusters * sums_CS.shape[1])))
    values, errors = [], []
    for weights_rC in draws(n_clusters, resamples, seed, width=1 if n_clusters >= MANY_CLUSTERS else sums_CS.shape[1]):
        drawn_rS, drawn_r = weights_rC @ sums_CS, weights_rC @ n_C
        values.append(reduce(drawn_rS, drawn_r))
        if n_clusters < MANY_CLUSTERS:
            errors.append(_jackknife(reduce, drawn_rS, drawn_r, sums_CS, n_C, weights_rC))
    ends = percentiles(np.concatenate(values), n_clusters)
    if not errors:
        return ends
    ones_1C = np.ones((1, n_clusters))
    value_K = reduce(ones_1C @ sums_CS, ones_1C @ n_C)[0]
    error_K = _jackknife(reduce, ones_1C @ sums_CS, ones_1C @ n_C, sums_CS, n_C, ones_1C)[0]
    return _studentised(value_K, error_K, np.concatenate(values), np.concatenate(errors), ends, limits_2K)


def _studentised(
    value_K: Floats,
    error_K: Floats,
    values_RK: Floats,
    errors_RK: Floats,
    ends: tuple[Floats, Floats],
    limits_2K: Floats,
) -> tuple[Floats, Floats]:
    """The bootstrap-t interval; `ends`, the percentile interval, where it cannot be had.

    A resample without spread (every draw scores the same) lies infinitely many standard errors away. Where more than
    2.5 % of all resamples do so, nothing bounds that side but the key's range, or, without a range, the percentile.
    """
    undefined_RK = np.isnan(values_RK)
    gap_RK = np.where(undefined_RK, 0.0, values_RK - value_K)
    spread_RK = ~undefined_RK & (errors_RK > 1e-9 * np.maximum(error_K, np.abs(gap_RK)))
    t_RK = np.where(gap_RK == 0, 0.0, np.copysign(np.inf, gap_RK))
    np.divide(gap_RK, errors_RK, out=t_RK, where=spread_RK)
    t_RK[undefined_RK] = np.nan
    low_K, high_K = np.empty_like(value_K), np.empty_like(value_K)
    for k, (value, error) in enumerate(zip(value_K, error_K, strict=True)):
        low_K[k], high_K[k] = ends[0][k], ends[1][k]
        known_R = t_RK[~undefined_RK[:, k], k]
        if not error > 0 or not len(known_R):  # all clusters score the same, or the error is undefined
            continue
        least, greatest = np.quantile(known_R, [_TAIL, 1 - _TAIL], method="inverted_cdf")
        drawn_R = values_RK[~undefined_RK[:, k], k]
        lowest, highest = min(limits_2K[0, k], drawn_R.min()), max(limits_2K[1, k], drawn_R.max())
        if math.isfinite(greatest) or math.isfinite(lowest):
            low_K[k] = max(value - greatest * error, lowest)
        if math.isfinite(least) or math.isfinite(highest):
            high_K[k] = min(value - least * error, highest)
    return low_K, high_K


def _jackknife(
    reduce: Reduce, drawn_rS: Floats, drawn_r: Floats, sums_CS: Floats, n_C: Floats, weights_rC: Floats
) -> Floats:
    """The standard error of the value of each resample: each cluster drawn is left out once; NaN where undefined."""
    rows, n_clusters = weights_rC.shape
    drawn_rC = weights_rC > 0  # a cluster that was not drawn cannot be left out: its value has weight 0
    without_rCS = drawn_rS[:, None] - drawn_rC[:, :, None] * sums_CS
    without_rC = drawn_r[:, None] - drawn_rC * n_C
    flat = reduce(without_rCS.reshape(rows * n_clusters, -1), without_rC.reshape(-1))
    values_rCK = flat.reshape(rows, n_clusters, -1)
    weights_rC1 = weights_rC[:, :, None]
    mean_r1K = (weights_rC1 * values_rCK).sum(axis=1, keepdims=True) / n_clusters
    squares_rK = (weights_rC1 * (values_rCK - mean_r1K) ** 2).sum(axis=1)
    errors_rK: Floats = np.sqrt((n_clusters - 1) / n_clusters * squares_rK)
    return errors_rK


def percentiles(values_RK: Floats, n_clusters: int) -> tuple[Floats, Floats]:
    """The percentile interval of resampled values, with Hesterberg's correction for few clusters."""
    from scipy.special import ndtr, stdtrit  # normal distribution; quantiles of Student's t

    tail = ndtr(-math.sqrt(n_clusters / (n_clusters - 1)) * stdtrit(n_clusters - 1, 1 - _TAIL))
    undefined_K = np.isnan(values_RK).all(axis=0)
    filled_RK = np.where(undefined_K, 0.0, values_RK)
    low_K, high_K = np.nanquantile(filled_RK, [tail, 1 - tail], axis=0)
    return np.where(undefined_K, np.nan, low_K), np.where(undefined_K, np.nan, high_K)


def cluster_sums(per_sample_NS: Floats, clusters: Sequence[Hashable] | None) -> tuple[Floats, Floats]:
    """Sum the statistics of each cluster.

    Returns:
        sums_CS and the number of samples of each cluster, n_C; clusters in order of first appearance.
    """
    owner_N = None if clusters is None else cluster_numbers(clusters)
    return sums_by_number(per_sample_NS, owner_N)


def cluster_numbers(clusters: Sequence[Hashable]) -> npt.NDArray[np.intp]:
    """The number of each sample's cluster, owner_N, in order of first appearance."""
    index: dict[Any, int] = {}
    return np.array([index.setdefault(name, len(index)) for name in _names(clusters)], dtype=np.intp)


def sums_by_number(per_sample_NS: Floats, owner_N: npt.NDArray[np.intp] | None) -> tuple[Floats, Floats]:
    """As `cluster_sums`, of clusters that have numbers; None: every sample is one."""
    if owner_N is None:
        return per_sample_NS, np.ones(len(per_sample_NS))
    if len(owner_N) != len(per_sample_NS):
        raise ValueError(f"{len(owner_N)} cluster names for {len(per_sample_NS)} samples")
    n_C = np.bincount(owner_N)
    if (owner_N[1:] < owner_N[:-1]).any():
        per_sample_NS = per_sample_NS[np.argsort(owner_N, kind="stable")]
    return np.add.reduceat(per_sample_NS, np.cumsum(n_C) - n_C, axis=0), n_C.astype(float)


def count_clusters(clusters: Sequence[Hashable]) -> int:
    """How many clusters there are; None as a name is a cluster of its own."""
    return len(set(_names(clusters)))


def _names(clusters: Sequence[Hashable]) -> list[tuple[str, Hashable]]:
    return [("sample", i) if name is None else ("cluster", name) for i, name in enumerate(clusters)]


def draws(n_clusters: int, resamples: int, seed: int, *, width: int = 1) -> Iterator[Floats]:
    """Yield weights_rC, a chunk of resamples at a time: how often each cluster is drawn.

    The draws do not depend on `width`, the numbers that the caller computes for each cluster of a resample.
    """
    generator = np.random.default_rng(seed)
    for rows in chunks(n_clusters * width, resamples):
        weights_rC = np.empty((rows, n_clusters))
        several = max(1, _DRAWN_AT_ONCE // n_clusters)
        for first in range(0, rows, several):
            part_rC = weights_rC[first : first + several]
            drawn_rC = generator.integers(n_clusters, size=part_rC.shape)
            drawn_rC += np.arange(0, part_rC.size, n_clusters)[:, None]  # each resample counts in places of its own
            part_rC[:] = np.bincount(drawn_rC.ravel(), minlength=part_rC.size).reshape(part_rC.shape)
        yield weights_rC


def chunks(cells_per_resample: int, resamples: int) -> Iterator[int]:
    """Split resamples so that a bounded number of cells is held at a time."""
    most = max(1, _CELLS_PER_CHUNK // max(1, cells_per_resample))
    for start in range(0, resamples, most):
        yield min(most, resamples - start)

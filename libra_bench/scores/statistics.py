"""Uncertainty: bootstrap intervals and paired tests, from sufficient statistics, clustered by patient.

Resampling sums rows of statistics instead of scoring texts again, so 10,000 resamples of corpus BLEU take a second.
Studies of one patient resemble each other: with clusters, whole patients are drawn, and each brings all its studies.

Intervals are percentile intervals with Hesterberg's small-sample correction (2015: percentiles moved outwards by
the t distribution and by sqrt(C / (C - 1))): with hundreds of patients they equal the plain percentile interval; with
ten they keep their coverage. Fewer than four clusters have no interval. p-values are of a paired approximate
randomisation test that swaps the two models' answers a whole cluster at a time (Noreen 1989; Riezler and Maxwell 2005),
+1 in numerator and denominator.

Legend: N samples, C clusters, S statistics a sample, R resamples, K keys, M models.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from libra_bench.metrics.metric import Floats, Key, Reduce, Statistics

RESAMPLES = 10_000
CONFIDENCE = 0.95
POWER = 0.8
FEWEST_CLUSTERS = 4
_CELLS_A_CHUNK = 2_000_000
"""Random numbers held at a time: bounds the memory at about 50 MB."""


@dataclass(frozen=True, slots=True)
class PairedMetric:
    """One metric's statistics for several models on the same samples, in the same order."""

    name: str
    keys: Sequence[Key]
    statistics: Sequence[Statistics]
    """One a model; the first is the baseline."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One model against the baseline on one key."""

    key: str
    metric: str
    higher_is_better: bool
    baseline: str
    model: str
    baseline_value: float
    model_value: float
    difference: float
    """`model_value - baseline_value`."""
    low: float | None
    """Lower end of the 95 % interval of the difference; None where there are too few clusters."""
    high: float | None
    p_value: float
    p_holm: float
    """Corrected for the number of tests in this comparison."""
    detectable: float | None
    """The smallest true difference that this suite finds with 80 % power at the 5 % level (one test)."""

    @property
    def significant(self) -> bool:
        """Whether a difference is shown at the 5 % level, after correction."""
        return self.p_holm < 1 - CONFIDENCE

    @property
    def verdict(self) -> str:
        """The finding as one plain sentence."""
        where = f"{self.difference:+.2f}"
        if self.low is not None and self.high is not None:
            where += f", 95 % interval {self.low:+.2f} to {self.high:+.2f}"
        if self.significant:
            word = "better" if (self.difference > 0) == self.higher_is_better else "worse"
            return (
                f"{self.model} is {word} than {self.baseline} on {self.key}: {self.model_value:.2f} against "
                f"{self.baseline_value:.2f} ({where}, p = {_p(self.p_holm)} after Holm's correction)."
            )
        limit = f"; this suite finds differences of {self.detectable:.2f} or more" if self.detectable else ""
        return (
            f"No difference between {self.model} and {self.baseline} is shown on {self.key} "
            f"({where}, p = {_p(self.p_holm)} after Holm's correction){limit}."
        )


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
        keys: the K keys that `statistics.reduce` gives, in order.
        clusters: N cluster names (`subject_id`); None as a name is a cluster of its own; None: no clusters.
        resamples: how many.
        seed: the same seed draws the same clusters, for every metric.

    Returns:
        low_K and high_K; NaN with fewer than four clusters, or where no resample has a value.
    """
    sums_CS, n_C = cluster_sums(statistics.per_sample_NS, clusters)
    if len(n_C) < FEWEST_CLUSTERS:
        return np.full(len(keys), np.nan), np.full(len(keys), np.nan)
    values_RK = np.concatenate(
        [statistics.reduce(weights_rC @ sums_CS, weights_rC @ n_C) for weights_rC in _draws(len(n_C), resamples, seed)]
    )
    if values_RK.shape[1] != len(keys):
        raise ValueError(f"{len(keys)} keys for {values_RK.shape[1]} columns")
    return _percentiles(values_RK, len(n_C))


def compare(
    names: Sequence[str],
    metrics: Sequence[PairedMetric],
    clusters: Sequence[Hashable] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Difference]:
    """Compare each further model with the first, on every key of every metric.

    The same resamples serve all metrics and models. Holm's correction covers all returned tests together.

    Args:
        names: M model names, two or more, the baseline first.
        metrics: what to compare; each has the statistics of the M models.
        clusters: as for `interval`.
        resamples: of the bootstrap, and as many of the randomisation test.
        seed: of both.
    """
    stacked, parts = _stack(metrics)
    sums_MCS = np.stack([cluster_sums(per_sample_NS, clusters)[0] for per_sample_NS in stacked])
    n_C = cluster_sums(stacked[0], clusters)[1]
    observed_MK = _reduced(sums_MCS.sum(axis=1)[:, None], n_C.sum(keepdims=True), parts)[:, 0]
    boot_MRK = _resampled(sums_MCS, n_C, parts, _draws(len(n_C), resamples, seed))
    rows = []
    for m in range(1, len(names)):
        low_K, high_K = _percentiles(boot_MRK[m] - boot_MRK[0], len(n_C))
        p_K = _randomised(sums_MCS[[0, m]], n_C, parts, resamples, seed)
        rows.append((m, low_K, high_K, p_K, _detectable(boot_MRK[m] - boot_MRK[0], len(n_C))))
    holm = iter(holm_correction(np.concatenate([row[3] for row in rows])))
    keys = [(metric.name, key) for metric in metrics for key in metric.keys]
    return [
        Difference(
            key=key.name,
            metric=metric,
            higher_is_better=key.higher_is_better,
            baseline=names[0],
            model=names[m],
            baseline_value=float(observed_MK[0, k]),
            model_value=float(observed_MK[m, k]),
            difference=float(observed_MK[m, k] - observed_MK[0, k]),
            low=_finite(low_K[k]),
            high=_finite(high_K[k]),
            p_value=float(p_K[k]),
            p_holm=float(next(holm)),
            detectable=_finite(detectable_K[k]),
        )
        for m, low_K, high_K, p_K, detectable_K in rows
        for k, (metric, key) in enumerate(keys)
    ]


def resampled_values(
    metrics: Sequence[PairedMetric],
    clusters: Sequence[Hashable] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[Floats, Floats]:
    """The values of every model on every key, observed and over resamples of the studies.

    Args:
        metrics: each has the statistics of the M models.
        clusters: as for `interval`.
        resamples: of the bootstrap; the same ones serve all metrics and models.
        seed: of the resamples.

    Returns:
        observed_MK and values_MRK, the keys in the order of the metrics.
    """
    stacked, parts = _stack(metrics)
    sums_MCS = np.stack([cluster_sums(per_sample_NS, clusters)[0] for per_sample_NS in stacked])
    n_C = cluster_sums(stacked[0], clusters)[1]
    observed_MK = _reduced(sums_MCS.sum(axis=1)[:, None], n_C.sum(keepdims=True), parts)[:, 0]
    return observed_MK, _resampled(sums_MCS, n_C, parts, _draws(len(n_C), resamples, seed))


def cluster_sums(per_sample_NS: Floats, clusters: Sequence[Hashable] | None) -> tuple[Floats, Floats]:
    """Sum the statistics of each cluster.

    Returns:
        sums_CS and the number of samples of each cluster, n_C; clusters in order of first appearance.
    """
    if clusters is None:
        return per_sample_NS, np.ones(len(per_sample_NS))
    if len(clusters) != len(per_sample_NS):
        raise ValueError(f"{len(clusters)} cluster names for {len(per_sample_NS)} samples")
    index: dict[Hashable, int] = {}
    owner_N = np.array(
        [
            index.setdefault(("sample", i) if name is None else ("cluster", name), len(index))
            for i, name in enumerate(clusters)
        ]
    )
    sums_CS = np.zeros((len(index), per_sample_NS.shape[1]))
    np.add.at(sums_CS, owner_N, per_sample_NS)
    return sums_CS, np.bincount(owner_N, minlength=len(index)).astype(float)


def holm_correction(p_values: Floats) -> Floats:
    """Holm's step-down correction: adjusted p-values in the order given."""
    order = np.argsort(p_values)
    stepped = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def _draws(n_clusters: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield weights_rC, a chunk of resamples at a time: how often each cluster is drawn."""
    generator = np.random.default_rng(seed)
    for rows in _chunks(n_clusters, resamples):
        drawn = generator.integers(n_clusters, size=(rows, n_clusters))
        drawn += np.arange(rows)[:, None] * n_clusters
        counts = np.bincount(drawn.ravel(), minlength=rows * n_clusters)
        yield counts.reshape(rows, n_clusters).astype(float)


def _chunks(n_clusters: int, resamples: int) -> Iterator[int]:
    most = max(1, _CELLS_A_CHUNK // max(1, n_clusters))
    for start in range(0, resamples, most):
        yield min(most, resamples - start)


def _stack(metrics: Sequence[PairedMetric]) -> tuple[list[Floats], list[tuple[slice, Reduce]]]:
    """All metrics' statistics side by side, a matrix a model, and which columns are reduced by what."""
    parts: list[tuple[slice, Reduce]] = []
    start = 0
    for metric in metrics:
        width = metric.statistics[0].per_sample_NS.shape[1]
        parts.append((slice(start, start + width), metric.statistics[0].reduce))
        start += width
    models = range(len(metrics[0].statistics))
    return [np.hstack([metric.statistics[m].per_sample_NS for metric in metrics]) for m in models], parts


def _reduced(sums_MRS: Floats, n_R: Floats, parts: Sequence[tuple[slice, Reduce]]) -> Floats:
    """values_MRK of summed statistics."""
    return np.stack([np.hstack([reduce(sums_RS[:, part], n_R) for part, reduce in parts]) for sums_RS in sums_MRS])


def _resampled(sums_MCS: Floats, n_C: Floats, parts: Sequence[tuple[slice, Reduce]], draws: Iterator[Floats]) -> Floats:
    return np.concatenate([_reduced(weights_rC @ sums_MCS, weights_rC @ n_C, parts) for weights_rC in draws], axis=1)


def _randomised(
    sums_2CS: Floats, n_C: Floats, parts: Sequence[tuple[slice, Reduce]], resamples: int, seed: int
) -> Floats:
    """Two-sided p_K: how often swapping whole clusters between two models gives as large a difference."""
    generator = np.random.default_rng([seed, 1])
    total_S, n = sums_2CS.sum(axis=(0, 1)), n_C.sum()
    first_S = sums_2CS[0].sum(axis=0)

    def differences(first_RS: Floats) -> Floats:
        values_2RK = _reduced(np.stack([first_RS, total_S - first_RS]), np.full(len(first_RS), n), parts)
        gap_RK: Floats = np.abs(values_2RK[1] - values_2RK[0])
        return gap_RK

    observed_K = differences(first_S[None])[0]
    slack_K = 1e-9 * np.maximum(1.0, observed_K)  # equal but for rounding is as large
    extreme_K = np.ones(len(observed_K))
    for rows in _chunks(len(n_C), resamples):
        keep_rC = generator.integers(2, size=(rows, len(n_C)), dtype=np.int8).astype(float)
        gap_rK = differences(keep_rC @ (sums_2CS[0] - sums_2CS[1]) + sums_2CS[1].sum(axis=0))
        extreme_K += (~(gap_rK < observed_K - slack_K)).sum(axis=0)  # an undefined value counts as extreme
    p_K: Floats = extreme_K / (resamples + 1)
    return p_K


def _percentiles(values_RK: Floats, n_clusters: int) -> tuple[Floats, Floats]:
    if n_clusters < FEWEST_CLUSTERS:
        return np.full(values_RK.shape[1], np.nan), np.full(values_RK.shape[1], np.nan)
    tail = NormalDist().cdf(-math.sqrt(n_clusters / (n_clusters - 1)) * _t_quantile(n_clusters - 1))
    undefined_K = np.isnan(values_RK).all(axis=0)
    filled_RK = np.where(undefined_K, 0.0, values_RK)
    low_K, high_K = np.nanquantile(filled_RK, [tail, 1 - tail], axis=0)
    return np.where(undefined_K, np.nan, low_K), np.where(undefined_K, np.nan, high_K)


def _t_quantile(degrees: int) -> float:
    """The 97.5 % quantile of Student's t (Cornish-Fisher expansion; within 1 % from 3 degrees of freedom on)."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    return (
        z
        + (z**3 + z) / (4 * degrees)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * degrees**3)
    )


def _detectable(difference_RK: Floats, n_clusters: int) -> Floats:
    """The smallest true difference found with 80 % power by a two-sided 5 % test: (1.96 + 0.84) standard errors."""
    if n_clusters < FEWEST_CLUSTERS:
        return np.full(difference_RK.shape[1], np.nan)
    normal = NormalDist()
    factor = normal.inv_cdf((1 + CONFIDENCE) / 2) + normal.inv_cdf(POWER)
    undefined_K = np.isnan(difference_RK).all(axis=0)
    error_K = np.nanstd(np.where(undefined_K, 0.0, difference_RK), axis=0, ddof=1)
    return np.where(undefined_K, np.nan, factor * error_K)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1g}"

"""Paired tests of models on the same studies, from sufficient statistics, clustered by patient.

p-values are of a paired approximate randomisation test that swaps the two models' answers a whole cluster at a time
(Noreen 1989; Riezler and Maxwell 2005), +1 in numerator and denominator. Intervals of differences are those of
`bootstrap.py`: the same clusters are drawn for both models.

Legend: N samples, C clusters, S statistics per sample, R resamples, K keys, M models.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist

import numpy as np

from libra_bench.metrics.metric import Floats, Key, Reduce, Statistics
from libra_bench.scores.bootstrap import (
    CONFIDENCE,
    MIN_CLUSTERS,
    RESAMPLES,
    bootstrap_interval,
    cluster_sums,
    draws,
)
from libra_bench.scores.pairwise import swap_test

POWER = 0.8


@dataclass(frozen=True, slots=True)
class PairedMetric:
    """One metric's statistics for several models on the same samples, in the same order."""

    name: str
    keys: Sequence[Key]
    statistics: Sequence[Statistics]
    """One per model; the first is the baseline."""


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


def compare(
    names: Sequence[str],
    metrics: Sequence[PairedMetric],
    clusters: Sequence[Hashable] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Difference]:
    """Compare each further model with the first, on every key of every metric.

    The same resamples serve all metrics and models. Holm's correction covers all returned tests together; a key on
    which a model has no value (no question of its kind) is not tested.

    Args:
        names: M model names, two or more, the baseline first.
        metrics: what to compare; each has the statistics of the M models.
        clusters: as for `interval`.
        resamples: of the bootstrap, and as many of the randomisation test.
        seed: of both.
    """
    sums_MCS, n_C, parts = _stacked_sums(metrics, clusters)
    observed_MK = _reduced(sums_MCS.sum(axis=1)[:, None], n_C.sum(keepdims=True), parts)[:, 0]
    boot_MRK = _resampled(sums_MCS, n_C, parts, draws(len(n_C), resamples, seed))
    keys = [(metric.name, key) for metric in metrics for key in metric.keys]
    with_first = [(0, m) for m in range(1, len(names))]
    p_PK = swap_test(sums_MCS, float(n_C.sum()), with_first, partial(_values, parts), resamples, seed)
    tested = []
    for m in range(1, len(names)):
        low_K, high_K = _interval(sums_MCS[[0, m]], n_C, parts, len(keys), resamples, seed)
        detectable_K = _detectable(boot_MRK[m] - boot_MRK[0], len(n_C))
        defined = np.flatnonzero(np.isfinite(observed_MK[m] - observed_MK[0]))
        tested += [(m, k, low_K[k], high_K[k], p_PK[m - 1, k], detectable_K[k]) for k in defined.tolist()]
    holm = holm_correction(np.array([p for *_, p, _ in tested]))
    return [
        Difference(
            key=keys[k][1].name,
            metric=keys[k][0],
            higher_is_better=keys[k][1].higher_is_better,
            baseline=names[0],
            model=names[m],
            baseline_value=float(observed_MK[0, k]),
            model_value=float(observed_MK[m, k]),
            difference=float(observed_MK[m, k] - observed_MK[0, k]),
            low=_finite(low),
            high=_finite(high),
            p_value=float(p),
            p_holm=float(corrected),
            detectable=_finite(detectable),
        )
        for (m, k, low, high, p, detectable), corrected in zip(tested, holm, strict=True)
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
    sums_MCS, n_C, parts = _stacked_sums(metrics, clusters)
    observed_MK = _reduced(sums_MCS.sum(axis=1)[:, None], n_C.sum(keepdims=True), parts)[:, 0]
    return observed_MK, _resampled(sums_MCS, n_C, parts, draws(len(n_C), resamples, seed))


def holm_correction(p_values: Floats) -> Floats:
    """Holm's step-down correction: adjusted p-values in the order given."""
    order = np.argsort(p_values)
    stepped = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def _stacked_sums(
    metrics: Sequence[PairedMetric], clusters: Sequence[Hashable] | None
) -> tuple[Floats, Floats, list[tuple[slice, Reduce]]]:
    """The sums of each cluster sums_MCS, its size n_C, and which columns are reduced by what."""
    stacked, parts = _stack(metrics)
    sums_MCS = np.stack([cluster_sums(per_sample_NS, clusters)[0] for per_sample_NS in stacked])
    return sums_MCS, cluster_sums(stacked[0], clusters)[1], parts


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
    return np.stack([_values(parts, sums_RS, n_R) for sums_RS in sums_MRS])


def _values(parts: Sequence[tuple[slice, Reduce]], sums_RS: Floats, n_R: Floats) -> Floats:
    """values_RK of one model's summed statistics."""
    return np.hstack([reduce(sums_RS[:, part], n_R) for part, reduce in parts])


def _resampled(sums_MCS: Floats, n_C: Floats, parts: Sequence[tuple[slice, Reduce]], draws: Iterator[Floats]) -> Floats:
    return np.concatenate([_reduced(weights_rC @ sums_MCS, weights_rC @ n_C, parts) for weights_rC in draws], axis=1)


def _interval(
    sums_2CS: Floats, n_C: Floats, parts: Sequence[tuple[slice, Reduce]], keys: int, resamples: int, seed: int
) -> tuple[Floats, Floats]:
    """The interval of the difference between two models on each key."""
    width = sums_2CS.shape[2]

    def difference(both_RS: Floats, n_R: Floats) -> Floats:
        values_2RK = _reduced(np.stack([both_RS[:, :width], both_RS[:, width:]]), n_R, parts)
        gap_RK: Floats = values_2RK[1] - values_2RK[0]
        return gap_RK

    unlimited_2K = np.array([[-np.inf], [np.inf]]).repeat(keys, axis=1)
    return bootstrap_interval(difference, np.hstack(list(sums_2CS)), n_C, unlimited_2K, resamples, seed)


def _detectable(difference_RK: Floats, n_clusters: int) -> Floats:
    """The smallest true difference found with 80 % power by a two-sided 5 % test: (1.96 + 0.84) standard errors."""
    if n_clusters < MIN_CLUSTERS:
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

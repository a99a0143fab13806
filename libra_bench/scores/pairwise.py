"""Paired tests of every two of many models on the same studies: which differences on a board are real.

Few models are tested as two are (`statistics.py`): whole clusters are swapped at random, the same ones in every pair.
Resamples resolve a p-value only down to 1 / (resamples + 1), so that Holm's correction over many pairs would leave no
difference at all, and their number grows with the square of the models'. Many models are therefore tested by the normal
distribution that the swapped differences tend to (their standard deviation: the root of the sum of squares of the
clusters' differences; where values are no sums, what the value loses without the cluster). No p-value is below what all
swaps of the clusters could give. Of means these are the p-values that more and more resamples would give; of ratios,
BLEU above all, they are rather too large, so that a tie is more likely.

Legend: N samples, C clusters, S statistics per sample, R resamples, K keys, M models, P pairs (i < j) of models.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from libra_bench.metrics.metric import Floats, Reduce
from libra_bench.scores.bootstrap import CONFIDENCE, chunks, cluster_numbers, sums_by_number

MAX_GROUPS = 4096
"""Of clusters that are swapped together where there are more: keeps a board's tests small, at 2 % of an error."""


def are_many(models: int, resamples: int) -> bool:
    """Whether resamples are too few to tell anything apart after correction for all pairs of so many models."""
    return models * (models - 1) / 2 / (resamples + 1) >= 1 - CONFIDENCE


def swapped_p_values(
    matrices: Iterable[Floats], clusters: Sequence[Hashable] | None, reduce: Reduce, resamples: int, seed: int
) -> Floats:
    """Two-sided p_PK of the paired randomisation test, as `statistics.compare` has it.

    Args:
        matrices: the statistics per_sample_NS of each of M models.
        clusters: N names; None: every sample is one.
        reduce: sums_RS and n_R -> values_RK.
        resamples: of the test.
        seed: the same swaps for every pair.
    """
    owner_N = None if clusters is None else cluster_numbers(clusters)
    sums_MCS = np.stack([sums_by_number(per_sample_NS, owner_N)[0] for per_sample_NS in matrices])
    n_clusters = sums_MCS.shape[1]
    n = float(n_clusters if owner_N is None else len(owner_N))
    return swap_test(sums_MCS, n, list(_pairs(len(sums_MCS))), reduce, resamples, seed)


def swap_test(
    sums_MCS: Floats, n: float, pairs: Sequence[tuple[int, int]], reduce: Reduce, resamples: int, seed: int
) -> Floats:
    """Two-sided p_PK: how often swapping whole clusters between two models gives as large a difference.

    Args:
        sums_MCS: the sums of each model's clusters.
        n: the number of samples.
        pairs: P pairs of models; the same clusters are swapped in each.
        reduce: sums_RS and n_R -> values_RK.
        resamples: of the test.
        seed: of the swaps.

    Returns:
        The p-values; NaN where a difference is undefined.
    """
    total_MS, n_clusters = sums_MCS.sum(axis=1), sums_MCS.shape[1]

    def gaps(first_RS: Floats, both_S: Floats) -> Floats:
        n_R = np.full(len(first_RS), n)
        gap_RK: Floats = np.abs(reduce(both_S - first_RS, n_R) - reduce(first_RS, n_R))
        return gap_RK

    observed_PK = np.stack([gaps(total_MS[i][None], total_MS[i] + total_MS[j])[0] for i, j in pairs])
    slack_PK = 1e-9 * np.maximum(1.0, observed_PK)  # equal but for rounding is as large
    extreme_PK = np.ones(observed_PK.shape)
    generator = np.random.default_rng([seed, 1])
    for rows in chunks(n_clusters, resamples):
        keep_rC = generator.integers(2, size=(rows, n_clusters), dtype=np.int8).astype(float)
        kept_MrS = np.stack([keep_rC @ sums_CS for sums_CS in sums_MCS])
        for p, (i, j) in enumerate(pairs):
            gap_rK = gaps(kept_MrS[i] - kept_MrS[j] + total_MS[j], total_MS[i] + total_MS[j])
            extreme_PK[p] += (~(gap_rK < observed_PK[p] - slack_PK[p])).sum(axis=0)  # undefined counts as extreme
    p_PK: Floats = extreme_PK / (resamples + 1)
    p_PK[np.isnan(observed_PK)] = np.nan
    return p_PK


@dataclass(frozen=True, slots=True)
class ClusterShares:
    """What is needed of one model's metric for the test by the normal distribution."""

    shares_CK: npt.NDArray[np.float32]
    """What each cluster adds to the values: they sum up to these."""
    values_K: Floats


def normal_p_values(models: Sequence[ClusterShares]) -> Floats:
    """Two-sided p_PK of the normal distribution that swapped differences tend to; NaN where a value is undefined."""
    from scipy.special import ndtr

    shares_KMC = np.stack([model.shares_CK for model in models]).transpose(2, 0, 1)
    value_MK = np.stack([model.values_K for model in models])
    first_P, second_P = np.triu_indices(len(value_MK), 1)
    p_PK = np.empty((len(first_P), value_MK.shape[1]))
    for k, shares_MC in enumerate(shares_KMC):
        exact_MC = shares_MC.astype(float)
        exact_MC -= exact_MC.mean(axis=0)  # no difference changes, and squares lose fewer digits
        gram_MM = exact_MC @ exact_MC.T
        square_P = np.diag(gram_MM)[first_P] + np.diag(gram_MM)[second_P] - 2 * gram_MM[first_P, second_P]
        gap_P = np.abs(value_MK[first_P, k] - value_MK[second_P, k])
        same_P = gap_P <= 1e-9 * np.maximum(1.0, gap_P)
        z_P = gap_P / np.sqrt(np.maximum(square_P, np.finfo(float).tiny))
        p_PK[:, k] = np.where(same_P, 1.0, np.maximum(2 * ndtr(-z_P), 2.0 ** (1 - shares_MC.shape[1])))
    p_PK[np.isnan(value_MK[first_P] - value_MK[second_P])] = np.nan
    return p_PK


def _pairs(models: int) -> Iterator[tuple[int, int]]:
    """The pairs in the order of `np.triu_indices`."""
    return ((i, j) for i in range(models) for j in range(i + 1, models))


def cluster_shares(per_sample_NS: Floats, owner_N: npt.NDArray[np.intp] | None, reduce: Reduce) -> ClusterShares:
    """A model's metric for `normal_p_values`; `owner_N` numbers the clusters (None: every sample is one)."""
    sums_CS, n_C = sums_by_number(per_sample_NS, owner_N)
    if len(sums_CS) > MAX_GROUPS:
        starts = np.linspace(0, len(sums_CS), MAX_GROUPS, endpoint=False).astype(int)
        sums_CS, n_C = np.add.reduceat(sums_CS, starts, axis=0), np.add.reduceat(n_C, starts)
    total_S, n = sums_CS.sum(axis=0), float(n_C.sum())
    value_K = reduce(total_S[None], np.array([n]))[0]
    shares_CK = np.nan_to_num(value_K - reduce(total_S - sums_CS, np.full(len(sums_CS), n)))
    shares_CK += np.outer(n_C / n, value_K - shares_CK.sum(axis=0))
    return ClusterShares(shares_CK.astype(np.float32), value_K)

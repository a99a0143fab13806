"""How sure a ranking is: the rank of every run over resamples of the studies, and whether metrics rank alike.

All of it comes from the stored statistics of the runs; nothing is generated or scored.

Legend: M runs, K keys, R resamples, P pairs of runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from libra_bench.metrics.metric import Floats
from libra_bench.scores.bootstrap import CONFIDENCE, MIN_CLUSTERS, RESAMPLES, count_clusters
from libra_bench.scores.comparison import pair_runs
from libra_bench.scores.statistics import resampled_values

SCHEMA_VERSION = 1
MIN_RUNS_FOR_TAU = 3
"""Kendall's tau of two runs is 1 or -1 and nothing between."""
_CELLS_PER_CHUNK = 20_000_000
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Rank:
    """One run's place on one key; 1 is best."""

    run: str
    value: float
    rank: int
    """Equal values share the better rank."""
    low: int | None
    """Ends of the 95 % interval of the rank; None where there are too few patients."""
    high: int | None
    p_best: float
    """Share of the resamples in which it is best; equal values share it."""


@dataclass(frozen=True, slots=True)
class KeyRanks:
    """The ranking by one key."""

    key: str
    ranks: Sequence[Rank]


@dataclass(frozen=True, slots=True)
class KeyPair:
    """How alike two keys rank the runs."""

    a: str
    b: str
    tau: float | None
    """Kendall's tau-b; signed so that 1 is the same order from best to worst. None where a key ties all runs."""
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Swap:
    """Two runs whose order depends on the key."""

    a: str
    b: str
    a_better: Sequence[str]
    """Keys."""
    b_better: Sequence[str]


@dataclass(frozen=True, slots=True)
class Stability:
    """What `libra-bench stability` finds."""

    runs: Sequence[str]
    n: int
    clusters: int | None
    resamples: int
    seed: int
    metrics: Sequence[KeyRanks]
    between_metrics: Sequence[KeyPair]
    swaps: Sequence[Swap]
    not_compared: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}


def rank_stability(
    folders: Sequence[Path],
    *,
    metrics: Sequence[str] | None = None,
    clustered: bool = True,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Stability:
    """Rank runs by every key, over resamples of the studies.

    Args:
        folders: run folders over the same studies, two or more.
        metrics: names as the runs were scored with; None: all that all runs have.
        clustered: draw whole patients (`subject_id`), where the suite has them.
        resamples: of the bootstrap.
        seed: of the resamples.

    Raises:
        InputError: fewer than two runs, runs over different studies or references, no metric in common.
    """
    runs = pair_runs(folders, metrics)
    clusters = runs.clusters if clustered else None
    observed_MK, values_MRK = resampled_values(runs.metrics, clusters, resamples, seed)
    keys = [key for metric in runs.metrics for key in metric.keys]
    names = _distinct([(metric.name, key.name) for metric in runs.metrics for key in metric.keys])
    sign_K = np.array([1.0 if key.higher_is_better else -1.0 for key in keys])
    drawn = runs.n if clusters is None else count_clusters(clusters)
    has_interval = drawn >= MIN_CLUSTERS
    return Stability(
        runs=runs.names,
        n=runs.n,
        clusters=None if clusters is None else drawn,
        resamples=resamples,
        seed=seed,
        metrics=[
            KeyRanks(name, _ranks(runs.names, observed_MK[:, k], values_MRK[:, :, k], sign_K[k], has_interval))
            for k, name in enumerate(names)
        ],
        between_metrics=_between(names, observed_MK * sign_K, values_MRK * sign_K, has_interval),
        swaps=_swaps(runs.names, names, observed_MK * sign_K),
        not_compared=runs.not_compared,
    )


def _distinct(keys: Sequence[tuple[str, str]]) -> list[str]:
    """Key names; where two metrics (dialects of one) fill the same column, with the metric behind it."""
    columns = [key for _, key in keys]
    return [key if columns.count(key) == 1 else f"{key} ({metric})" for metric, key in keys]


def _ranks(names: Sequence[str], observed_M: Floats, values_MR: Floats, sign: float, has_interval: bool) -> list[Rank]:
    rank_M = _competition_ranks(sign * observed_M[:, None])[:, 0]
    rank_MR = _competition_ranks(sign * values_MR)
    tail = (1 - CONFIDENCE) / 2
    low_M, high_M = np.quantile(rank_MR, [tail, 1 - tail], axis=1, method="inverted_cdf")
    best_MR = rank_MR == 1
    p_best_M = (best_MR / best_MR.sum(axis=0)).mean(axis=1)
    return [
        Rank(
            run=name,
            value=float(observed_M[m]),
            rank=int(rank_M[m]),
            low=int(low_M[m]) if has_interval else None,
            high=int(high_M[m]) if has_interval else None,
            p_best=float(p_best_M[m]),
        )
        for m, name in enumerate(names)
    ]


def _competition_ranks(values_MR: Floats) -> npt.NDArray[np.int64]:
    """1 + the number of runs that are better; an undefined value is worse than any other."""
    filled_MR = np.where(np.isnan(values_MR), -np.inf, values_MR)
    slack_R = _ROUNDING * np.maximum(1.0, np.abs(np.where(np.isinf(filled_MR), 0.0, filled_MR)).max(axis=0))
    return np.stack([1 + (filled_MR > own_R + slack_R).sum(axis=0) for own_R in filled_MR])


def _between(names: Sequence[str], observed_MK: Floats, values_MRK: Floats, has_interval: bool) -> list[KeyPair]:
    """Kendall's tau-b of every pair of keys, over the runs."""
    if len(observed_MK) < MIN_RUNS_FOR_TAU:
        return []
    tau_KK = _taus(observed_MK[:, None])[0]
    low_KK, high_KK = np.full_like(tau_KK, np.nan), np.full_like(tau_KK, np.nan)
    if has_interval:
        tail = (1 - CONFIDENCE) / 2
        tau_RKK = _taus(values_MRK)
        known_KK = ~np.isnan(tau_RKK).all(axis=0)
        low_KK[known_KK], high_KK[known_KK] = np.nanquantile(tau_RKK[:, known_KK], [tail, 1 - tail], axis=0)
    return [
        KeyPair(names[a], names[b], _known(tau_KK[a, b]), _known(low_KK[a, b]), _known(high_KK[a, b]))
        for a, b in combinations(range(len(names)), 2)
    ]


def _taus(values_MRK: Floats) -> Floats:
    """tau_RKK: tau-b between the keys of each resample."""
    runs, resamples, n_keys = values_MRK.shape
    first, second = np.triu_indices(runs, 1)
    chunk = max(1, _CELLS_PER_CHUNK // max(1, len(first) * n_keys))
    found = []
    for start in range(0, resamples, chunk):
        values_MrK = values_MRK[:, start : start + chunk]
        gap_PrK = values_MrK[first] - values_MrK[second]
        slack_rK = _ROUNDING * np.maximum(1.0, np.abs(values_MrK).max(axis=0))
        order_PrK = np.where(np.abs(gap_PrK) <= slack_rK, 0.0, np.sign(gap_PrK))
        order_rKP = np.nan_to_num(order_PrK).transpose(1, 2, 0).astype(np.float32)
        agreement_rKK = order_rKP @ order_rKP.transpose(0, 2, 1)
        untied_rK = np.diagonal(agreement_rKK, axis1=1, axis2=2)
        with np.errstate(invalid="ignore", divide="ignore"):
            found.append(agreement_rKK / np.sqrt(untied_rK[:, :, None] * untied_rK[:, None, :]))
    return np.concatenate(found).astype(float)


def _swaps(names: Sequence[str], keys: Sequence[str], observed_MK: Floats) -> list[Swap]:
    """Pairs of runs that some keys put in one order and others in the other."""
    swaps = []
    for a, b in combinations(range(len(names)), 2):
        gap_K = observed_MK[a] - observed_MK[b]
        slack_K = _ROUNDING * np.maximum(1.0, np.abs(observed_MK).max(axis=0))
        a_better = [keys[k] for k in np.flatnonzero(gap_K > slack_K).tolist()]
        b_better = [keys[k] for k in np.flatnonzero(gap_K < -slack_K).tolist()]
        if a_better and b_better:
            swaps.append(Swap(names[a], names[b], a_better, b_better))
    return swaps


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)

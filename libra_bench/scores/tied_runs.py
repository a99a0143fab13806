"""Which runs of a board a paired test cannot tell apart, from their stored statistics."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.errors import InputError
from benchmarks.records.statistics import StatisticsFile, StoredMetric, open_statistics
from libra_bench.metrics.metric import Floats
from libra_bench.metrics.workers import on_all_cores
from libra_bench.scores.bootstrap import CONFIDENCE, cluster_numbers
from libra_bench.scores.comparison import refuse_other_studies, rows_in_order
from libra_bench.scores.pairwise import ClusterShares, are_many, cluster_shares, normal_p_values, swapped_p_values
from libra_bench.scores.statistics import holm_correction
from libra_bench.scores.stored_statistics import keys_and_reduction

RESAMPLES = 2_000
"""Enough to tell p from 0.05; `libra-bench compare` takes more."""
MANY = 150
"""Fewer runs are read in one process: a worker takes a third of a second to start."""
PIECE = 8
"""Runs that a process reads at a time."""


class TiedPairs(Collection[frozenset[str]]):
    """Pairs of names, as a matrix: 500 runs have 124,750.

    Args:
        names: M names.
        tied_MM: whether two are tied; symmetric.
    """

    def __init__(self, names: Sequence[str], tied_MM: npt.NDArray[np.bool_]) -> None:
        self._place = {name: place for place, name in enumerate(names)}
        self._names, self._tied, self._flags = names, tied_MM, tied_MM.tobytes()

    @classmethod
    def joined(cls, parts: Sequence[TiedPairs]) -> TiedPairs:
        """The pairs of several boards, which have no name in common."""
        if len(parts) == 1:
            return parts[0]
        sizes = [len(part._names) for part in parts]
        tied_MM = np.zeros((sum(sizes), sum(sizes)), dtype=bool)
        for start, part in zip(np.cumsum([0, *sizes]), parts, strict=False):
            tied_MM[start : start + len(part._names), start : start + len(part._names)] = part._tied
        return cls([name for part in parts for name in part._names], tied_MM)

    def __contains__(self, pair: object) -> bool:
        if not isinstance(pair, frozenset) or len(pair) != 2 or not pair <= self._place.keys():
            return False
        first, second = pair
        return bool(self._flags[self._place[first] * len(self._names) + self._place[second]])

    def __iter__(self) -> Iterator[frozenset[str]]:
        return (frozenset({self._names[i], self._names[j]}) for i, j in np.argwhere(np.triu(self._tied)).tolist())

    def __len__(self) -> int:
        return int(np.triu(self._tied).sum())


def find_ties(
    runs: Sequence[tuple[str, Path]], *, resamples: int = RESAMPLES
) -> tuple[dict[str, TiedPairs], list[str]]:
    """Test every pair of runs on every key that both have.

    Holm's correction covers the pairs of a key: the tests that a reader of one column looks at.

    Args:
        runs: (name, folder) of runs over the same studies.
        resamples: of the randomisation test; where they are too few to resolve so many pairs, the normal distribution
            takes its place (`pairwise.py`).

    Returns:
        Key -> pairs of names that are not told apart at the 5 % level; and why a pair could not be tested.
    """
    names = [name for name, _ in runs]
    opened: dict[str, StatisticsFile] = {}
    problems: dict[str, None] = {}
    for name, folder in runs if len(runs) > 1 else ():
        try:
            opened[name] = open_statistics(folder)
        except InputError as error:
            problems[f"ties not tested: {error}"] = None
    by_key: dict[str, Floats] = {}
    test = _by_distribution if are_many(len(runs), resamples) else partial(_by_swaps, resamples=resamples)
    for same in _same_studies(opened, problems):
        for group, keys, p_PK in test({name: opened[name] for name in same}):
            places = np.array([names.index(name) for name in group])
            first_P, second_P = np.triu_indices(len(group), 1)
            for k, key in enumerate(keys):
                p_MM = by_key.setdefault(key, np.full((len(names), len(names)), np.nan))
                p_MM[places[first_P], places[second_P]] = p_MM[places[second_P], places[first_P]] = p_PK[:, k]
    return {key: TiedPairs(names, _tied(p_MM)) for key, p_MM in by_key.items()}, list(problems)


def _same_studies(opened: Mapping[str, StatisticsFile], problems: dict[str, None]) -> list[list[str]]:
    """The runs in groups over the same studies and references, and why those of two groups are not tested."""
    groups: list[list[str]] = []
    for name, run in opened.items():
        for group in groups:
            first = opened[group[0]]
            try:
                refuse_other_studies(first.folder, first, run.folder, run)
            except InputError as error:
                problems[f"ties not tested: {error}"] = None
            else:
                group.append(name)
                break
        else:
            groups.append([name])
    return [group for group in groups if len(group) > 1]


def _same_metrics(runs: Mapping[str, StatisticsFile]) -> Iterator[tuple[str, list[str]]]:
    """Each metric with the runs that have it, computed in the same way."""
    found: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for name, run in runs.items():
        for metric, (signature, keys) in run.described.items():
            found.setdefault((metric, signature, keys), []).append(name)
    return ((metric, names) for (metric, _, _), names in found.items() if len(names) > 1)


def _by_swaps(
    runs: Mapping[str, StatisticsFile], *, resamples: int
) -> Iterator[tuple[list[str], Sequence[str], Floats]]:
    """Names, keys and p_PK of each metric of runs over the same studies, metric by metric."""
    first = next(iter(runs.values()))
    for metric, names in _same_metrics(runs):
        stored = [runs[name].read(metric) for name in names]
        keys, reduce = keys_and_reduction(metric, stored[0])
        rows = [rows_in_order(first.ids, runs[name].ids) for name in names]
        matrices = [one.per_sample_NS[... if its is None else its] for one, its in zip(stored, rows, strict=True)]
        yield names, [key.name for key in keys], swapped_p_values(matrices, first.clusters, reduce, resamples, seed=0)


def _by_distribution(runs: Mapping[str, StatisticsFile]) -> Iterator[tuple[list[str], Sequence[str], Floats]]:
    """As `_by_swaps`, from files that are read once each, on all cores where there are many."""
    by_name: dict[str, Mapping[str, ClusterShares]] = {}
    names = [*runs]
    pieces = [names[at : at + PIECE] for at in range(0, len(names), PIECE)] if len(names) >= MANY else [names]

    def keep(piece: Sequence[str], shares: Sequence[Mapping[str, ClusterShares]]) -> None:
        by_name.update(zip(piece, shares, strict=True))

    on_all_cores(partial(_shares, runs[names[0]]), pieces, lambda piece: [runs[name] for name in piece], keep)
    for metric, those in _same_metrics(runs):
        yield those, runs[those[0]].described[metric][1], normal_p_values([by_name[name][metric] for name in those])


def _shares(first: StatisticsFile, runs: Sequence[StatisticsFile]) -> list[Mapping[str, ClusterShares]]:
    """Of each run: its metrics for `normal_p_values`, the studies in the order of the first run."""
    owner_N = None if first.clusters is None else cluster_numbers(first.clusters)
    reduction = cache(lambda metric, keys: keys_and_reduction(metric, StoredMetric("", keys, np.empty((0, 0))))[1])
    found: list[Mapping[str, ClusterShares]] = []
    for run in runs:
        rows = rows_in_order(first.ids, run.ids)
        found.append(
            {
                metric: cluster_shares(
                    stored.per_sample_NS[... if rows is None else rows], owner_N, reduction(metric, stored.keys)
                )
                for metric, stored in run.read_all().items()
            }
        )
    return found


def _tied(p_MM: Floats) -> npt.NDArray[np.bool_]:
    """The pairs that are tested and, after Holm's correction for all of them, not told apart."""
    upper = np.triu(np.isfinite(p_MM), 1)
    tied_MM = np.zeros(p_MM.shape, dtype=bool)
    tied_MM[upper] = holm_correction(p_MM[upper]) >= 1 - CONFIDENCE
    return tied_MM | tied_MM.T

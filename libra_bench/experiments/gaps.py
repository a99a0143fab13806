"""Gaps between subgroups of one run: does a model do worse for some patients or views than for others?"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.errors import InputError
from benchmarks.records.run import read_run
from benchmarks.records.statistics import StoredMetric, read_statistics
from benchmarks.schema import Sample
from libra_bench.metrics.metric import Floats, Reduce
from libra_bench.metrics.registry import metric_among
from libra_bench.runs.scored_folder import suite_of
from libra_bench.scores.bootstrap import RESAMPLES, bootstrap_interval, cluster_sums
from libra_bench.scores.comparison import run_names
from libra_bench.scores.stored_statistics import keys_and_reduction
from libra_bench.scores.strata import MISSING, strata

SCHEMA_VERSION = 1
MAX_PLAIN_LEVELS = 8
"""A numeric field with more values is divided at its quartiles."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One key, in one level of the field, against the reference level."""

    run: str
    key: str
    higher_is_better: bool
    level: str
    reference: str
    """The level with most studies."""
    n: int
    """Studies of the level."""
    value: float | None
    gap: float | None
    """The level's value minus that of the reference level; None where one is undefined."""
    low: float | None
    """95 % interval of the gap; None where there are too few patients."""
    high: float | None


@dataclass(frozen=True, slots=True)
class Gaps:
    """What `libra-bench compare --by` finds."""

    by: str
    runs: Sequence[str]
    resamples: int
    seed: int
    gaps: Sequence[Gap]

    def as_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}


def subgroup_gaps(
    folders: Sequence[Path],
    by: str,
    *,
    metrics: Sequence[str] | None = None,
    clustered: bool = True,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Gaps:
    """The gaps between the levels of a field, for each run and key.

    Args:
        folders: scored run folders.
        by: a field of the suite, or a built-in stratum; numbers with many values are cut into quarters.
        metrics: names as the runs were scored with; None: all.
        clustered: draw whole patients (`subject_id`), where the suite has them.
        resamples: of the bootstrap.
        seed: of the resamples.

    Raises:
        InputError: a run without statistics, or whose suite is gone. UnknownNameError: no sample has the field.
    """
    names = run_names(folders)
    found: list[Gap] = []
    for name, folder in zip(names, folders, strict=True):
        stored = read_statistics(folder)
        place = {sample.question_id: sample for sample in suite_of(read_run(folder), folder).samples}
        levels = levels_of([place[question] for question in stored.ids], by)
        if len(levels) < 2:
            raise InputError(f"all studies have the same {by}", where=folder, hint="name a field with several levels")
        clusters = stored.clusters if clustered else None
        columns = {metric_name: metric.keys for metric_name, metric in stored.metrics.items()}
        wanted = columns if metrics is None else dict.fromkeys(metric_among(one, columns) for one in metrics)
        for metric_name in wanted:
            found += _of_metric(name, metric_name, stored.metrics[metric_name], levels, clusters, resamples, seed)
    if not found:
        raise InputError("the runs have no such metric", where="--metrics", hint="name one that they were scored with")
    return Gaps(by, names, resamples, seed, found)


def levels_of(samples: Sequence[Sample], by: str) -> Mapping[str, Sequence[int]]:
    """Level -> indices into the samples; the level without a value comes last."""
    values = [sample.fields.get(by) for sample in samples]
    numbers = [_number(value) for value in values]
    known = [number for number in numbers if number is not None]
    whole = all(number is not None or value in (None, "") for number, value in zip(numbers, values, strict=True))
    if whole and len(set(known)) > MAX_PLAIN_LEVELS:
        edges = np.quantile(known, [0.25, 0.5, 0.75])
        groups = [None if number is None else int(np.searchsorted(edges, number, side="left")) for number in numbers]
        levels: dict[str, list[int]] = {}
        for group in [*range(4), None]:
            members = [place for place, other in enumerate(groups) if other == group]
            if members:
                inside = [number for place in members if (number := numbers[place]) is not None]
                levels[f"{min(inside):g} to {max(inside):g}" if inside else MISSING] = members
        return levels
    return strata(samples, [by])[by]


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _of_metric(
    run: str,
    name: str,
    stored: StoredMetric,
    levels: Mapping[str, Sequence[int]],
    clusters: Sequence[Hashable] | None,
    resamples: int,
    seed: int,
) -> list[Gap]:
    keys, reduce = keys_and_reduction(name, stored)
    reference = max((level for level in levels if level != MISSING), key=lambda level: len(levels[level]))
    found = []
    for level, members in levels.items():
        value_K = _value(reduce, stored.per_sample_NS[members])
        gap_K, low_K, high_K = value_K * 0, value_K * np.nan, value_K * np.nan
        if level != reference:
            gap_K = value_K - _value(reduce, stored.per_sample_NS[levels[reference]])
            low_K, high_K = _interval(
                reduce, stored.per_sample_NS, members, levels[reference], clusters, resamples, seed
            )
        found += [
            Gap(
                run=run,
                key=key.name,
                higher_is_better=key.higher_is_better,
                level=level,
                reference=reference,
                n=len(members),
                value=_known(value_K[k]),
                gap=_known(gap_K[k]),
                low=_known(low_K[k]),
                high=_known(high_K[k]),
            )
            for k, key in enumerate(keys)
        ]
    return found


def _value(reduce: Reduce, rows_NS: Floats) -> Floats:
    value_K: Floats = reduce(rows_NS.sum(axis=0, keepdims=True), np.array([float(len(rows_NS))]))[0]
    return value_K


def _interval(
    reduce: Reduce,
    per_sample_NS: Floats,
    members: Sequence[int],
    others: Sequence[int],
    clusters: Sequence[Hashable] | None,
    resamples: int,
    seed: int,
) -> tuple[Floats, Floats]:
    """Of the gap: a patient brings all its studies, whichever level they are in."""
    width = per_sample_NS.shape[1]
    parts = []
    for places in (members, others):
        inside_N1 = np.zeros((len(per_sample_NS), 1))
        inside_N1[places] = 1.0
        parts += [per_sample_NS * inside_N1, inside_N1]
    rows_NS = np.hstack(parts)
    kept_N = rows_NS[:, width] + rows_NS[:, 2 * width + 1] > 0
    kept = None if clusters is None else [name for name, keep in zip(clusters, kept_N, strict=True) if keep]

    def gap(sums_RS: Floats, n_R: Floats) -> Floats:
        first_R, second_R = sums_RS[:, width], sums_RS[:, 2 * width + 1]
        with np.errstate(invalid="ignore", divide="ignore"):
            return reduce(sums_RS[:, :width], first_R) - reduce(sums_RS[:, width + 1 : 2 * width + 1], second_R)

    sums_CS, n_C = cluster_sums(rows_NS[kept_N], kept)
    n_keys = len(_value(reduce, per_sample_NS))
    limits_2K = np.array([[-np.inf] * n_keys, [np.inf] * n_keys])
    return bootstrap_interval(gap, sums_CS, n_C, limits_2K, resamples, seed)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

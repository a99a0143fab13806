"""Which runs of a board a paired test cannot tell apart, from their stored statistics."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from benchmarks.errors import InputError
from libra_bench.scores.bootstrap import CONFIDENCE
from libra_bench.scores.comparison import compare_runs
from libra_bench.scores.statistics import holm_correction

RESAMPLES = 2_000
"""Enough to tell p from 0.05; `libra-bench compare` takes more."""

Ties = dict[str, set[frozenset[str]]]
"""Key -> pairs of runs that are not told apart."""


def find_ties(runs: Sequence[tuple[str, Path]], *, resamples: int = RESAMPLES) -> tuple[Ties, list[str]]:
    """Test every pair of runs on every key that both have.

    Holm's correction covers the pairs of a key: the tests that a reader of one column looks at.

    Args:
        runs: (name, folder) of runs over the same studies.
        resamples: of the randomisation test.

    Returns:
        Key -> pairs of names that are not told apart at the 5 % level; and why a pair could not be tested.
    """
    p_values: dict[str, dict[frozenset[str], float]] = {}
    problems: dict[str, None] = {}
    for (name, folder), (other, other_folder) in combinations(runs, 2):
        try:
            comparison = compare_runs([folder, other_folder], resamples=resamples)
        except InputError as error:
            problems[f"ties not tested: {error}"] = None
            continue
        for found in comparison.differences:
            p_values.setdefault(found.key, {})[frozenset({name, other})] = found.p_value
    ties: Ties = {}
    for key, by_pair in p_values.items():
        corrected = holm_correction(np.array(list(by_pair.values())))
        ties[key] = {pair for pair, p in zip(by_pair, corrected, strict=True) if p >= 1 - CONFIDENCE}
    return ties, list(problems)

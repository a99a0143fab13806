"""A judge's verdicts on pairs of reports, and what they add up to for a sample.

Legend: V repeats, M scores of a verdict, C counts of a verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from libra_bench.metrics.metric import Floats

SHOWN = 5
"""Failures in the details."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge found in one pair of reports."""

    scores: tuple[float, ...]
    """M scores, 0 to 1 (CRIMSON: -1 to 1)."""
    counts: tuple[float, ...] = ()
    """C counts."""
    remarks: tuple[str, ...] = ()
    """What is odd about a reply that could be read."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One pair, judged once."""

    verdict: Verdict | None
    failure: str | None = None
    tokens: float = 0.0
    """Of questions and replies; NaN where the server did not count them."""
    cost: float = 0.0
    served_model: str | None = None
    structured: str | None = None


def row_of(repeats: Sequence[Judged], n_scores: int, n_counts: int) -> list[float]:
    """V x M scores, verdict changed, share read, C counts of a pair."""
    verdicts = [one.verdict for one in repeats]
    read = [verdict for verdict in verdicts if verdict is not None]
    nothing = Verdict((0.0,) * n_scores)
    scores = [score for verdict in verdicts for score in (verdict or nothing).scores]
    found = {None if verdict is None else (verdict.scores, verdict.counts) for verdict in verdicts}
    counts_C = np.sum([verdict.counts for verdict in read], axis=0) / len(repeats) if read else np.zeros(n_counts)
    return [*scores, float(len(found) > 1), len(read) / len(repeats), *np.atleast_1d(counts_C).tolist()]


def spent(judged: Iterable[Judged]) -> tuple[float, float]:
    """Tokens and cost of a sample."""
    each = list(judged)
    return sum(one.tokens for one in each), sum(one.cost for one in each)


def details_of(
    kept: Sequence[Sequence[Judged]], all_pairs: Sequence[Sequence[Judged]], final: Callable[[Floats], Floats]
) -> dict[str, Any]:
    """What has no column.

    Args:
        kept: the pairs that count, each judged V times.
        all_pairs: these and those with other references.
        final: see `JudgeMetric.final`.
    """
    every = [one for repeats in all_pairs for one in repeats]
    failures = [one.failure for one in every if one.failure is not None]
    remarks = Counter(remark for one in every if one.verdict for remark in one.verdict.remarks)
    read = [one.verdict.scores for repeats in kept for one in repeats if one.verdict is not None]
    means_1M = np.mean(read, axis=0, keepdims=True) if read else None
    return {
        "served_models": sorted({one.served_model for one in every if one.served_model}),
        "structured_output": sorted({one.structured for one in every if one.structured}),
        "unparsed": {"n": len(failures), "of": len(every), "examples": failures[:SHOWN]},
        "mean_of_parsed": None if means_1M is None else float(100 * final(means_1M)[0, -1]),
        "remarks": dict(remarks),
    }

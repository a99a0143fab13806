"""A stability result as tables, sentences and a figure."""

from __future__ import annotations

from benchmarks.wording import studies
from libra_bench.experiments.stability import KeyRanks, Stability
from reports.dots import rank_plot
from reports.experiment import Outcome, Table

SHOWN_PAIRS = 10
"""Of metrics, in a terminal."""


def stability_outcome(found: Stability) -> Outcome:
    """What `libra-bench stability` shows and writes."""
    drawn = f"{found.clusters} patients" if found.clusters else studies(found.n)
    note = f"{studies(found.n)}; ranks over {found.resamples} resamples of {drawn}, seed {found.seed}; 1 is best."
    tables = [
        Table(
            "ranks",
            "Ranks",
            ("metric", "run", "value", "rank", "95 % interval", "P(best)"),
            [
                (ranks.key, rank.run, rank.value, rank.rank, _span(rank.low, rank.high), rank.p_best)
                for ranks in found.metrics
                for rank in sorted(ranks.ranks, key=lambda rank: rank.rank)
            ],
            note,
        )
    ]
    if found.between_metrics:
        tables.append(
            Table(
                "between-metrics",
                "Do metrics rank the runs alike?",
                ("metric", "other metric", "Kendall's tau", "low", "high"),
                [
                    (pair.a, pair.b, pair.tau, pair.low, pair.high)
                    for pair in sorted(found.between_metrics, key=lambda pair: (pair.tau is not None, pair.tau))
                ],
                "tau-b over the runs; 1: the same order, best to worst. low, high: 95 % interval. Least alike first.",
                first=SHOWN_PAIRS,
            )
        )
    if found.swaps:
        tables.append(
            Table(
                "swaps",
                "Pairs whose order depends on the metric",
                ("run", "other run", "better by", "worse by"),
                [(swap.a, swap.b, ", ".join(swap.a_better), ", ".join(swap.b_better)) for swap in found.swaps],
            )
        )
    result = found.as_json()
    return Outcome(
        name="stability",
        title="How sure is the ranking?",
        result=result,
        tables=tables,
        findings=[*map(_sentence, found.metrics), *(f"Not compared: {reason}" for reason in found.not_compared)],
        figures={"ranks": lambda: rank_plot(result["metrics"])},
        subjects=found.runs,
    )


def _sentence(ranks: KeyRanks) -> str:
    """Which runs may be the best by one key."""
    best = sorted(ranks.ranks, key=lambda rank: rank.rank)
    if best[0].low is None:
        return f"{ranks.key}: too few patients to say how sure the ranking is."
    others = [rank.run for rank in best[1:] if rank.low == 1]
    if others:
        return (
            f"{ranks.key}: {best[0].run} leads (P = {best[0].p_best:.2f}), but {', '.join(others)} may be first, too."
        )
    return f"{ranks.key}: {best[0].run} is first (P = {best[0].p_best:.2f})."


def _span(low: int | None, high: int | None) -> str | None:
    return None if low is None or high is None else str(low) if low == high else f"{low} to {high}"

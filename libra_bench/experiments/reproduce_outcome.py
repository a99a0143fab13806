"""A run against a published table as a table, sentences and a figure."""

from __future__ import annotations

from libra_bench.experiments.reproduce import Reproduction
from reports.dots import Dot, dot_plot
from reports.experiment import Outcome, Table


def reproduce_outcome(found: Reproduction) -> Outcome:
    """What `libra-bench reproduce` shows and writes."""
    table = Table(
        "rows",
        f"{found.title}: {found.model}",
        ("metric", "published", "ours", "low", "high", "verdict"),
        [(row.key, row.published, row.ours, row.low, row.high, row.verdict) for row in found.rows],
        f"Published: {found.source}. low, high: 95 % interval of ours.",
    )
    judged = [row for row in found.rows if row.ours is not None]
    findings = [_comparable(found), *(f"A likely cause: {cause}." for cause in found.causes)]
    if outside := [row.key for row in found.rows if row.verdict == "outside"]:
        findings.insert(1, f"Outside the interval: {', '.join(outside)}.")
    dots = [
        Dot(
            row.key,
            row.ours - row.published,
            None if row.low is None else row.low - row.published,
            None if row.high is None else row.high - row.published,
        )
        for row in judged
        if row.ours is not None
    ]
    return Outcome(
        name="reproduce",
        title=f"Is it the published number? {found.model} against {found.target}",
        result=found.as_json(),
        tables=[table] if found.rows else [],
        findings=findings,
        figures={"differences": lambda: dot_plot(dots, xlabel="ours minus published")} if dots else {},
        subjects=[found.model],
    )


def _comparable(found: Reproduction) -> str:
    if found.comparable:
        return "Comparable: the same suite, number of studies and protocol."
    return f"Not comparable: {'; '.join(found.why_not)}."

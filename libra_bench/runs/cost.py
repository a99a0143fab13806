"""What a run took in time and memory, all processes together, and the same in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from humanize import naturalsize, precisedelta

from benchmarks.records.run import Cost, Estimate, ProcessReport
from benchmarks.wording import rate_in_words, studies

OUTSIDE_THE_TIME = ("image_loading",)
"""Parts of an adapter's report that threads do beside everything else: no share of the time."""


def cost_of(planned: Estimate | None, reports: Sequence[ProcessReport]) -> Cost:
    """What run.json says of cost.

    Args:
        planned: what was estimated.
        reports: one per process.
    """
    peaks = [peak for report in reports if (peak := reported_number(report.adapter_report, "peak_memory_mb"))]
    generating = max(report.generating_seconds for report in reports)
    studies = sum(report.studies for report in reports)
    return Cost(
        planned=planned,
        studies=studies,
        loading_seconds=max(report.loading_seconds for report in reports),
        generating_seconds=generating,
        studies_per_minute=round(60 * studies / generating, 2) if generating else None,
        peak_memory_mb=max(peaks, default=None),
        prefill_tokens_per_second=_sum_of("prefill_tokens_per_second", reports),
        decode_tokens_per_second=_sum_of("decode_tokens_per_second", reports),
        shares=shares(reports),
    )


def shares(reports: Sequence[ProcessReport]) -> dict[str, float]:
    """Of the time that the processes spent generating, what went into which part; the rest is `other`."""
    total = sum(report.generating_seconds for report in reports)
    parts: dict[str, float] = {}
    for report in reports:
        found = report.adapter_report.get("seconds")
        by_part = found if isinstance(found, dict) else {}
        for part in by_part:
            if part not in OUTSIDE_THE_TIME:
                parts[part] = parts.get(part, 0.0) + (reported_number(by_part, part) or 0.0)
    if not parts or not total:
        return {}
    parts["other"] = max(0.0, total - sum(parts.values()))
    return {part: round(seconds / total, 4) for part, seconds in parts.items()}


def _sum_of(rate: str, reports: Sequence[ProcessReport]) -> float | None:
    return sum(reported_number(report.adapter_report, rate) or 0.0 for report in reports) or None


def reported_number(report: Mapping[str, Any], name: str) -> float | None:
    """A number of an adapter's report; None where a foreign adapter says something else."""
    value = report.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def cost_in_words(cost: Cost) -> list[str]:
    """The end of generation for people: what it took, what was planned, where the time went."""
    planned = cost.planned
    took = f"generated {studies(cost.studies)} in {time_in_words(cost.generating_seconds)}"
    if planned:
        took += f" (planned: {time_in_words(planned.seconds)})"
    rates = {
        "{} studies per minute": cost.studies_per_minute,
        "prefill {} tokens/s": cost.prefill_tokens_per_second,
        "decode {} tokens/s": cost.decode_tokens_per_second,
    }
    memory = f"peak memory {memory_in_words(cost.peak_memory_mb)}" if cost.peak_memory_mb else ""
    if memory and planned and planned.peak_memory_mb:
        memory += f" (planned: {memory_in_words(planned.peak_memory_mb)})"
    speed = ", ".join(words.format(rate_in_words(rate)) for words, rate in rates.items() if rate)
    lines = ["; ".join(filter(None, [took, speed, memory]))]
    if cost.shares:
        lines.append(
            "time: " + ", ".join(f"{part.replace('_', ' ')} {share:.0%}" for part, share in cost.shares.items())
        )
    return lines


def estimate_in_words(estimate: Estimate) -> str:
    """The plan line."""
    memory = "" if estimate.peak_memory_mb is None else f", {memory_in_words(estimate.peak_memory_mb)}"
    return f"{studies(estimate.studies)}, about {time_in_words(estimate.seconds)}{memory} ({estimate.source})"


def time_in_words(seconds: float) -> str:
    """0.5 seconds, 3 minutes and 20 seconds, 3 hours and 10 minutes."""
    if seconds < 10:
        return precisedelta(timedelta(seconds=seconds), format="%.1f")
    unit = "seconds" if seconds < 3600 else "minutes"
    return precisedelta(timedelta(seconds=round(seconds)), minimum_unit=unit, format="%.0f")


def memory_in_words(megabytes: float) -> str:
    """820.4 MiB, 3.4 GiB."""
    return naturalsize(megabytes * 2**20, binary=True)

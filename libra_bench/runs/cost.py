"""What a run costs in time and memory: foretold before and during the work, compared with what it was at the end.

A plan rests on a measurement, never on a formula: an earlier run of the same model, decoding and device, or else the
first studies of this one. Its source is part of it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FEWEST_MEASURED = 8
"""Studies that a measurement needs at least."""
TOKEN_RATES = ("prefill_tokens_per_second", "decode_tokens_per_second")
"""Of an adapter's report; several processes together have the sum."""
BESIDE = ("image_loading",)
"""Parts of an adapter's report that threads do beside everything else: no share of the time."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long the open studies will take, and how much memory."""

    studies: int
    seconds: float
    peak_memory_mb: float | None
    source: str
    """What it was measured on."""

    def __str__(self) -> str:
        """The plan line."""
        memory = "" if self.peak_memory_mb is None else f", {memory_in_words(self.peak_memory_mb)}"
        return f"{self.studies:,} studies, about {time_in_words(self.seconds)}{memory} ({self.source})"


def of_earlier_run(
    runs: Path, model: str, facts: Mapping[str, Any], report: Mapping[str, Any], world_size: int, studies: int
) -> Estimate | None:
    """What the newest finished run of the same model, decoding, device and number of processes says.

    Args:
        runs: the folder of all runs: `<suite>/<model>/<fingerprint>/run.json`.
        model: the model's folder name.
        facts: the deciding facts of the run to be.
        report: the adapter's own report, as it stands after loading.
        world_size: number of processes.
        studies: how many are to be answered.
    """
    records = [path for path in runs.glob("*/*/*/run.json") if path.parts[-3] == model]
    for path in sorted(records, key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            there = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        cost, deciding = there.get("cost") or {}, there.get("deciding") or {}
        answered = cost.get("studies") or 0
        if (
            answered >= FEWEST_MEASURED
            and there.get("world_size") == world_size
            and there.get("device") == report.get("device")
            and all(deciding.get(part) == facts[part] for part in ("model", "decoding"))
        ):
            seconds = cost["generating_seconds"] * studies / answered
            source = f"measured on {answered:,} studies of run {there['fingerprint']}"
            return Estimate(studies, seconds, cost.get("peak_memory_mb"), source)
    return None


class Meter:
    """Watches the answers come and says once, after the first batches, how long the rest will take.

    Args:
        studies: how many are to be answered.
        report: the adapter's own report, at any time; its `batch_size` says when a measurement is fair.
        world_size: number of processes.
        on_estimate: hears the estimate.
    """

    def __init__(
        self,
        studies: int,
        report: Callable[[], Mapping[str, Any]],
        world_size: int,
        on_estimate: Callable[[Estimate], None],
    ) -> None:
        self._studies, self._report, self._world_size = studies, report, world_size
        self._on_estimate = on_estimate
        self._started = time.perf_counter()
        self._needed: int | None = None
        self._said = False

    def answered(self, number: int) -> None:
        """So many studies are answered by now, in all processes."""
        if self._said:
            return
        if self._needed is None:
            batch = self._report().get("batch_size") or 1
            self._needed = max(FEWEST_MEASURED, 2 * int(batch) * self._world_size)
        if number >= self._needed:
            self._said = True
            if 2 * number <= self._studies:  # later it is no plan any more
                seconds = (time.perf_counter() - self._started) * self._studies / number
                memory = self._report().get("peak_memory_mb")
                self._on_estimate(Estimate(self._studies, seconds, memory, f"measured on the first {number:,}"))


def cost_of(
    planned: Estimate | None,
    reports: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """What run.json says of cost.

    Args:
        planned: what was foretold.
        reports: of each process: studies, loading_seconds, generating_seconds, and the adapter's own report.
    """
    peaks = [peak for report in reports if (peak := report["adapter_report"].get("peak_memory_mb")) is not None]
    generating = max(report["generating_seconds"] for report in reports)
    studies = sum(report["studies"] for report in reports)
    return {
        "planned": None if planned is None else asdict(planned),
        "studies": studies,
        "loading_seconds": max(report["loading_seconds"] for report in reports),
        "generating_seconds": generating,
        "studies_per_minute": round(60 * studies / generating, 2) if generating else None,
        "peak_memory_mb": max(peaks, default=None),
        **{rate: _sum_of(rate, reports) for rate in TOKEN_RATES},
        "shares": shares(reports),
    }


def shares(reports: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Of the time that the processes spent generating, what went into which part; the rest is `other`."""
    total = sum(report["generating_seconds"] for report in reports)
    parts: dict[str, float] = {}
    for report in reports:
        for part, seconds in (report["adapter_report"].get("seconds") or {}).items():
            if part not in BESIDE:
                parts[part] = parts.get(part, 0.0) + seconds
    if not parts or not total:
        return {}
    parts["other"] = max(0.0, total - sum(parts.values()))
    return {part: round(seconds / total, 4) for part, seconds in parts.items()}


def _sum_of(rate: str, reports: Sequence[Mapping[str, Any]]) -> float | None:
    return sum(report["adapter_report"].get(rate) or 0 for report in reports) or None


def in_words(cost: Mapping[str, Any]) -> list[str]:
    """The end of generation for people: what it took, what was foretold, where the time went."""
    planned = cost["planned"] or {}
    took = f"generated {cost['studies']:,} studies in {time_in_words(cost['generating_seconds'])}"
    if planned:
        took += f" (planned: {time_in_words(planned['seconds'])})"
    rates = [f"{cost['studies_per_minute']:,.1f} studies a minute" if cost["studies_per_minute"] else ""]
    rates += [f"{rate.split('_')[0]} {cost[rate]:,.0f} tokens/s" for rate in TOKEN_RATES if cost[rate]]
    memory = f"peak memory {memory_in_words(cost['peak_memory_mb'])}" if cost["peak_memory_mb"] else ""
    if memory and planned.get("peak_memory_mb"):
        memory += f" (planned: {memory_in_words(planned['peak_memory_mb'])})"
    lines = ["; ".join(filter(None, [took, ", ".join(filter(None, rates)), memory]))]
    if cost["shares"]:
        lines.append("time: " + ", ".join(f"{_named(part)} {share:.0%}" for part, share in cost["shares"].items()))
    return lines


def time_in_words(seconds: float) -> str:
    """12 s, 3 min 20 s, 3 h 10 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60:,} h {minutes % 60} min"


def memory_in_words(megabytes: float) -> str:
    """820 MB, 3.4 GB, 38 GB."""
    if megabytes < 1000:
        return f"{megabytes:.0f} MB"
    gigabytes = megabytes / 1024
    return f"{gigabytes:.1f} GB" if gigabytes < 10 else f"{gigabytes:.0f} GB"


def _named(part: str) -> str:
    return part.replace("_", " ")

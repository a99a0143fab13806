"""How long a run will take, measured on an earlier run of the same model or on the first studies of this one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import wording
from benchmarks.errors import InputError
from benchmarks.files import modified
from benchmarks.records.run import RUN_FILE, DecidingFacts, Estimate, read_run
from libra_bench.runs.cost import reported_number

MIN_MEASURED = 8
"""Studies that a measurement needs at least."""
MIN_SECONDS = 0.2
"""So long it takes at least: the answers of a quick server come in bursts."""


def estimate_from_earlier_run(
    runs: Path, model: str, facts: DecidingFacts, device: str | None, world_size: int, studies: int
) -> Estimate | None:
    """What the newest finished run of the same model, decoding, device and number of processes says.

    Args:
        runs: the folder of all runs: `<suite>/<model>/<fingerprint>/run.json`.
        model: the model's folder name.
        facts: the deciding facts of the run to be.
        device: as the adapter reports it.
        world_size: number of processes.
        studies: how many are to be answered.
    """
    folders = [path.parent for path in runs.glob(f"*/*/*/{RUN_FILE}") if path.parts[-3] == model]
    for folder in sorted(folders, key=lambda folder: modified(folder / RUN_FILE), reverse=True):
        try:
            there = read_run(folder)
        except InputError:  # an estimate is a courtesy
            continue
        cost, deciding = there.cost, there.deciding
        if (
            cost is not None
            and deciding is not None
            and cost.studies >= MIN_MEASURED
            and (there.world_size, there.device) == (world_size, device)
            and (deciding.model, deciding.decoding) == (facts.model, facts.decoding)
        ):
            seconds = cost.generating_seconds * studies / cost.studies
            source = f"measured on {wording.studies(cost.studies)} of run {there.fingerprint}"
            return Estimate(studies=studies, seconds=seconds, peak_memory_mb=cost.peak_memory_mb, source=source)
    return None


class Meter:
    """Watches the answers come and says once, after the first batches, how long the rest will take.

    The rate is that of the second half of what is watched: the first half includes what occurs once (connections, the
    first use of kernels, empty queues).

    Args:
        studies: how many are to be answered.
        report: the adapter's own report, at any time; its `batch_size`, or the `concurrency` of a served model, says
            when a measurement is fair.
        world_size: number of processes.
        on_estimate: is told the estimate.
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
        self._warm: tuple[int, float] | None = None
        """Answers, and the time, when the rate began to be measured."""
        self.estimate: Estimate | None = None
        """What was said."""
        self._done = False

    def answered(self, number: int) -> None:
        """So many studies are answered by now, in all processes."""
        if self._done:
            return
        if self._needed is None:
            report = self._report()
            at_once = max(int(reported_number(report, name) or 1) for name in ("batch_size", "concurrency"))
            self._needed = max(MIN_MEASURED, 2 * at_once * self._world_size)
        now = time.perf_counter()
        if self._warm is None and 2 * number >= self._needed:
            self._warm = number, now
        if self._warm is not None and number >= self._needed and now - self._warm[1] >= MIN_SECONDS:
            self._done = True
            if 2 * number <= self._studies:  # later it is no plan any more
                warm, since = self._warm
                self.estimate = Estimate(
                    studies=self._studies,
                    seconds=now - self._started + (self._studies - number) * (now - since) / (number - warm),
                    peak_memory_mb=reported_number(self._report(), "peak_memory_mb"),
                    source=f"measured on the first {number:,}",
                )
                self._on_estimate(self.estimate)

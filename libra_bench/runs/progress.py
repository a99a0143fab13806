"""Progress of a run, as callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.records.run import Cost, Estimate
    from libra_bench.runs.plan import Plan
    from model_adapters.adapter import RenderedPrompt


class ProgressCallback:
    """Gets told what a run does; this one does nothing, the command line's shows it."""

    def planned(self, plan: Plan, answered: int) -> None:
        """The plan is made; `answered` studies are already there from an earlier, interrupted run."""

    def prompted(self, prompt: RenderedPrompt | None, plan: Plan) -> None:
        """The model is loaded; the first prompt as it reads it."""

    def estimated(self, estimate: Estimate) -> None:
        """How long it will take: before the start where an earlier run tells, else after the first batches."""

    @contextmanager
    def checking(self, total: int) -> Iterator[Callable[[int], None]]:
        """Images are looked up before the model is loaded; the yielded function is told of how many studies."""
        yield lambda checked: None

    @contextmanager
    def generating(self, total: int, done: int) -> Iterator[Callable[[int], None]]:
        """Generation is under way; the yielded function is told how many of `total` are answered."""
        yield lambda answered: None

    def generated(self, cost: Cost) -> None:
        """All answers are there; what it took to generate them."""

    def suspicious(self, counts: Mapping[str, int], plan: Plan) -> None:
        """What looks wrong in the texts -> in how many; only told where something does."""

    @contextmanager
    def scoring(self, metric_ids: Sequence[str]) -> Iterator[Callable[[float], None]]:
        """Scoring is under way; the yielded function is told which share is done (0 to 1)."""
        yield lambda share: None

    def drawing(self, total: int) -> Callable[[], None]:
        """The report is being made from so many images; what it returns is called once per image."""
        return lambda: None

"""How far the scoring of answers is: one fraction over all metrics, files and reference points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from libra_bench.metrics.metric import Metric, Sees, is_independent, sees_of

COSTS: Mapping[Sees, int] = {"embeddings": 30, "labels": 30, "entities": 100, "judges": 1_000}
"""Roughly what a text costs a metric that runs a model, in texts of a metric by rules or counts."""
POINTS = 3
"""Reference points of a suite with one reference per study."""


def cost_of(metric: Metric) -> int:
    """Roughly what a text costs a metric; 1: rules or counts."""
    return 1 if is_independent(metric) else COSTS.get(sees_of(metric), 1)


class ScoringProgress:
    """Adds up what is scored, weighed by what a text costs each metric.

    Args:
        metrics: what is scored with.
        texts: predictions of each file.
        tell: called with the share that is done (0 to 1), now and then; from any thread.
    """

    def __init__(self, metrics: Sequence[Metric], texts: Sequence[int], tell: Callable[[float], None]) -> None:
        self._tell, self._lock = tell, Lock()
        passes = {metric.id: 1 if sees_of(metric) == "judges" else 1 + POINTS for metric in metrics}
        self._all = sum(texts) * sum(cost_of(metric) * passes[metric.id] for metric in metrics)
        self._done = 0
        tell(0.0)

    def __call__(self, metric: Metric, texts: int) -> None:
        """So many texts more are scored by a metric, or need not be."""
        with self._lock:
            self._done += texts * cost_of(metric)
            self._tell(min(1.0, self._done / max(1, self._all)))

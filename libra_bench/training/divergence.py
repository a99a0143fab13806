"""Whether a step may change the weights: its loss and its gradients are numbers, and the loss has not jumped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.errors import TrainingError

SPIKE_WINDOW = 20
"""Logged losses that a step's loss is compared with."""
SPIKE_LEAST = 5
"""Logged losses below which nothing is compared."""


def is_spike(loss: float, log_history: Sequence[Mapping[str, Any]], times: float) -> bool:
    """Whether a step's loss is more than so many times the median of the logged losses just before it."""
    losses = [float(line["loss"]) for line in log_history if "loss" in line][-SPIKE_WINDOW:]
    return len(losses) >= SPIKE_LEAST and loss > times * median(losses)


def stopped(what: str, *, step: int, ids: Sequence[object], last: Path | None) -> TrainingError:
    """The error that stops a training before a step's update.

    Args:
        what: what is wrong.
        step: the one that was not taken.
        ids: samples of its batch, as far as this process knows.
        last: the newest checkpoint; each was written before anything was wrong.
    """
    kept = "no checkpoint was written yet" if last is None else f"the last good checkpoint is {last}"
    return TrainingError(
        f"{what} at step {step}, batch {', '.join(map(repr, ids))}",
        hint=f"look at these samples (no learned token?), lower the learning rate or use float32; {kept}",
    )

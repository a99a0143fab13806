"""Curves of a training run: loss, and the validation scores."""

from __future__ import annotations

from pathlib import Path

from libra_bench.training.log import read_log


def draw_training(out: Path) -> Path | None:
    """Draw plots/training.png and .pdf from log.jsonl; None where nothing was logged."""
    from reports.breakdowns import training_curves
    from reports.figure import save

    log = out / "log.jsonl"
    if not any("loss" in line for line in read_log(log)):
        return None
    (out / "plots").mkdir(exist_ok=True)
    return save(training_curves(log), out / "plots" / "training", ("png", "pdf"))[0]

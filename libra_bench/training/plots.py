"""Curves of a training run: loss and learning rate, and the validation scores."""

from __future__ import annotations

from pathlib import Path

from libra_bench.training.log import read_log

SPEED = ("runtime", "per_second", "model_preparation_time")


def draw_training(out: Path) -> Path | None:
    """Draw plots/training.png from log.jsonl; None where nothing was logged."""
    from matplotlib.figure import Figure

    lines = read_log(out / "log.jsonl")
    losses = [(line["step"], line["loss"]) for line in lines if "loss" in line]
    if not losses:
        return None
    curves: dict[str, list[tuple[int, float]]] = {}
    for line in lines:
        for name, value in line.items():
            if name.startswith("eval_") and not name.endswith(SPEED):
                curves.setdefault(name.removeprefix("eval_"), []).append((line["step"], value))
    validation_loss = curves.pop("loss", [])
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(*zip(*losses, strict=True), label="training", linewidth=1)
    if validation_loss:
        left.plot(*zip(*validation_loss, strict=True), label="validation", marker="o")
    left.set(xlabel="step", ylabel="loss", ylim=(0, None))
    left.legend()
    for name, points in curves.items():
        right.plot(*zip(*points, strict=True), label=name, marker="o")
    right.set(xlabel="step", ylabel="validation score", ylim=(0, None))
    if curves:
        right.legend(fontsize=8)
    path = out / "plots" / "training.png"
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=120)
    return path

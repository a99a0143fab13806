"""Values with intervals as dots on one line each: a table of correlations, and rankings with a panel per metric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reports.figure import COLUMN_INCHES, GREY, new_figure, styled
from reports.labels import score_label, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW_INCHES = 0.2
PANELS_PER_ROW = 4
NAME_LETTERS, TITLE_LETTERS = 22, 22


@dataclass(frozen=True, slots=True)
class Dot:
    """One line of the plot."""

    name: str
    value: float
    low: float | None
    high: float | None


@styled
def dot_plot(dots: Sequence[Dot], *, xlabel: str, mark: tuple[str, float] | None = None, columns: int = 1) -> Figure:
    """Dots with 95 % intervals, largest on top.

    Args:
        dots: what is shown.
        xlabel: under the axis.
        mark: name and value of a line to measure them by.
        columns: how many of a paper's columns the figure is wide.
    """
    ordered = sorted(dots, key=lambda dot: dot.value, reverse=True)
    figure, axes = new_figure(columns, 0.7 + ROW_INCHES * len(ordered))
    for place, dot in enumerate(ordered):
        if dot.low is not None and dot.high is not None:
            axes.plot([dot.low, dot.high], [place, place], color="C0", linewidth=1)
        axes.plot(dot.value, place, "o", color="C0")
    if mark is not None:
        axes.axvline(mark[1], color=GREY, linestyle="dashed", linewidth=1)
        axes.annotate(
            mark[0], (mark[1], 1), (0, 2), xycoords=("data", "axes fraction"), textcoords="offset points", ha="center",
            va="bottom", fontsize=7,
        )  # fmt: skip
    axes.axvline(0, color=GREY, linewidth=0.6)
    axes.set_yticks(range(len(ordered)), [wrapped(score_label(dot.name).partition(" (")[0], 30) for dot in ordered])
    axes.set_ylim(len(ordered) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_xlabel(xlabel)
    return figure


@styled
def rank_plot(metrics: Sequence[Mapping[str, Any]]) -> Figure:
    """Ranks over resamples, best run on top.

    Args:
        metrics: the entries of `metrics` of a stability result; each holds the same runs.
    """
    from matplotlib.figure import Figure

    names = [entry["run"] for entry in sorted(metrics[0]["ranks"], key=lambda entry: entry["rank"])]
    per_row = min(PANELS_PER_ROW, len(metrics))
    n_rows = math.ceil(len(metrics) / per_row)
    width = COLUMN_INCHES[1 if per_row == 1 else 2]
    shown = [wrapped(name, NAME_LETTERS) for name in names]
    lines = sum(1 + name.count("\n") for name in shown)
    titles = [wrapped(score_label(metric["key"]).partition(" (")[0], TITLE_LETTERS) for metric in metrics]
    title_lines = 1 + max(title.count("\n") for title in titles)
    figure = Figure(figsize=(width, n_rows * (0.42 + 0.13 * title_lines + 0.17 * lines)))
    panels = figure.subplots(n_rows, per_row, sharex=True, sharey=True, squeeze=False).ravel()
    for panel, metric, title in zip(panels, metrics, titles, strict=False):
        by_run = {entry["run"]: entry for entry in metric["ranks"]}
        for place, name in enumerate(names):
            entry = by_run[name]
            if entry["low"] is not None:
                panel.plot([entry["low"], entry["high"]], [place, place], color="C0", linewidth=1)
            panel.plot(entry["rank"], place, "o", color="C0")
        panel.set_title(title)
        panel.set_xlim(0.6, len(names) + 0.4)
        panel.set_xticks(_whole_ticks(len(names)))
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.set_yticks(range(len(names)), shown)
        panel.grid(axis="x")
    for place, panel in enumerate(panels):
        panel.set_visible(place < len(metrics))
        panel.tick_params(labelbottom=place + per_row >= len(metrics))  # the lowest one of its column
    figure.supxlabel("rank (1 is best), 95 % interval", fontsize=8)
    return figure


def _whole_ticks(runs: int) -> list[int]:
    step = max(1, math.ceil(runs / 6))
    return list(range(1, runs + 1, step))

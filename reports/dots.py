"""Values with intervals as dots on one line each: what a table of correlations looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.figure import GREY, new_figure, styled
from reports.labels import score_label, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW_INCHES = 0.2


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
        axes.annotate(mark[0], (mark[1], 0), (-3, 0), textcoords="offset points", ha="right", va="center", fontsize=7)
    axes.axvline(0, color=GREY, linewidth=0.6)
    axes.set_yticks(range(len(ordered)), [wrapped(score_label(dot.name).partition(" (")[0], 30) for dot in ordered])
    axes.set_ylim(len(ordered) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_xlabel(xlabel)
    return figure

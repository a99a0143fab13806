"""Bars with intervals and reference points: what the plots of scores and of their breakdowns share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from benchmarks.records.scores import Score, StratumScore
from reports.figure import GREY, REFERENCE, legend_below, look, new_figure
from reports.labels import POINTS, wrapped
from reports.load import LoadedRun
from reports.load.names import run_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RunLike: TypeAlias = str | Path | LoadedRun

BAR_INCHES, GAP_INCHES = 0.17, 0.12
MAX_INCHES = 9.0
"""A page of a paper."""
MIN_BAR_INCHES = 0.11
"""A number in a figure needs as much."""


def grouped_bars(
    runs: Sequence[LoadedRun],
    groups: Sequence[str],
    values: Sequence[Mapping[str, tuple[float, float, float]]],
    labels: Sequence[str],
    *,
    xlabel: str = "",
    columns: int = 1,
) -> Figure:
    """Horizontal bars: a group per label, in it a bar per run; their values in a column at the right.

    Args:
        runs: what the bars are of.
        groups: their names, from top to bottom.
        values: for each run: group -> (value, low, high); a group may be missing.
        labels: what to write beside each group.
        xlabel: under the axis.
        columns: how many of a paper's columns the figure is wide.
    """
    bars = len(groups) * len(runs)
    inches = max(MIN_BAR_INCHES, min(BAR_INCHES, (MAX_INCHES - 0.75 - len(groups) * GAP_INCHES) / bars))
    lines = [wrapped(label, LABEL_LETTERS[columns]) for label in labels]
    needed = max(len(runs) * inches, *(0.13 * (1 + line.count("\n")) for line in lines))
    figure, axes = new_figure(columns, 0.75 + len(groups) * (needed + GAP_INCHES))
    thickness = 0.82 / len(runs)
    names = run_names(runs)
    for index, found in enumerate(values):
        shown = [(place, *found[group]) for place, group in enumerate(groups) if group in found]
        places = [place + (index - (len(runs) - 1) / 2) * thickness for place, *_ in shown]
        axes.barh(
            places,
            [value for _, value, *_ in shown],
            height=thickness * 0.9,
            label=names[index] if len(runs) > 1 and shown else None,
            **look(index),
        )
        with_interval = [(place, low, high) for place, (*_, low, high) in zip(places, shown, strict=True) if low < high]
        if with_interval:  # as lines, not as distances from the value: it may lie outside
            where, lows, highs = zip(*with_interval, strict=True)
            axes.hlines(where, lows, highs, colors="black", linewidth=0.8)
        for place, (_, value, *_) in zip(places, shown, strict=True):
            axes.annotate(
                f"{value:.2f}", (1, place), (3, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                va="center", fontsize=7, annotation_clip=False,
            )  # fmt: skip
    _reference_marks(axes, runs, groups)
    axes.set_yticks(range(len(groups)), lines)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(xlabel)
    figure.suptitle(caption(runs), x=0.01, ha="left")  # at the figure's left: long labels leave the axes no room for it
    if axes.get_legend_handles_labels()[1]:
        legend_below(figure, columns)
    return figure


LABEL_LETTERS = {1: 18, 2: 30}
"""Columns of a paper -> letters of a line of a group's label."""


def interval(entry: Score | StratumScore) -> tuple[float, float, float]:
    """The value and the ends of its 95 % interval; the value itself where there is none."""
    value = entry.value if entry.value is not None else math.nan
    return (value, value, value) if entry.low is None or entry.high is None else (value, entry.low, entry.high)


def caption(runs: Sequence[LoadedRun]) -> str:
    """Suite, protocol and number of studies, where the runs share them; the model's name where there is one."""
    facts = [
        sorted({run.suite for run in runs}),
        sorted({run.protocol for run in runs if run.record.model.kind == "model" and run.protocol}),
        sorted({f"n = {run.n}" for run in runs}),
    ]
    shared = ", ".join(fact[0] for fact in facts if len(fact) == 1)
    return wrapped(f"{runs[0].name}: {shared}" if len(runs) == 1 else shared, CAPTION_LETTERS)


CAPTION_LETTERS = 52


def reference_points_at(runs: Sequence[LoadedRun], key: str) -> dict[str, float]:
    """Reference point -> its value of one key."""
    return {name: values[key] for run in runs for name, values in run.reference_points.items() if key in values}


def _reference_marks(axes: Axes, runs: Sequence[LoadedRun], keys: Sequence[str]) -> None:
    """A short grey line per group for what no model scores."""
    names = list(dict.fromkeys(name for run in runs for name in run.reference_points))
    for number, name in enumerate(names):
        points = {place: reference_points_at(runs, key).get(name) for place, key in enumerate(keys)}
        there = {place: value for place, value in points.items() if value is not None}
        if not there:
            continue
        axes.vlines(
            list(there.values()), [place - 0.45 for place in there], [place + 0.45 for place in there], colors=GREY,
            linestyles=("dashed", "dotted", "dashdot")[number % 3], label=REFERENCE + POINTS.get(name, name),
            linewidth=1,
        )  # fmt: skip

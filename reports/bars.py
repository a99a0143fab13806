"""Bars with intervals and reference points: what the plots of scores and of their breakdowns share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from benchmarks.records.scores import Score, StratumScore
from reports.figure import GREY, REFERENCE, legend_below, look, new_figure
from reports.load import LoadedRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RunLike: TypeAlias = str | Path | LoadedRun

BAR_INCHES = 0.2


def grouped_bars(
    runs: Sequence[LoadedRun],
    groups: Sequence[str],
    values: Sequence[Mapping[str, tuple[float, float, float]]],
    labels: Sequence[str],
    *,
    xlabel: str = "",
    columns: int = 1,
) -> Figure:
    """Horizontal bars: a group per label, in it a bar per run.

    Args:
        runs: what the bars are of.
        groups: their names, from top to bottom.
        values: for each run: group -> (value, low, high); a group may be missing.
        labels: what to write beside each group.
        xlabel: under the axis.
        columns: how many of a paper's columns the figure is wide.
    """
    figure, axes = new_figure(columns, 0.75 + len(groups) * (len(runs) * BAR_INCHES + 0.1))
    thickness = 0.82 / len(runs)
    for index, (run, found) in enumerate(zip(runs, values, strict=True)):
        shown = [(place, *found[group]) for place, group in enumerate(groups) if group in found]
        places = [place + (index - (len(runs) - 1) / 2) * thickness for place, *_ in shown]
        axes.barh(
            places,
            [value for _, value, *_ in shown],
            height=thickness * 0.9,
            label=run.name if len(runs) > 1 else None,
            **look(index),
        )
        with_interval = [(place, low, high) for place, (*_, low, high) in zip(places, shown, strict=True) if low < high]
        if with_interval:  # as lines, not as distances from the value: it may lie outside
            where, lows, highs = zip(*with_interval, strict=True)
            axes.hlines(where, lows, highs, colors="black", linewidth=0.8)
        for place, (_, value, _, high) in zip(places, shown, strict=True):
            tip = (max(value, high, 0), place)
            axes.annotate(f"{value:.2f}", tip, (3, 0), textcoords="offset points", va="center", fontsize=7)
    _reference_lines(axes, runs, groups)
    axes.set_yticks(range(len(groups)), labels)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.margins(x=0.18)
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(xlabel)
    figure.suptitle(caption(runs), x=0.01, ha="left")  # at the figure's left: long labels leave the axes no room for it
    if axes.get_legend_handles_labels()[1]:
        legend_below(figure, columns)
    return figure


def interval(entry: Score | StratumScore) -> tuple[float, float, float]:
    """The value and the ends of its 95 % interval; the value itself where there is none."""
    value = entry.value if entry.value is not None else math.nan
    return (value, value, value) if entry.low is None or entry.high is None else (value, entry.low, entry.high)


def caption(runs: Sequence[LoadedRun]) -> str:
    """Suite, protocol and number of studies of the runs; the model's name where there is one."""
    facts = dict.fromkeys(", ".join(filter(None, (run.suite, run.protocol, f"n = {run.n}"))) for run in runs)
    alone = f"{runs[0].name}: " if len(runs) == 1 else ""
    return alone + (next(iter(facts)) if len(facts) == 1 else "several suites or protocols")


def reference_points_at(runs: Sequence[LoadedRun], key: str) -> dict[str, float]:
    """Reference point -> its value of one key."""
    return {name: values[key] for run in runs for name, values in run.reference_points.items() if key in values}


def _reference_lines(axes: Axes, runs: Sequence[LoadedRun], keys: Sequence[str]) -> None:
    names = list(dict.fromkeys(name for run in runs for name in run.reference_points))
    for number, name in enumerate(names):
        points = {place: reference_points_at(runs, key).get(name) for place, key in enumerate(keys)}
        there = {place: value for place, value in points.items() if value is not None}
        if not there:
            continue
        axes.vlines(
            list(there.values()), [place - 0.45 for place in there], [place + 0.45 for place in there], colors=GREY,
            linestyles=("dashed", "dotted", "dashdot")[number % 3], label=REFERENCE + name, linewidth=1,
        )  # fmt: skip

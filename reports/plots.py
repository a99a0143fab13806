"""The plots of scores, as functions from runs to matplotlib figures, and the plot files of a run folder.

A run is anything that `reports.load` takes. Breakdowns of a score (by length, prior, class) are in `breakdowns.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.errors import InputError
from reports.figure import FLOOR, GREY, MARKERS, legend_below, look, new_figure, save, styled
from reports.load import LoadedRun, load

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RunLike: TypeAlias = str | Path | LoadedRun
Entry: TypeAlias = Mapping[str, Any]

BAR_INCHES = 0.2


@styled
def metric_bars(runs: Sequence[RunLike], metric: str, *, columns: int = 1) -> Figure:
    """One metric: a bar a key and run, with the 95 % interval where there is one, and floors as grey lines.

    Args:
        runs: drawn in the given order.
        metric: the metric's id, e.g. "bleu".
        columns: how many of a paper's columns the figure is wide.

    Raises:
        InputError: no run has scores of this metric.
    """
    loaded = [load(run) for run in runs]
    found = [{entry["key"]: entry for entry in entries(run) if entry["metric"] == metric} for run in loaded]
    keys = list(dict.fromkeys(key for by_key in found for key in by_key))
    if not keys:
        raise InputError(f"no run has scores of {metric!r}", mend=f"score it with --metrics {metric}")
    values = [{key: (entry["value"], *interval(entry)) for key, entry in by_key.items()} for by_key in found]
    higher = {key: by_key[key]["higher_is_better"] for by_key in found for key in by_key}
    labels = [f"{key} {'↑' if higher[key] else '↓'}" for key in keys]
    return grouped_bars(loaded, keys, values, labels, columns=columns)


def grouped_bars(
    runs: Sequence[LoadedRun],
    groups: Sequence[str],
    values: Sequence[Mapping[str, tuple[float, float, float]]],
    labels: Sequence[str],
    *,
    xlabel: str = "",
    columns: int = 1,
) -> Figure:
    """Horizontal bars: a group of bars a label, a bar a run in it.

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
        below = [value - low if low < high else math.nan for _, value, low, high in shown]  # NaN: no whisker
        above = [high - value if low < high else math.nan for _, value, low, high in shown]
        axes.barh(
            places,
            [value for _, value, *_ in shown],
            xerr=[below, above],
            height=thickness * 0.9,
            label=run.name if len(runs) > 1 else None,
            error_kw={"elinewidth": 0.8},
            **look(index),
        )
        for place, (_, value, _, high) in zip(places, shown, strict=True):
            tip = (max(value, high, 0), place)
            axes.annotate(f"{value:.2f}", tip, (3, 0), textcoords="offset points", va="center", fontsize=7)
    _floor_lines(axes, runs, groups)
    axes.set_yticks(range(len(groups)), labels)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.margins(x=0.18)
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(xlabel)
    axes.set_title(caption(runs))
    if axes.get_legend_handles_labels()[1]:
        legend_below(figure, columns)
    return figure


@styled
def dot_plot(runs: Sequence[RunLike], *, columns: int = 1) -> Figure:
    """All metrics at a glance, each on the way from its low end (0) to the best run (1): right is always better.

    The low end of a metric is zero, or the worst floor or run where that is worse or lower is better.

    Raises:
        InputError: no run has scores.
    """
    loaded = [load(run) for run in runs]
    found = [{entry["key"]: entry for entry in entries(run)} for run in loaded]
    keys = list(dict.fromkeys(key for by_key in found for key in by_key))
    if not keys:
        raise InputError("no run has scores", mend="score them first (`libra-bench score RUN`)")
    scales = {key: _scale([by_key[key] for by_key in found if key in by_key], _floors_at(loaded, key)) for key in keys}
    figure, axes = new_figure(columns, 0.9 + 0.19 * len(keys))
    step = min(0.14, 0.7 / len(loaded))
    for index, (run, by_key) in enumerate(zip(loaded, found, strict=True)):
        shown = [key for key in keys if key in by_key]
        places = [keys.index(key) + (index - (len(loaded) - 1) / 2) * step for key in shown]
        points = [scales[key](by_key[key]["value"]) for key in shown]
        ends = [sorted(scales[key](end) for end in interval(by_key[key])) for key in shown]
        reach = [
            [point - low for point, (low, _) in zip(points, ends, strict=True)],
            [high - point for point, (_, high) in zip(points, ends, strict=True)],
        ]
        axes.errorbar(
            points, places, xerr=reach, fmt=MARKERS[index % 8], color=f"C{index % 8}", label=run.name, elinewidth=0.8,
            capsize=0,
        )  # fmt: skip
    axes.set_yticks(range(len(keys)), keys)
    axes.set_ylim(len(keys) - 0.5, -0.5)
    axes.grid(axis="both")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("from the low end (0) to the best run (1)")
    axes.set_title(caption(loaded))
    if len(loaded) > 1:
        legend_below(figure, columns)
    return figure


def write_plots(run: RunLike) -> list[Path]:
    """Draw a run's plots into its folder `plots/`, each as PNG and SVG: one a metric, then what else it has.

    Returns:
        The files.
    """
    loaded = load(run)
    drawn = all_figures([loaded])
    return [path for name, figure in drawn.items() for path in save(figure, loaded.folder / "plots" / name)]


def all_figures(runs: Sequence[RunLike], *, columns: int = 1) -> dict[str, Figure]:
    """Every plot that these runs have something for: file name -> figure.

    One a metric, all metrics at a glance, and the breakdowns.
    """
    from reports import breakdowns

    loaded = [load(run) for run in runs]
    figures = {metric: metric_bars(loaded, metric, columns=columns) for metric in metrics_of(loaded)}
    if figures and len(loaded) > 1:
        figures["all-metrics"] = dot_plot(loaded, columns=columns)
    return figures | breakdowns.all_breakdowns(loaded, columns=columns)


def entries(run: LoadedRun) -> list[Entry]:
    """The scores of a run that have a value."""
    return [entry for entry in run.summary.get("scores", []) if entry.get("value") is not None]


def metrics_of(runs: Sequence[LoadedRun]) -> list[str]:
    """The ids of all metrics that some run has, in the order of the runs' scores."""
    return list(dict.fromkeys(entry["metric"] for run in runs for entry in entries(run)))


def interval(entry: Entry) -> tuple[float, float]:
    """The ends of the 95 % interval; the value itself where there is none."""
    low, high = entry.get("low"), entry.get("high")
    return (entry["value"], entry["value"]) if low is None or high is None else (low, high)


def caption(runs: Sequence[LoadedRun]) -> str:
    """Suite, protocol and number of studies of the runs; the model's name where there is one."""
    facts = dict.fromkeys(f"{run.suite}, {run.protocol}, n = {run.summary.get('n', run.run.get('n'))}" for run in runs)
    alone = f"{runs[0].name}: " if len(runs) == 1 else ""
    return alone + (next(iter(facts)) if len(facts) == 1 else "several suites or protocols")


def _floors_at(runs: Sequence[LoadedRun], key: str) -> dict[str, float]:
    return {name: values[key] for run in runs for name, values in run.floors.items() if key in values}


def _floor_lines(axes: Axes, runs: Sequence[LoadedRun], keys: Sequence[str]) -> None:
    names = list(dict.fromkeys(name for run in runs for name in run.floors))
    for number, name in enumerate(names):
        floors = {place: _floors_at(runs, key).get(name) for place, key in enumerate(keys)}
        there = {place: value for place, value in floors.items() if value is not None}
        axes.vlines(
            list(there.values()), [place - 0.45 for place in there], [place + 0.45 for place in there], colors=GREY,
            linestyles=("dashed", "dotted", "dashdot")[number % 3], label=FLOOR + name, linewidth=1,
        )  # fmt: skip


def _scale(shown: Sequence[Entry], floors: Mapping[str, float]) -> Callable[[float], float]:
    """Value -> 0 at the low end of the metric, 1 at the best run."""
    values = [entry["value"] for entry in shown]
    if shown[0]["higher_is_better"]:
        best, low = max(values), min(0.0, *values, *floors.values())
    else:
        best, low = min(values), max([*values, *floors.values()])
    width = best - low
    return lambda value: (value - low) / width if width else 1.0

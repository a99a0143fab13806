"""The plots of scores, as functions from runs to matplotlib figures, and the plot files of a run folder.

A run is anything that `reports.load` takes. Breakdowns of a score (by length, prior, class) are in `breakdowns.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.errors import InputError
from benchmarks.records.scores import Score
from reports.bars import RunLike, caption, grouped_bars, interval, reference_points_at
from reports.breakdowns import all_breakdowns
from reports.figure import MARKERS, legend_below, new_figure, save, styled
from reports.load import LoadedRun, load

if TYPE_CHECKING:
    from matplotlib.figure import Figure


FOLDER = "plots"
"""Of a run folder."""


@styled
def metric_bars(runs: Sequence[RunLike], metric: str, *, columns: int = 1) -> Figure:
    """One metric: a bar per key and run, with the 95 % interval where there is one, and reference points as grey lines.

    Args:
        runs: drawn in the given order.
        metric: the metric's id, e.g. "bleu".
        columns: how many of a paper's columns the figure is wide.

    Raises:
        InputError: no run has scores of this metric.
    """
    loaded = [load(run) for run in runs]
    found = [{entry.key: entry for entry in run.entries if entry.metric == metric} for run in loaded]
    keys = list(dict.fromkeys(key for by_key in found for key in by_key))
    if not keys:
        raise InputError(f"no run has scores of {metric!r}", hint=f"score it with --metrics {metric}")
    values = [{key: interval(entry) for key, entry in by_key.items()} for by_key in found]
    higher = {key: by_key[key].higher_is_better for by_key in found for key in by_key}
    labels = [f"{key} {'↑' if higher[key] else '↓'}" for key in keys]
    return grouped_bars(loaded, keys, values, labels, columns=columns)


@styled
def dot_plot(runs: Sequence[RunLike], *, columns: int = 1) -> Figure:
    """All metrics at a glance, each scaled from its low end (0) to the best run (1), so that right is always better.

    The low end of a metric is zero, or the worst reference point or run where that is worse or lower is better.

    Raises:
        InputError: no run has scores.
    """
    loaded = [load(run) for run in runs]
    found = [{entry.key: entry for entry in run.entries} for run in loaded]
    keys = list(dict.fromkeys(key for by_key in found for key in by_key))
    if not keys:
        raise InputError("no run has scores", hint="score them first (`libra-bench score RUN`)")
    scales = {
        key: _scale([by_key[key] for by_key in found if key in by_key], reference_points_at(loaded, key))
        for key in keys
    }
    figure, axes = new_figure(columns, 0.9 + 0.19 * len(keys))
    step = min(0.14, 0.7 / len(loaded))
    for index, (run, by_key) in enumerate(zip(loaded, found, strict=True)):
        shown = [key for key in keys if key in by_key]
        places = [keys.index(key) + (index - (len(loaded) - 1) / 2) * step for key in shown]
        points = [scales[key](interval(by_key[key])[0]) for key in shown]
        ends = [sorted(scales[key](end) for end in interval(by_key[key])[1:]) for key in shown]
        colour = f"C{index % 8}"
        lows, highs = zip(*ends, strict=True) if ends else ((), ())
        axes.hlines(places, lows, highs, colors=colour, linewidth=0.8)
        axes.plot(points, places, linestyle="", marker=MARKERS[index % 8], color=colour, label=run.name)
    axes.set_yticks(range(len(keys)), keys)
    axes.set_ylim(len(keys) - 0.5, -0.5)
    axes.grid(axis="both")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("0: low end, 1: best run")
    figure.suptitle(caption(loaded), x=0.01, ha="left")
    if len(loaded) > 1:
        legend_below(figure, columns)
    return figure


def write_plots(run: RunLike) -> list[Path]:
    """Draw a run's plots into its folder `plots/`, each as PNG and SVG: one per metric, then what else it has.

    Returns:
        The files.
    """
    loaded = load(run)
    drawn = all_figures([loaded])
    return [path for name, figure in drawn.items() for path in save(figure, loaded.folder / FOLDER / name)]


def all_figures(runs: Sequence[RunLike], *, columns: int = 1) -> dict[str, Figure]:
    """Every plot that these runs have something for: file name -> figure.

    One per metric, all metrics at a glance, and the breakdowns.
    """
    loaded = [load(run) for run in runs]
    figures = {metric: metric_bars(loaded, metric, columns=columns) for metric in metrics_of(loaded)}
    if figures and len(loaded) > 1:
        figures["all-metrics"] = dot_plot(loaded, columns=columns)
    return figures | all_breakdowns(loaded, columns=columns)


def metrics_of(runs: Sequence[LoadedRun]) -> list[str]:
    """The ids of all metrics that some run has, in the order of the runs' scores."""
    return list(dict.fromkeys(entry.metric for run in runs for entry in run.entries))


def _scale(shown: Sequence[Score], points: Mapping[str, float]) -> Callable[[float], float]:
    """Value -> 0 at the low end of the metric, 1 at the best run."""
    values = [interval(entry)[0] for entry in shown]
    if shown[0].higher_is_better:
        best, low = max(values), min(0.0, *values, *points.values())
    else:
        best, low = min(values), max([*values, *points.values()])
    width = best - low
    return lambda value: (value - low) / width if width else 1.0

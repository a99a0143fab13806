"""The plots of scores, as functions from runs to matplotlib figures, and the plot files of a run folder.

A run is anything that `reports.load` takes. Breakdowns of a score (by length, prior, class) are in `breakdowns.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.errors import InputError
from benchmarks.records.scores import Score
from reports.bars import RunLike, caption, grouped_bars, interval, reference_points_at
from reports.breakdowns import all_breakdowns
from reports.figure import (
    GREY,
    MARKERS,
    REFERENCE,
    Draw,
    encoded,
    file_part,
    legend_below,
    new_figure,
    styled,
    write,
)
from reports.labels import POINTS, score_label, wrapped
from reports.load import LoadedRun, load, without_repeats
from reports.load.names import run_names

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
    labels = [f"{score_label(key)}\u00a0{'↑' if higher[key] else '↓'}" for key in keys]
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
    names = run_names(loaded)
    step = 0.8 / len(loaded)
    figure, axes = new_figure(columns, 0.9 + len(keys) * max(0.24, 0.06 + 0.09 * len(loaded)))
    for index, by_key in enumerate(found):
        shown = [key for key in keys if key in by_key]
        places = [keys.index(key) + (index - (len(loaded) - 1) / 2) * step for key in shown]
        points = [scales[key](interval(by_key[key])[0]) for key in shown]
        ends = [sorted(scales[key](end) for end in interval(by_key[key])[1:]) for key in shown]
        colour = f"C{index % 8}"
        lows, highs = zip(*ends, strict=True) if ends else ((), ())
        axes.hlines(places, lows, highs, colors=colour, linewidth=0.8)
        axes.plot(points, places, linestyle="", marker=MARKERS[index % 8], color=colour, label=names[index])
    axes.set_xlim(-SCALE_MARGIN, 1 + SCALE_MARGIN)  # an interval may reach further: it is cut
    axes.set_yticks(range(len(keys)), [wrapped(score_label(key).partition(" (")[0], 26) for key in keys])
    axes.set_ylim(len(keys) - 0.5, -0.5)
    axes.grid(axis="both")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("0: low end, 1: best run")
    figure.suptitle(caption(loaded), x=0.01, ha="left")
    if len(loaded) > 1:
        legend_below(figure, columns)
    return figure


FORMATS = ("png", "svg")
"""Of the plot files of a run folder."""


def write_plots(run: RunLike, drawn: Callable[[str], Mapping[str, bytes] | None] = lambda name: None) -> list[Path]:
    """Draw a run's plots into its folder `plots/`, each as PNG and SVG: one per metric, then what else it has.

    What an earlier version left there, under names without the model, is removed.

    Args:
        run: whose plots.
        drawn: gives the files of a plot that was drawn elsewhere (see `plot_files`); None: it is drawn here.

    Returns:
        The files.
    """
    loaded = load(run)
    drawings = all_drawings([loaded])
    folder = loaded.folder / FOLDER
    paths = []
    for name, draw in drawings.items():
        files = drawn(name) or plot_files(draw)
        paths += [write(files[ending], folder / name, ending) for ending in FORMATS]
    for name in {*metrics_of([loaded]), *(name.partition(".")[0] for name in drawings)}:
        for ending in FORMATS:
            (folder / f"{name}.{ending}").unlink(missing_ok=True)
    return paths


def plot_files(draw: Draw) -> dict[str, bytes]:
    """A plot as each of `FORMATS`."""
    figure = draw()
    return {ending: encoded(figure, ending) for ending in FORMATS}


def get_ready() -> None:
    """Import what draws, and read what it reads from disk: the first plot is drawn as fast as the others."""

    @styled
    def words() -> Figure:
        figure, axes = new_figure(1, 1)
        axes.set_xlabel("words")
        return figure

    plot_files(words)


def all_figures(runs: Sequence[RunLike], *, columns: int = 1) -> dict[str, Figure]:
    """Every plot that these runs have something for, drawn: see `all_drawings`."""
    return {name: draw() for name, draw in all_drawings(runs, columns=columns).items()}


def all_drawings(runs: Sequence[RunLike], *, columns: int = 1) -> dict[str, Draw]:
    """Every plot that these runs have something for: file name, which ends in the models' names -> what draws it.

    All scores in percent at a glance, one plot per metric, and the breakdowns. A metric with one bar has none, since
    its number says as much. Runs of different suites are not on one plot, nor are those of a part of a suite.
    """
    groups: dict[tuple[str, int | None], list[LoadedRun]] = {}
    for run in without_repeats(map(load, runs)):
        groups.setdefault((run.suite, run.record.suite.limit), []).append(run)
    drawings: dict[str, Draw] = {}
    for (suite, limit), group in groups.items():
        of_suite = "" if len(groups) == 1 else f"{suite}-" if limit is None else f"{suite}-first-{limit}-"
        for name, draw in _drawings_of(group, columns).items():
            drawings[f"{of_suite}{name}"] = draw
    return drawings


def _drawings_of(runs: Sequence[LoadedRun], columns: int) -> dict[str, Draw]:
    models = file_part(run.name for run in runs)
    drawings: dict[str, Draw] = {}
    if len(percent_keys(runs)) > 1:
        drawings["scores"] = partial(score_dots, runs, columns=columns)
    for metric in metrics_of(runs):
        if len({(run.fingerprint, entry.key) for run in runs for entry in run.entries if entry.metric == metric}) > 1:
            drawings[metric] = partial(metric_bars, runs, metric, columns=columns)
    if drawings and len(runs) > 1:
        drawings["all-metrics"] = partial(dot_plot, runs, columns=columns)
    drawings |= all_breakdowns(runs, columns=columns)
    return {name if "." in name else f"{name}.{models}": draw for name, draw in drawings.items()}


def percent_keys(runs: Sequence[LoadedRun]) -> list[str]:
    """The columns in percent in which higher is better: those that share an axis."""
    entries = [entry for run in runs for entry in run.entries]
    return list(dict.fromkeys(e.key for e in entries if e.higher_is_better and score_label(e.key).endswith("(%)")))


@styled
def score_dots(runs: Sequence[RunLike], *, columns: int = 1) -> Figure:
    """All scores in percent: a dot per run with its 95 % interval, and a grey mark for each reference point.

    Raises:
        InputError: no run has a score in percent.
    """
    loaded = [load(run) for run in runs]
    keys = percent_keys(loaded)
    if not keys:
        raise InputError("no run has a score in percent", hint="score them first (`libra-bench score RUN`)")
    names, step = run_names(loaded), 0.8 / len(loaded)
    figure, axes = new_figure(columns, 0.9 + len(keys) * max(0.2, 0.06 + 0.09 * len(loaded)))
    for index, run in enumerate(loaded):
        found = {entry.key: interval(entry) for entry in run.entries if entry.key in keys}
        places = [keys.index(key) + (index - (len(loaded) - 1) / 2) * step for key in found]
        values, lows, highs = zip(*found.values(), strict=True)
        colour = f"C{index % 8}"
        axes.hlines(places, lows, highs, linewidth=0.9, colors=colour)
        label = names[index] if len(loaded) > 1 else None
        axes.plot(values, places, linestyle="", marker=MARKERS[index % 8], label=label, color=colour)
    for name, mark in zip(dict.fromkeys(name for run in loaded for name in run.reference_points), "|x+", strict=False):
        points = [(reference_points_at(loaded, key).get(name), place) for place, key in enumerate(keys)]
        there = [(value, place) for value, place in points if value is not None]
        label = REFERENCE + POINTS.get(name, name)
        axes.plot(*zip(*there, strict=True), linestyle="", marker=mark, color=GREY, label=label, zorder=1)
    axes.set_yticks(range(len(keys)), [wrapped(score_label(key).removesuffix(" (%)"), 30) for key in keys])
    axes.set_ylim(len(keys) - 0.5, -0.5)
    axes.set_xlim(-2, 102)
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("score (%), 95 % interval")
    figure.suptitle(caption(loaded), x=0.01, ha="left")
    if axes.get_legend_handles_labels()[1]:
        legend_below(figure, columns)
    return figure


SCALE_MARGIN = 0.06


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

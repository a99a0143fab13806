"""Plots that look inside a score: by report length, with and without prior, by class, by direction, over training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.errors import InputError
from benchmarks.files import read_jsonl
from reports.bars import RunLike, caption, grouped_bars, interval
from reports.figure import MARKERS, Draw, file_part, legend_below, new_figure, styled
from reports.labels import score_label
from reports.load import LoadedRun, load
from reports.load.names import run_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOSSES = {"loss": "training", "eval_loss": "validation"}
SPEEDS = ("runtime", "_per_second", "_time")
LENGTH_BINS = 6
MAX_DOTS = 3_000
"""Of one run in a plot; more hide each other and the means, which are over all studies."""
LENGTH_COLUMNS = ("ROUGE-L", "METEOR", "Temporal_entity_score")
PRIOR_KEYS = ("ROUGE-L", "Temporal_entity_score", "Temporal_change_score", "RadGraph-partial")
"""What is drawn by default."""


@styled
def score_by_length(runs: Sequence[RunLike], column: str, *, columns: int = 1) -> Figure:
    """A score per study against the length of the prediction: dots, and the mean of each sixth of the studies.

    There is a dot per study, or of many studies per so many, evenly taken.

    Equal lengths stay together, so that the mean of a group depends on lengths alone.

    Args:
        runs: drawn in the given order.
        column: a column of samples.csv, e.g. "ROUGE-L".
        columns: how many of a paper's columns the figure is wide.

    Raises:
        InputError: no run has values of this column.
    """
    from matplotlib.ticker import MaxNLocator

    loaded = [load(run) for run in runs]
    figure, axes = new_figure(columns, 2.3)
    names = run_names(loaded)
    drawn = step = 0
    for index, run in enumerate(loaded):
        if column not in run.sample_scores.columns:
            continue
        words = run.answer_lines.words
        scored = zip(run.sample_scores.ids, run.sample_scores.columns[column], strict=True)
        pairs = [(words[key], value) for key, value in scored if key in words and not math.isnan(value)]
        if not pairs:
            continue
        drawn += 1
        lengths, values = zip(*pairs, strict=True)
        step = max(step, math.ceil(len(pairs) / MAX_DOTS))
        axes.scatter(
            lengths[::step], values[::step], s=4, alpha=0.25, linewidths=0, color=f"C{index % 8}", rasterized=True
        )
        groups = _by_length(pairs)
        middles = [sum(length for length, _ in group) / len(group) for group in groups]
        means = [sum(value for _, value in group) / len(group) for group in groups]
        axes.plot(middles, means, marker=MARKERS[index % 8], color=f"C{index % 8}", label=names[index])
    if not drawn:
        raise InputError(f"no run has a value per study of {column!r}", where="samples.csv", hint="score it first")
    axes.set_xlabel("words in the prediction" + (f" (dots: one in {step} studies)" if step > 1 else ""))
    axes.set_ylabel(score_label(column))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y")
    axes.set_title(caption(loaded))
    if len(loaded) > 1:
        legend_below(figure, columns)
    return figure


def _by_length(pairs: Sequence[tuple[int, float]]) -> list[list[tuple[int, float]]]:
    """(length, value) in up to LENGTH_BINS groups of about equal size, from short to long; equal lengths in one."""
    ordered = sorted(length for length, _ in pairs)
    cuts = {ordered[len(ordered) * part // LENGTH_BINS] for part in range(1, LENGTH_BINS)}
    groups: dict[int, list[tuple[int, float]]] = {}
    for length, value in pairs:
        groups.setdefault(sum(length >= cut for cut in cuts), []).append((length, value))
    return [groups[place] for place in sorted(groups)]


@styled
def class_bars(runs: Sequence[RunLike], *, uncertain: str = "positive", columns: int = 1) -> Figure:
    """CheXbert F1 of each class; the label also gives the number of references that have it.

    Args:
        runs: drawn in the given order.
        uncertain: whether "uncertain" counts as "positive" or as "negative".
        columns: how many of a paper's columns the figure is wide.

    Raises:
        InputError: no run was scored with chexbert.
    """
    loaded = [load(run) for run in runs]
    tables = [run.detail("chexbert", f"uncertain as {uncertain}", "classes") for run in loaded]
    names = list(dict.fromkeys(name for table in tables for name in table))
    if not names:
        raise InputError("no run was scored with chexbert", hint="score it with --metrics chexbert[model=FILE.pth]")
    support = {name: table[name]["support"] for table in reversed(tables) for name in table}
    values = [{name: (entry["f1"], entry["f1"], entry["f1"]) for name, entry in table.items()} for table in tables]
    labels = [f"{name} ({support[name]})" for name in names]
    return grouped_bars(loaded, names, values, labels, xlabel=f"F1 (uncertain as {uncertain})", columns=columns)


@styled
def prior_bars(runs: Sequence[RunLike], key: str, *, columns: int = 1) -> Figure:
    """A score of the studies with a prior image and of those without, with 95 % intervals.

    Args:
        runs: drawn in the given order.
        key: the score, e.g. "ROUGE-L".
        columns: how many of a paper's columns the figure is wide.

    Raises:
        InputError: no run has strata by prior.
    """
    loaded = [load(run) for run in runs]
    found: list[dict[str, tuple[float, float, float]]] = [{} for _ in loaded]
    sizes: dict[str, int] = {}
    for values, run in zip(found, loaded, strict=True):
        for stratum in run.strata("prior"):
            for entry in stratum.scores:
                if entry.key == key and entry.value is not None:
                    values[stratum.level] = interval(entry)
                    sizes[stratum.level] = stratum.n
    if not sizes:
        raise InputError(f"no run has {key!r} with and without prior", hint="score it with --by prior")
    labels = [f"{name} ({size})" for name, size in sizes.items()]
    return grouped_bars(loaded, list(sizes), found, labels, xlabel=score_label(key), columns=columns)


@styled
def direction_confusion(run: RunLike, *, columns: int = 1) -> Figure:
    """Which direction of change was said where which was true: counts, darker for a larger share of the row.

    Raises:
        InputError: the run was not scored with temporal_change_f1.
    """
    loaded = load(run)
    table = _scored_with("temporal_change_f1", loaded, "direction_confusion")
    return _confusion(loaded, table, ("direction in the prediction", "in the reference"), columns)


@styled
def progression_confusion(run: RunLike, *, columns: int = 1) -> Figure:
    """Which progression was stated where which is labelled, over all findings.

    Raises:
        InputError: the run was not scored with temporal_labels.
    """
    loaded = load(run)
    table = _scored_with("temporal_labels", loaded, "all_findings", "confusion")
    return _confusion(loaded, table, ("progression in the text", "labelled"), columns)


def _scored_with(metric: str, run: LoadedRun, *path: str) -> Mapping[str, Mapping[str, int]]:
    table = run.detail(metric, *path)
    if not table:
        raise InputError(
            f"the run was not scored with {metric}", where=run.folder, hint=f"score it with --metrics {metric}"
        )
    found: Mapping[str, Mapping[str, int]] = table
    return found


def _confusion(
    run: LoadedRun, table: Mapping[str, Mapping[str, int]], axis_labels: tuple[str, str], columns: int
) -> Figure:
    """A table of counts, expected -> said; darker for a larger share of the row."""
    names = list(table)
    said = list(dict.fromkeys(name for row in table.values() for name in row))
    shares = [[table[true].get(name, 0) / max(1, sum(table[true].values())) for name in said] for true in names]
    figure, axes = new_figure(columns, 0.9 + 0.28 * len(names))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, true in enumerate(names):
        for column, name in enumerate(said):
            colour = "white" if shares[row][column] > 0.55 else "black"
            axes.text(column, row, str(table[true].get(name, 0)), ha="center", va="center", color=colour, fontsize=7)
    axes.set_xticks(range(len(said)), said, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xlabel(axis_labels[0])
    axes.set_ylabel(axis_labels[1])
    axes.set_title(caption([run]))
    return figure


def all_breakdowns(runs: Sequence[LoadedRun], *, columns: int = 1) -> dict[str, Draw]:
    """Every breakdown that these runs have something for: file name -> what draws it."""
    drawings: dict[str, Draw] = {}
    lengths = {words for run in runs if run.has_answers for words in run.answer_lines.words.values()}
    scored = {name for run in runs if run.has_answers for name in run.sample_scores.columns if len(lengths) > 1}
    for column in (name for name in LENGTH_COLUMNS if name in scored):
        drawings[f"length-{column}"] = partial(score_by_length, runs, column, columns=columns)
    keys = {entry.key for run in runs for stratum in run.strata("prior") for entry in stratum.scores}
    for key in (name for name in PRIOR_KEYS if name in keys):
        drawings[f"prior-{key}"] = partial(prior_bars, runs, key, columns=columns)
    if any(run.detail("chexbert", "uncertain as positive", "classes") for run in runs):
        drawings["chexbert-classes"] = partial(class_bars, runs, columns=columns)
    named = [run.name for run in runs]

    def of_run(run: LoadedRun) -> str:
        return file_part([run.name]) + (f"-{run.fingerprint[:6]}" if named.count(run.name) > 1 else "")

    for run in runs:
        if run.detail("temporal_change_f1", "direction_confusion"):
            drawings[f"directions.{of_run(run)}"] = partial(direction_confusion, run, columns=columns)
        if run.detail("temporal_labels", "all_findings", "confusion"):
            drawings[f"progressions.{of_run(run)}"] = partial(progression_confusion, run, columns=columns)
    return drawings


@styled
def training_curves(log: str | Path, *, columns: int = 1) -> Figure:
    """Loss and validation scores against the step, from a training log (JSON lines with `step`).

    Raises:
        InputError: the log has no numbers against a step.
    """
    from matplotlib.ticker import MaxNLocator

    series: dict[str, list[tuple[int, float]]] = {}
    for _, record in read_jsonl(Path(log)):
        for name, value in record.items():
            drawn = name == "loss" or (name.startswith("eval_") and not name.endswith(SPEEDS))
            if drawn and isinstance(value, int | float) and "step" in record:
                series.setdefault(name, []).append((record["step"], value))
    losses = {name: points for name, points in series.items() if name in LOSSES}
    scores = {name: points for name, points in series.items() if name not in LOSSES}
    panels = [(label, panel) for label, panel in (("loss", losses), ("validation score", scores)) if panel]
    if not panels:
        raise InputError("no loss or score against a step", where=log, hint="give the log of `libra-bench train`")
    figure, first = new_figure(columns, 1.7 * len(panels))
    first.remove()
    for place, (label, panel) in enumerate(panels, start=1):
        axes = figure.add_subplot(len(panels), 1, place)
        for index, (name, points) in enumerate(panel.items()):
            steps, values = zip(*sorted(points), strict=True)
            marker = "" if len(points) > 30 else MARKERS[index % 8]
            axes.plot(
                steps, values, marker=marker, label=LOSSES.get(name, name.removeprefix("eval_")), color=f"C{index % 8}"
            )
        axes.set_ylabel(label)
        axes.grid(axis="y")
        axes.legend()
    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure

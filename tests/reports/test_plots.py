"""The plots: which files, what they show, the same bytes for the same input."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from run_folders import change_record

from benchmarks.errors import InputError
from reports import dots, labels, load, plots
from reports import figure as figures
from reports.heatmap import heat_map


def test_a_plot_per_metric_as_png_and_svg(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    files = plots.write_plots(folder)
    model = load(folder).name
    names = {f"{name}.{model}" for name in ("scores", "bleu")}  # one value is a number, no figure
    assert {path.name for path in files} >= {f"{name}.{kind}" for name in names for kind in ("png", "svg")}
    assert not [path for path in files if path.name.startswith("rouge_l")]
    assert all(path.parent == folder / "plots" and path.stat().st_size > 1000 for path in files)


def test_the_same_input_gives_the_same_bytes(make_run: Callable[..., Path]) -> None:
    from reports.figure import save

    folder = make_run()

    def digests(process: str) -> list[str]:
        if process == "here":
            files = [*plots.write_plots(folder), *save(plots.dot_plot([folder]), folder / "plots" / "dots", ["pdf"])]
        else:
            program = (
                "import sys; from pathlib import Path; from reports import plots; from reports.figure import save\n"
                "f = Path(sys.argv[1]); plots.write_plots(f)\n"
                "save(plots.dot_plot([f]), f / 'plots' / 'dots', ['pdf'])"
            )
            subprocess.run([sys.executable, "-c", program, str(folder)], check=True, timeout=120)
            files = sorted((folder / "plots").iterdir())
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)]

    assert digests("here") == digests("another process")


def test_bars_carry_values_intervals_and_directions(make_run: Callable[..., Path]) -> None:
    figure = plots.metric_bars([make_run()], "bleu")
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["BLEU-1 (%)\u00a0↑", "BLEU-4 (%)\u00a0↑"]
    assert {text.get_text() for text in axes.texts} == {"51.25", "24.54"}
    segments = axes.collections[0].get_segments()
    assert segments[0][:, 0].tolist() == pytest.approx([49.7489, 52.7489])


def test_no_interval_draws_no_whisker(make_run: Callable[..., Path]) -> None:
    figure = plots.metric_bars([make_run(half_width=None)], "bleu")
    assert len(figure.axes[0].collections) == 0


@pytest.mark.parametrize("off", [1e-12, 3.0])
def test_a_value_outside_its_interval_is_drawn_where_it_is(off: float, make_run: Callable[..., Path]) -> None:
    """Rounding puts a value beside its interval by a hair; a bootstrap interval may miss it by more."""
    run = make_run(values={"BLEU1": 50.0})
    scores = json.loads((run / "scores.json").read_text())
    scores["scores"][0] |= {"low": 50.0 + off, "high": 55.0}
    (run / "scores.json").write_text(json.dumps(scores))
    axes = plots.metric_bars([run], "bleu").axes[0]
    assert axes.patches[0].get_width() == 50.0
    (whisker,) = axes.collections[0].get_segments()
    assert whisker[:, 0].tolist() == [50.0 + off, 55.0]
    assert plots.write_plots(run)
    assert plots.dot_plot([run, make_run("b", model="b")])


def test_several_runs_and_reference_points_have_a_legend(make_run: Callable[..., Path]) -> None:
    floors = [{"name": "empty", "n": 3, "scores": {"BLEU1": 3.0}}]
    runs = [make_run("a", model="a", floors=floors), make_run("b", model="b", values={"BLEU1": 40.0})]
    legend = plots.metric_bars(runs, "bleu").legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b", "reference: empty text"]


def test_in_the_dot_plot_right_is_better_for_every_metric(make_run: Callable[..., Path]) -> None:
    runs = [
        make_run("a", model="a", values={"BLEU1": 40.0, "RadCliQ-v1": 1.0}, half_width=None),
        make_run("b", model="b", values={"BLEU1": 20.0, "RadCliQ-v1": 3.0}, half_width=None),
    ]
    first, second = (line.get_xdata() for line in plots.dot_plot(runs).axes[0].lines)
    assert list(first) == [1.0, 1.0]
    assert list(second) == [0.5, 0.0]


@pytest.mark.parametrize("columns", [1, 2])
def test_a_figure_fits_its_columns_and_stays_legible(columns: int, make_run: Callable[..., Path]) -> None:
    figure = plots.metric_bars([make_run()], "bleu", columns=columns)
    assert figure.get_size_inches()[0] == {1: 3.35, 2: 7.0}[columns]
    sizes = [text.get_fontsize() for text in figure.findobj(lambda item: hasattr(item, "get_fontsize"))]
    assert min(sizes) >= 7


def test_the_callers_style_is_left_alone(make_run: Callable[..., Path]) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    plots.write_plots(make_run())
    assert dict(mpl.rcParams) == before


def test_a_metric_that_no_run_has_is_said(make_run: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="no run has scores of 'cider'"):
        plots.metric_bars([make_run()], "cider")


def drawn_inside(figure: Any) -> None:
    """Every text of a figure is inside it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).draw()
    width, height = figure.bbox.size
    beyond = {
        tick.label1
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }
    for text in figure.findobj(lambda item: hasattr(item, "get_window_extent") and hasattr(item, "get_text")):
        if text.get_text().strip() and text.get_visible() and text not in beyond:
            box = text.get_window_extent()
            inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
            assert inside, (text.get_text(), box)


@pytest.mark.parametrize("font", ["sans", "serif"])
@pytest.mark.parametrize("columns", [1, 2])
def test_nothing_is_clipped(columns: int, font: str, make_run: Callable[..., Path]) -> None:
    long = "an-institute/a-vision-language-model-with-a-long-name-7b-instruct-v1.5"
    floors = [{"name": name, "n": 3, "scores": {"BLEU1": 3.0}} for name in ("empty", "shuffled-references", "constant")]
    runs = [make_run("a", model=long, floors=floors), make_run("b", model="b")]
    with figures.font(font), figures.style():
        for draw in (plots.score_dots, plots.dot_plot, partial(plots.metric_bars, metric="bleu")):
            drawn_inside(draw(runs, columns=columns))


RANKED = ("BLEU1", "CheXpert-rules-micro14", "Report-errors-missing-comparison", "Temporal_direction_score", "METEOR")


def test_nothing_is_clipped_or_covered_in_the_figures_of_experiments() -> None:
    names = ["a", "an-institute/a-vision-language-model-with-a-long-name-7b-instruct-v1.5"]
    ranks = [{"run": name, "rank": place, "low": 1, "high": 2} for place, name in enumerate(names, start=1)]
    errors = ["negation", "missing-comparison", "case-and-punctuation", "stuffing"]
    values = [[12.0, None, 0.0, 100.0]] * len(RANKED)
    kinds = ["harmful", "harmful", "harmless", "gaming"]
    dotted = [dots.Dot(key, 0.7 + place / 50, 0.5, 0.85) for place, key in enumerate(RANKED)]
    for figure in (
        dots.rank_plot([{"key": key, "ranks": ranks} for key in RANKED]),
        heat_map(RANKED, errors, values, label="Percent lost by one error per text", largest=50, groups=kinds),
        *(dots.dot_plot(dotted, xlabel="Kendall's tau", mark=("raters", 0.84), columns=columns) for columns in (1, 2)),
    ):
        drawn_inside(figure)
        headings = [text for axes in figure.axes for text in (axes._left_title, *axes.texts) if text.get_text()]
        boxes = [text.get_window_extent() for text in headings]
        assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    marks = figure.axes[0].lines
    assert not any(boxes[0].overlaps(line.get_window_extent()) for line in marks if line.get_marker() == "o")


def test_numbers_are_right_of_everything_that_is_drawn(make_run: Callable[..., Path]) -> None:
    floors = [{"name": "empty", "n": 3, "scores": {"BLEU1": 99.0}}]
    axes = plots.metric_bars([make_run(floors=floors)], "bleu").axes[0]
    assert {text.xy[0] for text in axes.texts} == {1}  # of the axes: its right edge
    assert {text.get_ha() for text in axes.texts} == {"left"}


def test_runs_of_one_model_are_told_apart(make_run: Callable[..., Path]) -> None:
    runs = [make_run("a", model="m", fingerprint="a"), make_run("b", model="m", fingerprint="b")]
    change_record(runs[1], protocol={"name": "greedy"})
    legend = plots.score_dots(runs).legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["m (phantom)", "m (greedy)"]
    assert figures.file_part([load(run).name for run in runs]) == "m"
    many = [f"model-{i}/x" for i in range(9)]
    assert figures.file_part(many) == "model-0-x+model-1-x+model-2-x+model-3-x+model-4-x+model-5-x+3-more"


def test_fonts_are_embedded_and_can_be_those_of_latex(make_run: Callable[..., Path], tmp_path: Path) -> None:
    for name, expected in (("sans", b"DejaVuSans"), ("serif", b"Cmr10"), ("times", b"STIXGeneral")):
        with figures.font(name):
            (path,) = figures.save(plots.score_dots([make_run()]), tmp_path / name, ["pdf"])
        content = path.read_bytes()
        assert expected.lower() in content.lower()
        assert b"/FontFile2" in content


def test_scores_have_names_that_a_reader_knows() -> None:
    assert labels.score_label("Temporal_entity_score") == "Temporal F1 (%)"
    assert labels.score_label("Report-errors-missing-finding") == "Missing finding errors (per 100 reports)"
    assert labels.score_label("CheXpert-rules-micro14") == "CheXpert rules, micro F1 of 14 (%)"
    assert labels.score_label("A_new-column") == "A new-column"
    assert labels.wrapped("a_name_of_many_parts", 8) == "a_name_\nof_many_\nparts"

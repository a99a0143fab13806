"""The plots that look inside a score."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.errors import InputError
from reports import breakdowns
from reports.plots import all_figures, write_plots

CLASSES = {"Edema": {"f1": 50.0, "support": 7, "predicted": 9}, "Fracture": {"f1": 0.0, "support": 1, "predicted": 0}}
CHEXBERT = {"chexbert": {"uncertain as positive": {"classes": CLASSES}}}
CONFUSION = {
    "temporal_change_f1": {"direction_confusion": {"larger": {"larger": 8, "new": 2}, "new": {"larger": 0, "new": 0}}}
}
STRATA = [
    {"by": "prior", "level": level, "n": n, "scores": [{"key": "ROUGE-L", "value": value, "low": low, "high": high}]}
    for level, n, value, low, high in (("with prior", 8, 30.0, 25.0, 36.0), ("without prior", 4, 50.0, None, None))
]


def labels(figure: object) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]  # type: ignore[attr-defined]


def test_classes_say_their_support(make_run: Callable[..., Path]) -> None:
    figure = breakdowns.class_bars([make_run(details=CHEXBERT)])
    assert labels(figure) == ["Edema (7)", "Fracture (1)"]
    assert [patch.get_width() for patch in figure.axes[0].patches] == [50.0, 0.0]


def test_priors_say_their_number_and_interval(make_run: Callable[..., Path]) -> None:
    figure = breakdowns.prior_bars([make_run(strata=STRATA)], "ROUGE-L")
    assert labels(figure) == ["with prior (8)", "without prior (4)"]
    (whisker,) = [line for line in figure.axes[0].collections[0].get_segments() if len(line)]
    assert whisker[:, 0].tolist() == [25.0, 36.0]


def test_directions_are_counted(make_run: Callable[..., Path]) -> None:
    figure = breakdowns.direction_confusion(make_run(details=CONFUSION))
    assert [text.get_text() for text in figure.axes[0].texts] == ["8", "2", "0", "0"]


def test_progressions_are_counted_against_their_labels(make_run: Callable[..., Path]) -> None:
    table = {"worse": {"worse": 3, "silent": 1}, "stable": {"worse": 2, "silent": 0}}
    figure = breakdowns.progression_confusion(
        make_run(details={"temporal_labels": {"all_findings": {"confusion": table}}})
    )
    assert [text.get_text() for text in figure.axes[0].texts] == ["3", "1", "2", "0"]
    assert labels(figure) == ["worse", "stable"]


def test_length_is_words_of_the_prediction(make_run: Callable[..., Path]) -> None:
    figure = breakdowns.score_by_length([make_run()], "ROUGE-L")
    assert figure.axes[0].collections[0].get_offsets().tolist() == [[4.0, 40.0], [2.0, 90.0], [0.0, 0.0]]


def test_texts_of_one_length_have_one_mean_whatever_their_order(make_run: Callable[..., Path]) -> None:
    """Sorted by score within a length, texts of one length drew a rising line."""
    samples = [{"question_id": n, "text": "Q", "reference": "R"} for n in range(12)]
    answers = [{"question_id": n, "prompt": "Q", "text": "a b c", "metadata": {}} for n in range(12)]
    scores = {"ROUGE-L": [float(10 * (n % 6)) for n in range(12)]}
    run = make_run(samples=samples, answers=answers, sample_scores=scores)
    (line,) = breakdowns.score_by_length([run], "ROUGE-L").axes[0].lines
    assert (line.get_xdata().tolist(), line.get_ydata().tolist()) == ([3.0], [25.0])


def test_lengths_are_in_groups_of_about_equal_size(make_run: Callable[..., Path]) -> None:
    samples = [{"question_id": n, "text": "Q", "reference": "R"} for n in range(24)]
    answers = [{"question_id": n, "prompt": "Q", "text": "w " * (n + 1), "metadata": {}} for n in range(24)]
    run = make_run(samples=samples, answers=answers, sample_scores={"ROUGE-L": [float(n) for n in range(24)]})
    (line,) = breakdowns.score_by_length([run], "ROUGE-L").axes[0].lines
    assert line.get_xdata().tolist() == [2.5, 6.5, 10.5, 14.5, 18.5, 22.5]


def test_training_curves_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    rows = [{"step": step, "loss": 2.0 / step, "epoch": 0.1} for step in range(1, 5)]
    rows += [{"step": 4, "eval_loss": 0.7, "eval_ROUGE-L": 31.0, "eval_runtime": 9.5, "train_loss": 1.0}]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    figure = breakdowns.training_curves(log)
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "validation score"]
    assert [[line.get_label() for line in axes.lines] for axes in figure.axes] == [
        ["training", "validation"],
        ["ROUGE-L"],
    ]
    assert figure.axes[0].lines[0].get_ydata().tolist() == [2.0, 1.0, 2 / 3, 0.5]


def test_a_log_without_steps_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"message": "hello"}\n')
    with pytest.raises(InputError, match="no loss or score against a step"):
        breakdowns.training_curves(tmp_path / "log.jsonl")


@pytest.mark.parametrize(
    ("draw", "what"),
    [
        (lambda run: breakdowns.class_bars([run]), "chexbert"),
        (lambda run: breakdowns.prior_bars([run], "ROUGE-L"), "with and without prior"),
        (breakdowns.direction_confusion, "temporal_change_f1"),
        (breakdowns.progression_confusion, "temporal_labels"),
        (lambda run: breakdowns.score_by_length([run], "CIDEr"), "CIDEr"),
    ],
)
def test_what_was_not_scored_is_said(draw: Callable[[Path], object], what: str, make_run: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match=what):
        draw(make_run())


def test_a_run_gets_every_plot_that_it_has_numbers_for(make_run: Callable[..., Path]) -> None:
    names = {path.stem for path in write_plots(make_run(details=CHEXBERT | CONFUSION, strata=STRATA))}
    kinds = {name.removesuffix(".libra-tiny") for name in names}
    assert all(name.endswith(".libra-tiny") for name in names)
    assert kinds == {"scores", "bleu", "length-ROUGE-L", "prior-ROUGE-L", "chexbert-classes", "directions"}


def test_two_runs_get_a_plot_of_all_metrics_and_a_table_of_directions_each(make_run: Callable[..., Path]) -> None:
    runs = [make_run("a", fingerprint="a", details=CONFUSION), make_run("b", fingerprint="b", details=CONFUSION)]
    named = {"all-metrics.libra-tiny", "directions.libra-tiny-a", "directions.libra-tiny-b"}
    assert named <= set(all_figures(runs))

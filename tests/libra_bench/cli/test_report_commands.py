"""`report`, `plot` and `leaderboard` as programs: what they print, write and refuse."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from in_process import InProcess
from run_folders import change_record, write_run

from benchmarks.records.statistics import write_statistics
from libra_bench.metrics.registry import make_metric
from libra_bench.scores.stored_statistics import statistics_to_store


def fails(cli: InProcess, *arguments: object) -> str:
    done = cli(*arguments)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_leaderboard_writes_every_format(cli: InProcess) -> None:
    runs = cli.folder / "runs"
    write_run(runs / "a", model="one", fingerprint="a")
    write_run(runs / "b", model="two", fingerprint="b", values={"BLEU1": 60.0})
    files = {flag: cli.folder / f"board.{flag}" for flag in ("csv", "markdown", "latex", "html")}
    done = cli("leaderboard", runs, *(word for flag, path in files.items() for word in (f"--{flag}", path)))
    assert done.returncode == 0, done.stderr
    assert done.stdout.index("two") < done.stdout.index("one")
    assert "Ties were not tested." in done.stdout
    with files["csv"].open() as stream:
        assert [row["Model Name"] for row in csv.DictReader(stream)] == ["two", "one"]
    assert "**60.00**" in files["markdown"].read_text()
    assert r"\textbf" not in files["latex"].read_text()
    assert cli("leaderboard", runs, "--latex", files["latex"], "--mark-best").returncode == 0
    assert r"\textbf{60.00}" in files["latex"].read_text()
    assert "<table>" in files["html"].read_text()


def test_leaderboard_as_json(cli: InProcess) -> None:
    write_run(cli.folder / "runs" / "a")
    (board,) = json.loads(cli("leaderboard", "runs", "--json").stdout)["boards"]
    assert board["rows"][0]["cells"]["BLEU1"]["value"] == 51.2489


def test_ties_come_from_a_paired_test_of_the_stored_statistics(cli: InProcess) -> None:
    """Two models that differ by noise are tied though the values differ; the third, worse on every study, is not."""
    metric = make_metric("rouge_l")
    random = np.random.default_rng(0)
    good = random.uniform(0.3, 0.7, 60)
    for name, scores in {"a": good, "b": good + random.normal(0, 0.05, 60), "c": good - 0.2}.items():
        statistics = type(metric.score(["x"], [["x"]]).statistics)(scores[:, None], metric_reduce(metric))
        folder = write_run(cli.folder / "runs" / name, model=name, fingerprint=name,
                           values={"ROUGE-L": float(100 * scores.mean())})  # fmt: skip
        stored, _ = statistics_to_store(
            ids=list(range(60)),
            references=[["x"]] * 60,
            clusters=None,
            metrics={"rouge_l": (metric, ["ROUGE-L"], statistics)},
        )
        write_statistics(folder, stored)
    done = cli("leaderboard", "runs", "--json")
    (board,) = json.loads(done.stdout)["boards"]
    assert {row["name"]: (row["rank"], row["shared"]) for row in board["rows"]} == {
        "a": (1, True),
        "b": (1, True),
        "c": (3, False),
    }, done.stderr
    (untested,) = json.loads(cli("leaderboard", "runs", "--no-tests", "--json").stdout)["boards"]
    assert [row["rank"] for row in untested["rows"]] == [1, 2, 3]


def metric_reduce(metric: object) -> object:
    from libra_bench.metrics.metric import reduction_of

    return reduction_of(metric)  # type: ignore[arg-type]


def test_report_says_where_it_is_and_what_is_missing(cli: InProcess) -> None:
    folder = write_run(cli.folder / "run")
    done = cli("report", "run")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "run/report.html\n"
    assert "4 of 4 images could not be read" in done.stderr
    assert (folder / "report.html").is_file()


def test_report_of_two_runs_elsewhere_without_text(cli: InProcess) -> None:
    for name in "ab":
        write_run(cli.folder / name, fingerprint=name)
    done = cli("report", "a", "b", "--no-text", "--out", "both.html", "--json")
    assert json.loads(done.stdout)["report"] == "both.html"
    assert "effusion" not in (cli.folder / "both.html").read_text()


def test_plot_draws_into_a_folder(cli: InProcess) -> None:
    write_run(cli.folder / "runs" / "a", fingerprint="a")
    write_run(cli.folder / "runs" / "b", fingerprint="b")
    done = cli("plot", "runs", "--out", "figures", "--format", "pdf", "--columns", 2)
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (cli.folder / "figures").iterdir()}
    parts = ("scores", "bleu", "rouge_l", "all-metrics", "length-ROUGE-L")
    assert {f"{part}.libra-tiny.pdf" for part in parts} <= names
    assert all((cli.folder / line).is_file() for line in done.stdout.splitlines())
    assert "unknown font" in fails(cli, "plot", "runs", "--font", "wingdings")


def test_leaderboards_are_of_suites_and_columns_in_any_spelling(cli: InProcess) -> None:
    for suite in ("demo", "other"):
        write_run(cli.folder / "runs" / suite, suite=suite, fingerprint=suite)
    done = cli("leaderboard", "runs", "--suite", "demo", "--columns", "rougeL,BLEU1", "--no-intervals", "--json")
    (board,) = json.loads(done.stdout)["boards"]
    assert (board["suite"], list(board["keys"])) == ("demo", ["ROUGE-L", "BLEU1"])
    assert board["rows"][0]["cells"]["BLEU1"]["low"] is None
    assert "unknown suite 'demmo'" in fails(cli, "leaderboard", "runs", "--suite", "demmo")


@pytest.mark.parametrize("command", ["leaderboard", "plot"])
def test_a_folder_without_runs(command: str, cli: InProcess) -> None:
    (cli.folder / "empty").mkdir()
    assert "empty: no run in it (no run.json at any depth); give a run folder" in fails(cli, command, "empty")
    assert "no such folder" in fails(cli, command, "nowhere")


def test_a_run_without_scores_is_left_out_or_refused(cli: InProcess) -> None:
    a, b = (write_run(cli.folder / "runs" / name, fingerprint=name) for name in "ab")
    (a / "scores.json").unlink()
    done = cli("leaderboard", "runs")
    assert done.returncode == 0
    assert "left out, since it has no scores: runs/a" in done.stderr
    (b / "scores.json").unlink()
    message = fails(cli, "leaderboard", "runs")
    assert "none of the 2 runs has scores; score them first: libra-bench score runs/a" in message


def test_a_run_without_answers(cli: InProcess) -> None:
    folder = write_run(cli.folder / "run")
    (folder / "answers.jsonl").unlink()
    assert "run: this run has no answers.jsonl; give its command again" in fails(cli, "report", "run")
    assert cli("leaderboard", "run").returncode == 0
    assert cli("plot", "run", "--format", "png").returncode == 0


def test_a_run_of_a_newer_version(cli: InProcess) -> None:
    change_record(write_run(cli.folder / "run"), schema_version=9)
    for command in ("report", "plot", "leaderboard"):
        assert "written by a newer libra-bench (layout 9" in fails(cli, command, "run")


def test_runs_of_different_suites(cli: InProcess) -> None:
    write_run(cli.folder / "a")
    write_run(cli.folder / "b", suite="other", fingerprint="b")
    assert "a is a run of suite 'demo', b of 'other'" in fails(cli, "report", "a", "b")
    assert cli("leaderboard", "a", "b").stdout.count("protocol phantom") == 2


def test_no_cases(cli: InProcess) -> None:
    write_run(cli.folder / "run", samples=[], answers=[])
    assert json.loads(cli("report", "run", "--json").stdout)["cases"] == 0


def test_contradictions_and_unknown_names(cli: InProcess) -> None:
    write_run(cli.folder / "run")
    assert "contradict each other" in fails(cli, "report", "run", "--no-images", "--link-images")
    assert "unknown column 'BLUE'; did you mean 'BLEU" in fails(cli, "leaderboard", "run", "--sort", "BLUE")
    assert "unknown format 'gif'; choose of png, svg, pdf" in fails(cli, "plot", "run", "--format", "gif")
    assert "1 or 2 columns wide, not 3" in fails(cli, "plot", "run", "--columns", 3)


def test_a_file_that_cannot_be_written_leaves_the_old_one(cli: InProcess, tmp_path: Path) -> None:
    write_run(cli.folder / "run")
    (tmp_path / "taken").write_text("")
    done = cli("leaderboard", "run", "--csv", tmp_path / "taken" / "board.csv")
    assert done.returncode == 1
    assert "cannot write" in done.stderr

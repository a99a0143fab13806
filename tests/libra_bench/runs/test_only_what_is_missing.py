"""The same command again does only what is missing; what has changed is done anew."""

from __future__ import annotations

import json
import os
from pathlib import Path

from in_process import InProcess

from benchmarks.files.folder_lock import locked

RUN = ("run", "--suite", "suite.jsonl", "--model", "constant", "--metrics", "rouge_l,temporal_f1")


def times(folder: Path) -> dict[str, int]:
    """File -> when it was written."""
    files = ["scores.json", "samples.csv", "report.html", *(f"plots/{path.name}" for path in folder.glob("plots/*"))]
    return {name: (folder / name).stat().st_mtime_ns for name in files if (folder / name).exists()}


def run_once(cli: InProcess, *options: str) -> Path:
    """A finished run's folder."""
    cli.suite(6, site="A")
    assert cli(*RUN, *options).returncode == 0
    (folder,) = (cli.folder / "runs/suite/constant").iterdir()
    return folder


def changed(cli: InProcess, folder: Path, *options: str, run: tuple[str, ...] = RUN) -> set[str]:
    """What the command with these options writes anew."""
    before = times(folder)
    done = cli(*run, *options)
    assert done.returncode == 0, done.stderr
    return {name for name, at in times(folder).items() if before.get(name) != at}


def test_only_what_is_missing_or_has_changed_is_made(cli: InProcess) -> None:
    folder = run_once(cli)
    before, report = times(folder), (folder / "report.html").read_bytes()
    done = cli(*RUN)
    assert "ROUGE-L" in done.stdout
    assert "scoring" not in done.stderr
    assert times(folder) == before
    (folder / "report.html").unlink()
    assert changed(cli, folder) == {"report.html"}
    assert (folder / "report.html").read_bytes() == report
    gone = next(folder.glob("plots/*.png"))
    gone.unlink()
    assert f"plots/{gone.name}" in changed(cli, folder)
    suite, scores = cli.folder / "suite.jsonl", (folder / "scores.json").read_bytes()
    suite.write_text(suite.read_text().replace("No change.", "No acute process.", 1))
    assert changed(cli, folder) == set(before)
    assert (folder / "scores.json").read_bytes() != scores


def test_options_count(cli: InProcess) -> None:
    folder = run_once(cli, "--no-plots")
    assert changed(cli, folder, "--no-plots", "--no-report") == set()
    assert changed(cli, folder, "--no-plots", "--by", "site") == {"scores.json", "samples.csv", "report.html"}
    other = (*RUN[:-1], "rouge_l,bleu", "--no-plots")
    assert changed(cli, folder, run=other) == {"scores.json", "samples.csv", "report.html"}
    assert cli("score", folder, "--metrics", "rouge_l[stem=yes]", "--replace").returncode == 0
    done = cli(*RUN)  # another signature has replaced the score
    assert done.returncode == 2
    assert "stem:yes" in done.stderr


def test_plots_can_be_left_out_and_come_later(cli: InProcess) -> None:
    cli.suite(3)
    assert cli(*RUN, "--no-plots").returncode == 0
    (folder,) = (cli.folder / "runs/suite/constant").iterdir()
    assert not (folder / "plots").exists()
    page = (folder / "report.html").read_text()
    assert "image/svg+xml" not in page
    assert cli(*RUN).returncode == 0
    assert list((folder / "plots").glob("*.svg"))
    assert "image/svg+xml" in (folder / "report.html").read_text()


def test_quiet_says_only_the_result(cli: InProcess) -> None:
    cli.suite(3)
    done = cli(*RUN, "--quiet", "--json")
    assert done.stderr == ""
    assert json.loads(done.stdout)["n"] == 3


def test_generate_does_not_talk_about_metrics(cli: InProcess) -> None:
    cli.suite(3)
    done = cli("generate", "--suite", "suite.jsonl", "--model", "constant")
    assert done.returncode == 0
    assert "bertscore" not in done.stderr


def test_a_model_can_be_called_otherwise(cli: InProcess) -> None:
    cli.suite(3)
    done = cli(*RUN, "--model-name", "Ours", "--json")
    result = json.loads(done.stdout)
    assert result["model"] == "Ours"
    assert result["run"].startswith(os.path.join("runs", "suite", "Ours", ""))
    assert (cli.folder / result["run"] / "answers.jsonl").read_text().count('"model_id": "Ours"') == 3
    refused = cli(*RUN, "--model-name", "a/b")
    assert refused.returncode == 2
    assert "--model-name" in refused.stderr


def test_a_report_is_made_again_as_its_reader_wanted_it(cli: InProcess) -> None:
    finished = run_once(cli, "--no-plots")
    assert cli("report", finished, "--no-text").returncode == 0
    assert "No change." not in (finished / "report.html").read_text()
    assert cli(*RUN[:-1], "rouge_l,temporal_f1,bleu").returncode == 0
    page = (finished / "report.html").read_text()
    assert "BLEU4" in page
    assert "No change." not in page
    assert cli("report", finished).returncode == 0
    assert "No change." in (finished / "report.html").read_text()


def test_a_report_is_not_written_while_a_run_writes(cli: InProcess) -> None:
    finished = run_once(cli, "--no-plots")
    before = (finished / "report.html").read_bytes()
    with locked(finished):
        done = cli("report", finished, "--no-text")
        assert done.returncode == 2
        assert "another process is writing this folder; wait for it, or give --out" in done.stderr
        assert cli("report", finished, "--no-text", "--out", "here.html").returncode == 0
    assert (finished / "report.html").read_bytes() == before

"""The same command again does only what is missing; what has changed is done anew."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from in_process import InProcess

from benchmarks.files.folder_lock import locked

RUN = ("run", "--suite", "suite.jsonl", "--model", "constant", "--metrics", "rouge_l,temporal_f1")


def times(folder: Path) -> dict[str, int]:
    """File -> when it was written."""
    files = ["scores.json", "samples.csv", "report.html", *(str(path) for path in (folder / "plots").iterdir())]
    return {name: (folder / name).stat().st_mtime_ns for name in files}


@pytest.fixture
def finished(cli: InProcess) -> Path:
    """A finished run's folder."""
    cli.suite(6, site="A")
    assert cli(*RUN).returncode == 0
    (folder,) = (cli.folder / "runs/suite/constant").iterdir()
    return folder


def test_nothing_is_done_twice(cli: InProcess, finished: Path) -> None:
    before = times(finished)
    done = cli(*RUN)
    assert done.returncode == 0
    assert "ROUGE-L" in done.stdout
    assert "scoring" not in done.stderr
    assert "report" not in done.stderr
    assert times(finished) == before


def test_what_is_gone_is_made_again_and_nothing_else(cli: InProcess, finished: Path) -> None:
    before = times(finished)
    report = (finished / "report.html").read_bytes()
    (finished / "report.html").unlink()
    cli(*RUN)
    after = times(finished)
    assert {name for name in before if before[name] != after[name]} == {"report.html"}
    assert (finished / "report.html").read_bytes() == report
    gone = next((finished / "plots").glob("*.png"))
    gone.unlink()
    cli(*RUN)
    assert gone.exists()


def test_a_changed_reference_is_scored_and_drawn_anew(cli: InProcess, finished: Path) -> None:
    suite = cli.folder / "suite.jsonl"
    suite.write_text(suite.read_text().replace("No change.", "No acute process.", 1))
    before, scores = times(finished), (finished / "scores.json").read_bytes()
    assert cli(*RUN).returncode == 0
    assert (finished / "scores.json").read_bytes() != scores
    assert all(after != before[name] for name, after in times(finished).items())


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        (("--metrics", "rouge_l,bleu"), {"scores.json", "report.html"}),
        (("--by", "site"), {"scores.json", "report.html"}),
        (("--no-report",), set()),
    ],
)
def test_options_count(cli: InProcess, finished: Path, options, changed) -> None:
    before = times(finished)
    words = RUN[:5] if options[0] == "--metrics" else RUN
    assert cli(*words, *options).returncode == 0
    after = times(finished)
    assert {name for name in ("scores.json", "report.html") if before[name] != after[name]} == changed


def test_a_score_that_another_signature_replaced_is_not_taken_for_ours(cli: InProcess, finished: Path) -> None:
    assert cli("score", finished, "--metrics", "rouge_l[stem=yes]", "--replace").returncode == 0
    done = cli(*RUN)
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


def test_a_report_is_made_again_as_its_reader_wanted_it(cli: InProcess, finished: Path) -> None:
    assert cli("report", finished, "--no-text").returncode == 0
    assert "No change." not in (finished / "report.html").read_text()
    assert cli(*RUN[:-1], "rouge_l,temporal_f1,bleu").returncode == 0
    page = (finished / "report.html").read_text()
    assert "BLEU4" in page
    assert "No change." not in page
    assert cli("report", finished).returncode == 0
    assert "No change." in (finished / "report.html").read_text()


def test_a_report_is_not_written_while_a_run_writes(cli: InProcess, finished: Path) -> None:
    before = (finished / "report.html").read_bytes()
    with locked(finished):
        done = cli("report", finished, "--no-text")
        assert done.returncode == 2
        assert "another process is writing this folder; wait for it, or give --out" in done.stderr
        assert cli("report", finished, "--no-text", "--out", "here.html").returncode == 0
    assert (finished / "report.html").read_bytes() == before

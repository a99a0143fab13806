"""Scoring a finished run again: it adds, it replaces nothing unasked, and all that is derived follows."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
from in_process import InProcess
from real_program import Program, read_lines

from benchmarks.records.statistics import read_statistics

RUN = ("run", "--suite", "suite.jsonl", "--model", "constant")


def keys(folder) -> list[str]:
    return [score["key"] for score in json.loads((folder / "scores.json").read_text())["scores"]]


def values(folder) -> dict[str, float]:
    return {score["key"]: score["value"] for score in json.loads((folder / "scores.json").read_text())["scores"]}


def header(path) -> list[str]:
    with path.open(newline="") as stream:
        return next(csv.reader(stream))


def rows(path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def refused(done, *words: str) -> None:
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a run was scored with two metrics."""
    program = Program(tmp_path_factory.mktemp("finished"))
    program.suite(6)
    done = program(*RUN, "--metrics", "rouge_l,temporal_f1")
    assert done.returncode == 0, done.stderr
    return program.folder


@pytest.fixture
def shown(cli: InProcess, finished: Path) -> Path:
    """The folder of the same run, with its plots and its report, for a test that changes it."""
    shutil.copytree(finished, cli.folder, dirs_exist_ok=True)
    (folder,) = (cli.folder / "runs/suite/constant").iterdir()
    record = folder / "run.json"
    record.write_text(record.read_text().replace(str(finished), str(cli.folder)))  # where its suite is
    return folder


@pytest.fixture
def scored(shown: Path) -> Path:
    """The same without plots and report, which would be drawn again at every change."""
    shutil.rmtree(shown / "plots")
    (shown / "report.html").unlink()
    return shown


def test_it_adds_and_everything_derived_is_brought_up_to_date(cli: InProcess, shown) -> None:
    before = values(shown)
    report = (shown / "report.html").read_text()
    done = cli("score", shown, "--metrics", "bleu,meteor", "--json")
    assert done.returncode == 0, done.stderr
    assert keys(shown) == ["ROUGE-L", "Temporal_entity_score", "BLEU1", "BLEU2", "BLEU3", "BLEU4", "METEOR"]
    assert before.items() <= values(shown).items()
    content = json.loads(done.stdout)
    assert content == json.loads((shown / "scores.json").read_text())
    assert content["metrics"] == ["rouge_l", "temporal_f1", "bleu", "meteor"]
    assert {"ROUGE-L", "BLEU1"} <= set(content["floors"][0]["scores"])
    assert {"ROUGE-L", "BLEU1", "BLEU4"} <= set(header(shown / "scores.csv"))
    assert {"ROUGE-L", "METEOR"} <= set(header(shown / "samples.csv"))
    assert set(read_statistics(shown).metrics) == {"rouge_l", "temporal_f1", "bleu", "meteor"}
    assert {row["metric"] for row in read_lines(shown / "spans.jsonl")} == {"temporal_f1"}
    assert (shown / "plots/bleu.constant.png").exists()
    assert "BLEU4" in (shown / "report.html").read_text()
    assert "BLEU4" not in report
    (row,) = rows(cli.folder / "runs/leaderboard.csv")
    assert float(row["BLEU4"]) == pytest.approx(values(shown)["BLEU4"])
    assert float(row["ROUGE-L"]) == pytest.approx(values(shown)["ROUGE-L"])
    signatures = {line["column"] for line in rows(cli.folder / "runs/leaderboard.signatures.csv")}
    assert {"ROUGE-L", "BLEU4"} <= signatures


def test_running_again_with_another_metric_adds_too(cli: InProcess, scored) -> None:
    assert cli(*RUN, "--metrics", "bleu").returncode == 0
    assert {"ROUGE-L", "BLEU4"} <= set(keys(scored))


def test_another_signature_is_replaced_only_when_asked(cli: InProcess, scored) -> None:
    before = (scored / "scores.json").read_bytes()
    arguments = ("score", scored, "--metrics", "rouge_l[stem=yes]")
    refused(cli(*arguments), "ROUGE-L is there with stem:no, not stem:yes; add --replace")
    assert (scored / "scores.json").read_bytes() == before
    refused(cli(*RUN, "--metrics", "rouge_l[stem=yes]"), "--replace")
    done = cli(*arguments, "--replace")
    assert done.returncode == 0, done.stderr
    content = json.loads((scored / "scores.json").read_text())
    assert {score["key"]: score["signature"] for score in content["scores"]}["ROUGE-L"].count("stem:yes") == 1
    assert sorted(keys(scored)) == ["ROUGE-L", "Temporal_entity_score"]
    assert set(read_statistics(scored).metrics) == {"rouge_l[stem=yes]", "temporal_f1"}


def test_a_report_without_text_stays_without_text(cli: InProcess, shown) -> None:
    assert cli("report", shown, "--no-text").returncode == 0
    assert cli("score", shown, "--metrics", "bleu").returncode == 0
    page = (shown / "report.html").read_text()
    assert "BLEU4" in page
    assert "No change." not in page


def test_a_report_that_cannot_be_made_again_by_itself_is_named(cli: InProcess, shown) -> None:
    page = shown / "report.html"
    page.write_text(re.sub(r'<meta name="libra-bench-report"[^>]*>', "", page.read_text()))
    old = page.read_text()
    done = cli("score", shown, "--metrics", "bleu")
    assert done.returncode == 0
    assert "report.html is older than the scores: libra-bench report" in done.stderr
    assert page.read_text() == old


def test_changed_references_score_everything_anew(cli: InProcess, scored) -> None:
    before = values(scored)
    cli.suite(6, reference="The lungs are clear. No pneumothorax.")
    done = cli("score", scored, "--metrics", "bleu")
    assert done.returncode == 0, done.stderr
    after = values(scored)
    assert set(after) == {*before, "BLEU1", "BLEU2", "BLEU3", "BLEU4"}
    assert after["ROUGE-L"] != before["ROUGE-L"]
    again = cli("score", "--references", "suite.jsonl", "--predictions", scored / "answers.jsonl", "--metrics",
                    "rouge_l", "--json")  # fmt: skip
    assert json.loads(again.stdout)["scores"][0]["value"] == after["ROUGE-L"]


def test_what_cannot_be_scored_anew_goes_only_when_asked(cli: InProcess, scored) -> None:
    content = json.loads((scored / "scores.json").read_text())
    content["metrics"].append("chexbert[model=gone.pth]")
    (scored / "scores.json").write_text(json.dumps(content))
    cli.suite(6, reference="Clear lungs.")
    arguments = ("score", scored, "--metrics", "bleu")
    refused(cli(*arguments), "have changed since it was scored", "chexbert[model=gone.pth]", "--replace")
    assert cli(*arguments, "--replace").returncode == 0


def test_the_scores_of_an_older_version_are_added_to(cli: InProcess, scored) -> None:
    """Without `metrics` and `scored_sha256`, the stored statistics say whether it is still the same."""
    content = json.loads((scored / "scores.json").read_text())
    del content["metrics"], content["scored_sha256"]
    (scored / "scores.json").write_text(json.dumps(content))
    assert cli("score", scored, "--metrics", "bleu").returncode == 0
    assert {"ROUGE-L", "Temporal_entity_score", "BLEU4"} <= set(keys(scored))


def test_a_damaged_scores_json_is_named_and_replace_gets_past_it(cli: InProcess, scored) -> None:
    (scored / "scores.json").write_text("[]")
    refused(cli("score", scored, "--metrics", "bleu"), "scores.json: expected a JSON object", "score again")
    assert cli("score", scored, "--metrics", "bleu", "--replace").returncode == 0
    assert keys(scored) == ["BLEU1", "BLEU2", "BLEU3", "BLEU4"]


def test_answers_scored_alone_add_to_their_row(cli: InProcess) -> None:
    cli.suite(2)
    (cli.folder / "p.jsonl").write_text('{"question_id": 1, "text": "No."}\n{"question_id": 2, "text": "Yes."}\n')
    command = ("score", "--references", "suite.jsonl", "--predictions", "p.jsonl", "--csv", "board.csv")
    assert cli(*command, "--metrics", "rouge_l").returncode == 0
    assert cli(*command, "--metrics", "bleu").returncode == 0
    (row,) = rows(cli.folder / "board.csv")
    assert row["ROUGE-L"]
    assert row["BLEU1"]
    refused(
        cli(*command, "--metrics", "rouge_l[stem=yes]"), "ROUGE-L of p is there with stem:no, not stem:yes", "--replace"
    )
    (cli.folder / "p.jsonl").write_text('{"question_id": 1, "text": "Up."}\n{"question_id": 2, "text": "Yes."}\n')
    assert cli(*command, "--metrics", "bleu").returncode == 0
    (row,) = rows(cli.folder / "board.csv")
    assert row["BLEU1"]
    assert row.get("ROUGE-L", "") == ""  # it was another text's


def test_two_files_of_one_name_would_be_one_row(cli: InProcess) -> None:
    cli.suite(1)
    for folder in "ab":
        (cli.folder / folder).mkdir()
        (cli.folder / folder / "p.jsonl").write_text('{"question_id": 1, "text": "No."}\n')
    done = cli("score", "--references", "suite.jsonl", "--predictions", "a/p.jsonl", "b/p.jsonl", "--metrics", "bleu")
    refused(done, "'p' is the name of several files", "--model-name")


@pytest.mark.parametrize(
    "added",
    [
        {"bleu": "BLEU4", "meteor": "METEOR"},
        pytest.param({"bleu": "BLEU4", "meteor": "METEOR", "cider": "CIDEr"}, marks=pytest.mark.slow),
    ],
)
def test_scorings_at_once_all_stay(cli: InProcess, scored, added: dict[str, str]) -> None:
    """Each reads what is there, computes, and adds to what is there by then."""
    program = Program(cli.folder)
    processes = [program.start("score", scored, "--metrics", name) for name in added]
    assert [process.wait(300) for process in processes] == [0] * len(added)
    assert {"ROUGE-L", "Temporal_entity_score", *added.values()} <= set(keys(scored))
    assert set(read_statistics(scored).metrics) >= {"rouge_l", "temporal_f1", "bleu", "meteor"}
    (row,) = rows(cli.folder / "runs/leaderboard.csv")
    assert all(row[name] for name in ("ROUGE-L", *added.values()))


@pytest.mark.parametrize(
    ("name", "content"),
    [("samples.csv", "question_id,ROUGE-L\n1,high\n"), ("spans.jsonl", "{}\n"), ("statistics.npz", "no zip")],
)
def test_a_damaged_companion_is_named_before_anything_is_scored(
    name: str, content: str, cli: InProcess, scored
) -> None:
    before = (scored / "scores.json").read_bytes()
    (scored / name).write_text(content)
    refused(cli("score", scored, "--metrics", "bleu"), name, "move it away and score")
    assert (scored / "scores.json").read_bytes() == before
    (scored / name).unlink()
    assert cli("score", scored, "--metrics", "bleu").returncode == 0
    assert {"ROUGE-L", "BLEU4"} <= set(keys(scored))


def test_two_scorings_of_a_folder_without_scores_both_stay(cli: InProcess, scored: Path, monkeypatch) -> None:
    """The second one begins and ends while the first one computes."""
    from libra_bench.runs import scored_folder

    monkeypatch.chdir(cli.folder)
    for name in ("scores.json", "samples.csv", "spans.jsonl", "statistics.npz"):
        (scored / name).unlink()
    compute, calls = scored_folder.score_against, []

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 1:
            scored_folder.rescore(scored, "bleu")
        return compute(*arguments, **options)

    monkeypatch.setattr(scored_folder, "score_against", interrupted)
    scored_folder.rescore(scored, "rouge_l")
    assert keys(scored) == ["BLEU1", "BLEU2", "BLEU3", "BLEU4", "ROUGE-L"]
    assert read_statistics(scored).metrics.keys() == {"bleu", "rouge_l"}


def test_plots_of_scores_that_went_go_and_others_stay(cli: InProcess, shown: Path) -> None:
    (shown / "plots" / "mine.png").write_bytes(b"a picture")
    (shown / "scores.json").write_text("{")  # damaged, so that --replace lets all of it go
    drawn = {path.name for path in (shown / "plots").iterdir()}
    done = cli("score", shown, "--metrics", "rouge_l", "--replace")
    assert done.returncode == 0, done.stderr
    made = json.loads((shown / ".made_from.json").read_text())["plots"]
    left = {path.name for path in (shown / "plots").iterdir()}
    assert left == {"mine.png", *(Path(name).name for name in made)}
    assert drawn - left

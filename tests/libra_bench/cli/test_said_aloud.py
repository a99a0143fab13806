"""What would be wrong to pass over in silence: unrecorded ends, phantoms for patients, empty texts, two answers."""

from __future__ import annotations

import json
import shutil

import pytest
from in_process import InProcess
from real_program import read_lines
from repository import GOLDEN, ROOT
from run_folders import change_record, write_run

DEMO = ROOT / "benchmarks/data/demo"

SPARE = ("--no-report", "--no-plots")


def write_answers(cli: InProcess, *rows: dict) -> None:
    (cli.folder / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_a_replay_does_not_say_how_texts_ended(cli: InProcess) -> None:
    cli.suite(5)
    texts = ["A whole sentence.", "Cut off in the mid", "", "Stopped on purpose", "Cut off but whole."]
    rows = [{"question_id": number, "text": text} for number, text in enumerate(texts, start=1)]
    rows[3]["metadata"] = {"finish": "stop"}
    rows[4]["metadata"] = {"finish": "length"}
    write_answers(cli, *rows)
    done = cli("run", "--suite", "suite.jsonl", "--model", "replay:p.jsonl", "--metrics", "diagnostics", "--out", "run",
               *SPARE, "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    finishes = [answer["metadata"].get("finish") for answer in read_lines(cli.folder / "run/answers.jsonl")]
    assert finishes == [None, None, None, "stop", "length"]
    scores = json.loads(done.stdout)
    assert (scores["n_truncated"], scores["n_empty"]) == (2, 1)
    assert {s["key"]: s["value"] for s in scores["scores"]}["Truncated-reports"] == pytest.approx(40)


def test_no_protocol_is_shown_for_texts_that_it_did_not_produce(cli: InProcess) -> None:
    cli.suite(1)
    write_answers(cli, {"question_id": 1, "text": "No."})
    for number, words in enumerate((["replay:p.jsonl"], ["normal", "--train", "train.jsonl"], ["constant"])):
        cli.suite(1, name="train.jsonl", reference="Clear.")
        done = cli("generate", "--suite", "suite.jsonl", "--model", *words, "--out", f"run{number}")
        assert done.returncode == 0, done.stderr
        assert json.loads((cli.folder / f"run{number}/run.json").read_text())["protocol"] is None
        assert "beams" not in done.stderr
        assert "no protocol: its texts do not depend on the decoding" in done.stderr
    named = (
        "generate",
        "--suite",
        "suite.jsonl",
        "--model",
        "replay:p.jsonl",
        "--protocol",
        "greedy",
        "--out",
        "named",
    )
    assert cli(*named).returncode == 0
    assert json.loads((cli.folder / "named/run.json").read_text())["protocol"]["name"] == "greedy"


def test_short_answers_are_not_truncated_where_the_truth_is_as_short(cli: InProcess) -> None:
    cli.suite(2, reference="yes")
    write_answers(cli, {"question_id": 1, "text": "yes"}, {"question_id": 2, "text": "no"})
    done = cli("score", "--references", "suite.jsonl", "--predictions", "p.jsonl", "--metrics", "exact_match", "--json")
    assert json.loads(done.stdout)["n_truncated"] == 0


def test_a_replay_finds_its_answers_whatever_type_an_id_has(cli: InProcess) -> None:
    cli.suite(2)
    write_answers(cli, {"question_id": "1", "text": "No."}, {"question_id": "2", "text": "Yes."})
    run = ("run", "--suite", "suite.jsonl", "--model", "replay:p.jsonl", "--metrics", "rouge_l", "--out", "run")
    assert cli(*run, *SPARE).returncode == 0
    assert [answer["text"] for answer in read_lines(cli.folder / "run/answers.jsonl")] == ["No.", "Yes."]


@pytest.mark.parametrize("second", [1, "1"])
def test_two_answers_of_one_id_are_an_error(second, cli: InProcess) -> None:
    cli.suite(1)
    write_answers(cli, {"question_id": 1, "text": "No."}, {"question_id": second, "text": "Yes."})
    for words in (
        ("score", "--references", "suite.jsonl", "--predictions", "p.jsonl"),
        ("run", "--suite", "suite.jsonl", "--model", "replay:p.jsonl", "--metrics", "rouge_l"),
    ):
        done = cli(*words)
        assert done.returncode == 2
        assert "p.jsonl:2" in done.stderr
        assert f"duplicate question_id {second!r}" in done.stderr


def test_patients_without_an_id_are_not_one_patient(cli: InProcess) -> None:
    rows = [{"question_id": n, "text": "Q", "reference": "No change."} for n in range(6)]
    for row, patient in zip(rows, ("a", "a", "b", None, None, None), strict=True):
        row |= {"subject_id": patient}
    (cli.folder / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = cli("run", "--suite", "s.jsonl", "--model", "constant", "--metrics", "rouge_l", *SPARE, "--json")
    assert json.loads(done.stdout)["n_clusters"] == 5


def test_the_phantom_model_warns_before_it_speaks_of_patients(cli: InProcess) -> None:
    words = ["made for synthetic phantoms", "real radiographs"]
    done = cli("describe", GOLDEN / "images/cur0.png", "--model", "libra-tiny", "--max-new-tokens", "4", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("warning: libra-tiny was made for synthetic phantoms") == 1
    assert all(word in json.loads(done.stdout)["metadata"]["warnings"][0] for word in words)
    done = cli("describe", DEMO / "images/00001/1.png", "--model", "libra-tiny", "--max-new-tokens", "4", "--json")
    assert "warning" not in done.stderr
    assert "warnings" not in json.loads(done.stdout)["metadata"]


def test_the_phantom_model_warns_from_any_folder(cli: InProcess) -> None:
    for part in ("libra-tiny", "libra-tiny-tower"):
        shutil.copytree(ROOT / "model_adapters/data" / part, cli.folder / "models" / part)
    done = cli("describe", GOLDEN / "images/cur0.png", "--model", "models/libra-tiny", "--max-new-tokens", "4")
    assert done.returncode == 0, done.stderr
    assert "made for synthetic phantoms" in done.stderr


@pytest.mark.parametrize("real", [True, False])
def test_a_run_of_the_phantom_model_keeps_its_warning(real: bool, cli: InProcess) -> None:
    row = json.loads((DEMO / "demo.jsonl").read_text().splitlines()[0])
    (cli.folder / "s.jsonl").write_text(json.dumps(row | ({"subject_id": 10000032} if real else {})) + "\n")
    done = cli("run", "--suite", "s.jsonl", "--image-root", DEMO, "--model", "libra-tiny", "--max-new-tokens", "4",
               "--metrics", "rouge_l", "--no-plots", "--out", "run")  # fmt: skip
    assert done.returncode == 0, done.stderr
    warnings = json.loads((cli.folder / "run/run.json").read_text())["warnings"]
    assert len(warnings) == done.stderr.count("warning: libra-tiny") == int(real)
    assert ("made for synthetic phantoms" in (cli.folder / "run/report.html").read_text()) == real


def test_empty_texts_are_shown_with_the_scores_they_dominate(cli: InProcess) -> None:
    """In the boards of every kind, the page, the terminal and the comparison; not beside other scores."""
    folder = write_run(cli.folder / "runs" / "a", model="a", fingerprint="a")
    change_record(folder, "scores.json", n_empty=1)  # and one failed: 2 of 3
    files = [word for kind in ("csv", "markdown", "latex", "html") for word in (f"--{kind}", cli.folder / f"b.{kind}")]
    done = cli("leaderboard", "runs", *files)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("67 % empty") == 1
    for kind, words in (("markdown", "67 % empty"), ("latex", r"67 \% empty"), ("html", "67 % empty")):
        assert (cli.folder / f"b.{kind}").read_text().count(words) == 1
    header, row = (line.split(",") for line in (cli.folder / "b.csv").read_text().splitlines())
    assert float(row[header.index("RadCliQ-v1 empty")]) == pytest.approx(2 / 3)
    assert cli("report", folder).returncode == 0
    assert (folder / "report.html").read_text().count("67 % empty") == 1

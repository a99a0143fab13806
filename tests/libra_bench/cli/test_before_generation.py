"""What would stop the scoring is found before a model is loaded, in one line; nothing is generated."""

from __future__ import annotations

import json

import pytest
from in_process import InProcess

GOOD = {"question_id": 1, "image": [], "text": "What is seen?", "reference": "No change."}
RUN = ("run", "--suite", "s.jsonl", "--model", "constant", "--metrics", "rouge_l", "--no-report", "--no-plots")


def write_suite(cli: InProcess, *rows: dict | str) -> None:
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    (cli.folder / "s.jsonl").write_text("".join(line + "\n" for line in lines))


def refused(cli: InProcess, done, *words: str) -> None:
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr
    assert not (cli.folder / "runs").exists()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"question_id": 2, "text": "Q"}, ["1 of 2 samples have no reference (2)", "--references partial"]),
        ('{"question_id": 2, "text": "Q", "reference": "R", "age": NaN}', ["s.jsonl:2", "NaN is not a JSON value"]),
        ('{"question_id": 2, "text": "Q", "reference": "R", "x": [-Infinity]}', ["s.jsonl:2", "-Infinity is not a"]),
        ({**GOOD, "question_id": 2, "subject_id": ["p1"]}, ["s.jsonl:2", "subject_id is a list"]),
        ({**GOOD, "question_id": 2, "subject_id": {"a": 1}}, ["s.jsonl:2", "subject_id is an object"]),
        ({**GOOD, "question_id": 2, "question_type": ["a", "b"]}, ["s.jsonl:2", "question_type is a list"]),
        ({**GOOD, "question_id": 2, "prior_report": {"text": "x"}}, ["s.jsonl:2", "prior_report is an object"]),
        ("[" * 100_000, ["s.jsonl:2", "not valid JSON"]),
        ({**GOOD, "question_id": "1"}, ["s.jsonl:2", "duplicate question_id '1'"]),
    ],
)
def test_a_line_that_cannot_be_scored(row, words, cli: InProcess) -> None:
    write_suite(cli, GOOD, row)
    refused(cli, cli(*RUN), *words)


def test_an_unknown_field_to_stratify_by(cli: InProcess) -> None:
    write_suite(cli, {**GOOD, "view": "AP"})
    refused(cli, cli(*RUN, "--by", "veiw"), "unknown field 'veiw'", "did you mean 'view'")


def test_generation_alone_needs_no_reference(cli: InProcess) -> None:
    write_suite(cli, {"question_id": 2, "text": "Q"})
    assert cli("generate", *RUN[1:]).returncode == 0


def test_partial_scores_those_that_have_a_reference_and_counts_the_others(cli: InProcess) -> None:
    write_suite(cli, GOOD, {"question_id": 2, "text": "Q"}, {**GOOD, "question_id": 3})
    done = cli(*RUN, "--references", "partial", "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)
    assert (scores["n"], scores["n_without_reference"]) == (2, 1)
    assert json.loads((cli.folder / "run/run.json").read_text())["n"] == 3
    table = cli("score", "run", "--references", "partial", "--metrics", "rouge_l").stdout
    assert "1 more without a reference were left out" in " ".join(table.split())
    whole = cli("score", "run", "--metrics", "rouge_l")
    assert whole.returncode == 2
    assert "1 of 3 samples have no reference (2)" in whole.stderr
    files = ("score", "--references", "s.jsonl", "--predictions", "run/answers.jsonl", "--metrics", "rouge_l", "--json")
    assert cli(*files).returncode == 2
    alone = json.loads(cli(*files, "--references", "partial").stdout)
    assert (alone["n"], alone["n_without_reference"]) == (2, 1)
    assert alone["scores"] == scores["scores"]


def test_no_reference_at_all_is_refused_even_in_part(cli: InProcess) -> None:
    write_suite(cli, {"question_id": 2, "text": "Q"})
    refused(cli, cli(*RUN, "--references", "partial"), "1 of 1 samples have no reference")


def test_a_cache_that_cannot_be_written_costs_time_and_no_score(cli: InProcess) -> None:
    write_suite(cli, GOOD, {**GOOD, "question_id": 2, "reference": "Effusion."})
    first = cli(*RUN, "--out", "a", "--json", LIBRA_BENCH_CACHE=str(cli.folder / "cache"))
    second = cli(*RUN, "--out", "b", "--json", LIBRA_BENCH_CACHE="/proc/nobody/can/write/here")
    assert second.returncode == 0, second.stderr
    assert json.loads(second.stdout)["floors"] == json.loads(first.stdout)["floors"]
    for kept in (cli.folder / "cache/reference-points").iterdir():
        kept.write_text("[]")  # damaged
    third = cli(*RUN, "--out", "c", "--json", LIBRA_BENCH_CACHE=str(cli.folder / "cache"))
    assert json.loads(third.stdout)["floors"] == json.loads(first.stdout)["floors"]


def test_a_run_folder_that_cannot_be_made_is_one_line(cli: InProcess) -> None:
    write_suite(cli, GOOD)
    (cli.folder / "file").touch()
    for out in ("file", "file/run"):
        done = cli(*RUN, "--out", out)
        assert done.returncode == 1
        assert f"error: {out}: cannot write" in done.stderr
        assert "unexpected" not in done.stderr


def test_a_metric_that_finds_nothing_to_measure_says_so(cli: InProcess) -> None:
    write_suite(cli, GOOD)
    metrics = ("--metrics", "rouge_l,open_closed", "--no-plots")
    done = cli("run", "--suite", "s.jsonl", "--model", "constant", *metrics, "--out", "run")
    assert done.returncode == 0, done.stderr
    assert "nothing to measure: open_closed (no sample has" in " ".join(done.stdout.split())
    assert "Nothing to measure: open_closed (no sample has" in (cli.folder / "run/report.html").read_text()

"""The main job through the real program: what it leaves behind, what it prints, and that it is the original's text."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from real_program import read_lines
from repository import GOLDEN


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_run_leaves_what_the_readme_says(program):
    program.suite(5, subject_id=3)
    done = program("run", "--suite", "suite.jsonl", "--model", "constant")
    assert done.returncode == 0, done.stderr
    (folder,) = (program.folder / "runs/suite/constant").iterdir()
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert names == {
        "run.json", "answers.jsonl", "scores.json", "scores.csv", "samples.csv", "spans.jsonl", "statistics.npz",
        "plots", "report.html",
    }  # fmt: skip
    record = json.loads((folder / "run.json").read_text())
    assert record["fingerprint"] == folder.name
    assert record["command"].startswith("libra-bench run --suite suite.jsonl --model constant")
    assert (record["n"], record["n_failed"], record["world_size"]) == (5, 0, 1)
    assert len(record["suite"]["sha256"]) == 64
    assert record["started"] <= record["ended"]
    assert {"python", "libra-bench", "numpy"} <= record["versions"].keys()
    assert record["protocol"] is None  # a constant text depends on no decoding
    assert record["model"]["is_baseline"]
    scores = json.loads((folder / "scores.json").read_text())
    assert [score["key"] for score in scores["scores"]][:6] == ["BLEU1", "BLEU2", "BLEU3", "BLEU4", "METEOR", "ROUGE-L"]
    assert all(score["signature"].startswith(score["metric"] + "|") for score in scores["scores"])
    assert [floor["name"] for floor in scores["floors"]] == ["empty", "shuffled-references", "constant"]
    samples = rows(folder / "samples.csv")
    assert [row["question_id"] for row in samples] == ["1", "2", "3", "4", "5"]


def test_a_rerun_replaces_its_row_and_another_run_adds_one(cli):
    cli.suite(3)
    command = ("run", "--suite", "suite.jsonl", "--metrics", "bleu,rouge_l", "--no-report", "--no-plots", "--model")
    for arguments in (["constant"], ["constant"], ["echo"], ["constant", "--num-beams", 4]):
        done = cli(*command, *arguments)
        assert done.returncode == 0, done.stderr
    table = rows(cli.folder / "runs/leaderboard.csv")
    assert [row["Model Name"] for row in table] == ["constant", "echo", "constant"]
    assert len({row["run"] for row in table}) == 3
    assert next(iter(table[0])) == "Model Name"
    assert list(table[0])[-1] == "run"
    signatures = rows(cli.folder / "runs/leaderboard.signatures.csv")
    assert {row["run"] for row in signatures} == {row["run"] for row in table}
    assert len({(row["run"], row["column"]) for row in signatures}) == len(signatures)
    assert all(table[0][row["column"]] for row in signatures if row["run"] == table[0]["run"])


def test_json_goes_to_stdout_and_the_prompt_to_stderr(cli):
    cli.suite(2)
    done = cli("run", "--suite", "suite.jsonl", "--model", "constant", "--metrics", "bleu", "--json", "--out", "here")
    result = json.loads(done.stdout)
    assert result["run"] == "here"
    assert result["n"] == 2
    assert not (cli.folder / "runs").exists()


def test_the_oracle_is_perfect_and_an_update_of_a_reference_rescores_the_same_answers(cli):
    cli.suite(3)
    run = ("run", "--suite", "suite.jsonl", "--model", "oracle", "--metrics", "rouge_l", "--out", "run", "--json")
    done = cli(*run, "--no-report", "--no-plots")
    values = {score["key"]: score["value"] for score in json.loads(done.stdout)["scores"]}
    assert values["ROUGE-L"] == pytest.approx(100)
    cli.suite(3, reference="The heart is large.")
    scored = cli("score", "run", "--json", "--metrics", "rouge_l")
    assert scored.returncode == 0, scored.stderr
    assert json.loads(scored.stdout)["scores"][0]["value"] == 0


def test_score_of_several_files_makes_a_row_each(cli):
    references = cli.suite(2)
    for name, text in (("a", "No change."), ("b", "Change.")):
        lines = [json.dumps({"question_id": number, "text": text}) for number in (1, 2)]
        (cli.folder / f"{name}.jsonl").write_text("\n".join(lines))
    done = cli(
        "score", "--references", references, "--predictions", "a.jsonl", "b.jsonl",
        "--model-name", "first", "--model-name", "second", "--csv", "board.csv", "--metrics", "rouge_l", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [result["model"] for result in json.loads(done.stdout)] == ["first", "second"]
    assert [row["Model Name"] for row in rows(cli.folder / "board.csv")] == ["first", "second"]


@pytest.mark.parametrize("command", ["suites", "models", "metrics", "doctor"])
def test_the_listings_speak_json_and_tables(cli, command):
    listed = cli(command, "--json")
    assert listed.returncode == 0, listed.stderr
    assert len(json.loads(listed.stdout)) > 3
    assert cli(command).returncode == 0


def eval_suite(folder: Path) -> list[dict]:
    """The recorded evaluation, without its three-image row (refused here) and the plain 16-bit one."""
    shutil.copytree(GOLDEN / "images", folder / "images")
    questions = [q for q in read_lines(GOLDEN / "eval/questions.jsonl") if len(q["image"]) != 3]
    (folder / "eval.jsonl").write_text("".join(json.dumps(question) + "\n" for question in questions))
    return questions


def test_the_recorded_evaluation_comes_out_again(cli):
    eval_suite(cli.folder)
    done = cli(
        "generate", "--suite", "eval.jsonl", "--image-root", "images", "--model", GOLDEN / "models/tiny-libra-tac",
        "--conv-mode", "libra_v1", "--num-beams", 3, "--num-return-sequences", 3, "--max-new-tokens", 24,
        "--dtype", "float32", "--out", "run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    recorded = {r["question_id"]: r for r in read_lines(GOLDEN / "eval_records.jsonl") if r["_run"] == "beam3"}
    answers = read_lines(cli.folder / "run/answers.jsonl")
    compared = [a for a in answers if a["question_id"] in recorded and not recorded[a["question_id"]].get("error")]
    assert len(compared) >= 4
    for answer in compared:
        assert answer["text"] == recorded[answer["question_id"]]["text"], answer["question_id"]
        assert len(answer["metadata"]["alternatives"]) == 3
        assert answer["metadata"]["alternatives"][0]["text"] == answer["text"]


def test_describe_says_what_the_run_says(cli):
    done = cli(
        "describe", GOLDEN / "images/cur0.png", GOLDEN / "images/prior0.png",
        "--model", GOLDEN / "models/tiny-libra-tac", "--protocol", "greedy",
        "--max-new-tokens", 24, "--conv-mode", "libra_v1", "--prompt",
        "Provide a detailed description of the findings in the radiology image. Following clinical context: "
        "Indication: Shortness of breath.",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (recorded,) = [
        r for r in read_lines(GOLDEN / "eval_records.jsonl") if (r["_run"], r["question_id"]) == ("greedy", 100)
    ]
    assert done.stdout.replace("\n", " ").strip() == recorded["text"]

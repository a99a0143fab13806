"""Nothing of a user's work is lost or replaced in silence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from in_process import InProcess
from real_program import read_lines

RUN = ("run", "--suite", "suite.jsonl", "--model", "constant", "--metrics", "rouge_l", "--no-report", "--no-plots")


def refused(done, *words: str) -> None:
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def run_folder(cli: InProcess) -> Path:
    cli.suite(3)
    assert cli(*RUN, "--out", "run").returncode == 0
    return cli.folder / "run"


@pytest.mark.parametrize("name", ["answers_backup.jsonl", "answers.jsonl.bak.jsonl", "answers.rank1.copy.jsonl"])
def test_a_copy_of_the_answers_is_neither_read_nor_deleted(name: str, cli: InProcess) -> None:
    folder = run_folder(cli)
    lines = [{**line, "text": "from the copy"} for line in read_lines(folder / "answers.jsonl")]
    (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert cli(*RUN, "--out", "run").returncode == 0
    assert all(line["text"] != "from the copy" for line in read_lines(folder / "answers.jsonl"))
    assert [line["text"] for line in read_lines(folder / name)] == ["from the copy"] * 3


def test_a_copy_does_not_make_a_folder_a_run(cli: InProcess) -> None:
    cli.suite(3)
    (cli.folder / "out").mkdir()
    (cli.folder / "out" / "answers_of_mine.jsonl").write_text('{"question_id": 1, "text": "mine"}\n')
    assert cli(*RUN, "--out", "out").returncode == 0
    assert "mine" in (cli.folder / "out" / "answers_of_mine.jsonl").read_text()


def test_a_last_line_without_its_newline_is_kept(cli: InProcess) -> None:
    folder = run_folder(cli)
    path = folder / "answers.jsonl"
    lines = read_lines(path)
    lines[-1]["text"] = "corrected by hand"
    path.write_text("\n".join(map(json.dumps, lines)))  # as some editors leave it
    assert cli(*RUN, "--out", "run").returncode == 0
    assert read_lines(path)[-1]["text"] == "corrected by hand"


def test_two_different_answers_of_one_id_are_an_error(cli: InProcess) -> None:
    folder = run_folder(cli)
    lines = read_lines(folder / "answers.jsonl")
    with (folder / "answers.jsonl").open("a") as stream:
        stream.write(json.dumps({**lines[0], "text": "another"}) + "\n")
    for command in ((*RUN, "--out", "run"), ("score", "run")):
        refused(cli(*command), "two ", "answers to question 1", "answers.jsonl")
    assert len(read_lines(folder / "answers.jsonl")) == 4


def test_an_answer_to_another_question_is_named_before_anything_is_generated(cli: InProcess) -> None:
    folder = run_folder(cli)
    path = folder / "answers.jsonl"
    lines = read_lines(path)
    path.write_text("".join(json.dumps(line) + "\n" for line in (*lines[:2], {**lines[2], "question_id": "other"})))
    done = cli(*RUN, "--out", "run")
    assert done.returncode == 2
    assert "answers.jsonl: 1 answers to questions that the suite does not have, the first 'other'" in done.stderr
    assert len(read_lines(path)) == 3


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda text: text.replace("\n", ",note\n", 1), ["leaderboard.csv:2", "cells under"]),
        (lambda text: text + "constant,1,2\n", ["leaderboard.csv:3", "3 cells under"]),
        (lambda text: text.replace("n_failed", "n", 1), ["leaderboard.csv:1", "column 'n' occurs twice"]),
        (lambda text: text.replace("constant,", '"constant,', 1), ["leaderboard.csv", "not valid CSV"]),
        (lambda text: text.replace(",", ";"), ["leaderboard.csv", "not a leaderboard"]),
    ],
    ids=["a header without cells", "a short row", "a column twice", "an open quote", "semicolons"],
)
def test_an_edited_leaderboard_that_cannot_be_kept_is_refused_before_the_run(edit, words, cli: InProcess) -> None:
    cli.suite(3)
    assert cli(*RUN).returncode == 0
    path = cli.folder / "runs/leaderboard.csv"
    path.write_text(edit(path.read_text()))
    edited = path.read_text()
    shutil.rmtree(cli.folder / "runs/suite")
    refused(cli(*RUN), *words)
    assert path.read_text() == edited
    assert not (cli.folder / "runs/suite").exists()


def test_a_reader_s_own_columns_and_rows_stay_in_the_leaderboard(cli: InProcess) -> None:
    cli.suite(3)
    assert cli(*RUN).returncode == 0
    path = cli.folder / "runs/leaderboard.csv"
    header, row = path.read_text().splitlines()
    cells = ",".join("theirs" if name == "Model Name" else "" for name in header.split(","))
    path.write_text(f"{header},my note\n{row},keep me\n{cells},=1+1\n")
    assert cli(*RUN).returncode == 0
    assert cli("score", next((cli.folder / "runs/suite/constant").iterdir()), "--metrics", "bleu").returncode == 0
    text = path.read_text()
    assert text.count("keep me") == 1
    assert text.count(",=1+1,") == 1  # a formula of the reader's own stays one
    assert "BLEU1" in text.splitlines()[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["generate", "--suite", "demo", "--suite", "vqa", "--model", "echo"],
            "--suite: given twice (demo and vqa); `run` takes several",
        ),
        (["describe", "x.png", "--model", "echo", "--model=oracle"], "--model: given twice (echo and oracle); `run`"),
        (["run", "--suite", "demo", "--model", "echo", "--metrics", "bleu", "--metrics", "cider"], "--metrics: given"),
        (["describe", "x.png", "--model", "echo", "--seed", "1", "--seed", "2"], "--seed: given twice (1 and 2)"),
        (["data", "check", "x", "--image-root", "a", "--image-root", "b"], "--image-root: given twice (a and b)"),
    ],
)
def test_an_option_that_takes_one_value_given_twice_is_refused(words, message, cli: InProcess) -> None:
    refused(cli(*words), message)


def test_options_that_take_several_may_be_repeated(cli: InProcess) -> None:
    cli.suite(2, view="AP", site="A")
    assert cli(*RUN, "--by", "view", "--by", "site", "--out", "run").returncode == 0
    strata = json.loads((cli.folder / "run/scores.json").read_text())["strata"]
    assert {entry["by"] for entry in strata} == {"view", "site"}


@pytest.mark.parametrize("name", ["report.html", "samples.csv", "plots"])
def test_files_of_another_kind_are_not_overwritten(name: str, cli: InProcess) -> None:
    cli.suite(2)
    (cli.folder / "mine").mkdir()
    theirs = cli.folder / "mine" / name
    theirs.mkdir() if name == "plots" else theirs.write_text("mine")
    refused(cli(*RUN, "--out", "mine"), f"holds {name}, but no run.json", "give another --out")
    assert [path.name for path in theirs.parent.iterdir()] == [name]


def test_a_board_is_not_written_over_the_leaderboard_of_runs(cli: InProcess) -> None:
    cli.suite(2)
    assert cli(*RUN).returncode == 0
    path = cli.folder / "runs/leaderboard.csv"
    before = path.read_bytes()
    refused(cli("leaderboard", "runs", "--csv", path), "leaderboard.csv", "another file")
    assert path.read_bytes() == before


def test_of_a_run_and_its_copy_the_one_scored_last_is_on_the_board(cli: InProcess) -> None:
    folder = run_folder(cli)
    shutil.copytree(folder, cli.folder / "z_copy")
    assert cli("score", folder, "--metrics", "bleu").returncode == 0
    done = cli("leaderboard", ".", "--json")
    assert done.stderr.strip() == "left out, since it is a copy of run: z_copy"
    (board,) = json.loads(done.stdout)["boards"]
    assert "BLEU1" in board["keys"]


@pytest.mark.parametrize("name", ["x" * 300, "file", "file/below", "dangling"])
def test_an_out_that_cannot_be_a_folder_is_one_line(name: str, cli: InProcess) -> None:
    cli.suite(1)
    (cli.folder / "file").touch()
    (cli.folder / "dangling").symlink_to(cli.folder / "nowhere" / "at all")
    done = cli("generate", "--suite", "suite.jsonl", "--model", "echo", "--out", name)
    assert done.returncode in (1, 2)
    assert "unexpected" not in done.stderr
    assert done.stderr.rstrip().splitlines()[-1].startswith(f"error: {name}")

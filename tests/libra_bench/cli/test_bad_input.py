"""Bad input through the real program: one line that says what, where and the hint; the right exit status."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

GOOD = {"question_id": 1, "image": [], "text": "What is seen?", "reference": "No change."}


def refused(done, *words, status=2):
    """The program said no in one line that holds all these words."""
    assert done.returncode == status, (done.stdout, done.stderr)
    lines = done.stderr.strip().splitlines()
    assert lines[-1].startswith("error: "), done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in lines[-1], lines[-1]
    assert done.stdout == ""


def write_suite(folder: Path, *rows: dict | str) -> Path:
    path = folder / "s.jsonl"
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([GOOD, '{"question_id": 2, "text": '], ["s.jsonl:2", "not valid JSON"]),
        ([GOOD, GOOD], ["s.jsonl:2", "duplicate question_id 1", "s.jsonl:1"]),
        ([{**GOOD, "question_id": None}], ["s.jsonl:1", "missing question_id"]),
        ([{**GOOD, "text": "  "}], ["s.jsonl:1", "prompt (text) is empty"]),
        ([], ["s.jsonl", "holds no samples"]),
        ([{**GOOD, "image": ["a.png", "b.png", "c.png"]}], ["s.jsonl:1", "3 images"]),
        ([{**GOOD, "image": "absent.png"}], ["question 1", "absent.png", "--on-error record"]),
        ([{**GOOD, "image": "../outside.png"}], ["question 1", "outside"]),
        ([{**GOOD, "image": "/etc/hostname"}], ["question 1"]),
        ([{key: GOOD[key] for key in ("question_id", "image", "text")}], ["1 of 1 samples have no reference"]),
    ],
    ids=[
        "json",
        "duplicate",
        "no id",
        "no prompt",
        "empty",
        "3 images",
        "no file",
        "outside",
        "absolute",
        "no reference",
    ],
)
def test_a_bad_suite(cli, rows, words):
    (cli.folder.parent / "outside.png").write_bytes(b"x")
    suite = write_suite(cli.folder, *rows)
    refused(cli("run", "--suite", suite, "--model", "echo", "--metrics", "temporal_f1"), *words)


def test_a_link_that_leaves_the_image_root_is_followed_only_when_asked(cli):
    from PIL import Image

    inside = cli.folder / "inside"
    inside.mkdir()
    Image.new("L", (8, 8), 9).save(cli.folder / "outside.png")
    os.symlink(cli.folder / "outside.png", inside / "link.png")
    suite = write_suite(inside, {**GOOD, "image": "link.png"})
    arguments = ("run", "--suite", suite, "--model", "echo", "--metrics", "temporal_f1")
    refused(cli(*arguments), "link.png", "--follow-links")
    assert cli(*arguments, "--follow-links").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--suite", "demmo", "--model", "echo"], ["unknown suite 'demmo'", "did you mean 'demo'?"]),
        (["run", "--suite", "demo", "--model", "libra-tny"], ["unknown model 'libra-tny'", "'libra-tiny'"]),
        (["run", "--suite", "demo", "--model", "echo", "--metrics", "blue"], ["unknown metric 'blue'", "'bleu'"]),
        (["run", "--suite", "demo", "--model", "echo", "--protocol", "gredy"], ["unknown protocol", "'greedy'"]),
        (["run", "--suite", "demo", "--model", "echo", "--metrics", "bleu[orderr=2]"], ["parameter of bleu"]),
        (["run", "--suite", "findings", "--model", "echo"], ["--data FILE", "physionet.org"]),
        (["run", "--suite", "gone.jsonl", "--model", "echo"], ["gone.jsonl", "no such suite file"]),
        (["run", "--suite", "demo", "--model", "echo", "--num-beams", "0"], ["--num-beams", "at least 1"]),
        (["run", "--suite", "demo", "--model", "echo", "--batch-size", "many"], ["--batch-size"]),
        (["run", "--suite", "demo", "--model", "echo", "--num-return-sequences", "11"], ["11 sequences", "1 beam"]),
        (["run", "--suite", "demo", "--model", "echo", "--on-error", "ignore"], ["--on-error"]),
        (["run", "--suite", "demo", "--model", "replay:gone.jsonl"], ["gone.jsonl"]),
        (["run", "--suite", "demo", "--model", "no_such_module:f"], ["cannot import 'no_such_module'"]),
        (["score", "no-such-run"], ["not a run folder"]),
        (["score", "--references", "r.jsonl"], ["--references FILE and --predictions"]),
        (["describe", "gone.png", "--model", "echo"], ["gone.png", "no such image"]),
    ],
)
def test_a_wrong_word_on_the_command_line(cli, arguments, words):
    refused(cli(*arguments), *words)


def test_metrics_are_known_before_generation_starts(cli):
    cli.suite()
    done = cli("run", "--suite", "suite.jsonl", "--model", "echo", "--metrics", "chexbert")
    refused(done, "chexbert")
    assert not (cli.folder / "runs").exists()


def test_predictions_that_do_not_match_the_references_are_named(cli):
    references = write_suite(cli.folder, GOOD, {**GOOD, "question_id": 2}, {**GOOD, "question_id": "x"})
    predictions = cli.folder / "p.jsonl"
    predictions.write_text('{"question_id": 1, "text": "a"}\n{"question_id": 7, "text": "b"}\n')
    done = cli("score", "--references", references, "--predictions", predictions)
    refused(done, "p.jsonl", "2 of 3 studies have no answer (2, x)", "1 answers belong to no study (7)")


def test_debug_shows_the_traceback_wherever_it_is_given(program):
    done = program("run", "--suite", "gone.jsonl", "--model", "echo", "--debug")
    assert "Traceback" in done.stderr
    assert "SuiteError" in done.stderr


def test_no_command_resamples_for_ever(cli):
    for words in (("compare", "a", "b"), ("stability", "a"), ("audit", "--suite", "demo", "--model", "constant")):
        refused(cli(*words, "--resamples", "9" * 20), "--resamples")


def test_a_file_in_the_place_of_a_folder_of_results(cli):
    (cli.folder / "there").write_text("")
    references = write_suite(cli.folder, GOOD, {**GOOD, "question_id": 2, "reference": "No pleural effusion."})
    words = ("metrics", "sensitivity", "--references", references, "--metrics", "rouge_l", "--n", "2")
    refused(cli(*words, "--out", "there"), "there", "File exists")

"""A run that is killed, refused, repeated: nothing lost, nothing twice, nothing mixed."""

from __future__ import annotations

import json
import random
import signal
import time

import pytest
from real_program import Program, read_lines, stable


def finished(program: Program, *options: object):
    done = program("generate", "--suite", "suite.jsonl", "--model", "slow_model:answer", *options)
    assert done.returncode == 0, done.stderr
    return done


def kill_after_answers(process, path, number: int) -> None:
    """kill -9 as soon as the file holds so many answers (or the run is over)."""
    while process.poll() is None:
        if path.exists() and path.read_bytes().count(b"\n") >= number:
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("points", [2, pytest.param(25, marks=pytest.mark.slow)])
def test_killed_at_any_point_the_same_command_finishes_the_same_file(program, cli, points):
    program.suite(24)
    program.slow_model(0.01)
    finished(cli, "--out", "whole", "--batch-size", 1)
    whole = stable(read_lines(program.folder / "whole" / "answers.jsonl"))
    draw = random.Random(20)
    for number in range(points):
        out = program.folder / f"killed{number}"
        arguments = ("generate", "--suite", "suite.jsonl", "--model", "slow_model:answer", "--batch-size", 1)
        for _ in range(draw.choice([1, 2])):
            process = program.start(*arguments, "--out", out)
            kill_after_answers(process, out / "answers.jsonl", draw.randrange(24))
        finished(cli, "--out", out, "--batch-size", 1)
        assert stable(read_lines(out / "answers.jsonl")) == whole


@pytest.mark.slow
def test_killed_with_the_reference_model(program):
    """Batches and beams: what was answered in another batch before the kill is the same text."""
    arguments = ("generate", "--suite", "demo", "--model", "libra-tiny", "--limit", 24, "--batch-size", 4)
    assert program(*arguments, "--out", "whole").returncode == 0
    whole = stable(read_lines(program.folder / "whole/answers.jsonl"))
    draw = random.Random(4)
    for number in range(6):
        out = program.folder / f"killed{number}"
        process = program.start(*arguments, "--out", out)
        kill_after_answers(process, out / "answers.jsonl", draw.randrange(24))
        assert program(*arguments[:-1], draw.choice([1, 3, 8]), "--out", out).returncode == 0
        assert stable(read_lines(out / "answers.jsonl")) == whole


def test_a_finished_run_is_recognised_and_left_alone(cli):
    cli.suite()
    cli.slow_model(0)
    finished(cli)
    (folder,) = (cli.folder / "runs/suite").glob("*/*")
    before = (folder / "answers.jsonl").read_bytes(), (folder / "run.json").read_bytes()
    done = finished(cli)
    assert "8 of them answered already" in done.stderr
    assert ((folder / "answers.jsonl").read_bytes(), (folder / "run.json").read_bytes()) == before


def test_the_device_and_batch_size_are_recorded_but_do_not_make_another_run(cli):
    cli.suite()
    cli.slow_model(0)
    finished(cli)
    finished(cli, "--batch-size", 3, "--device", "cpu")
    assert len(list((cli.folder / "runs/suite").glob("*/*"))) == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (["--num-beams", 3], "decoding.num_beams is 1 there, 3 here"),
        (["--limit", 5], "suite.n is 8 there, 5 here"),
        (["--protocol", "libra-v1"], "decoding.num_beams is 1 there, 10 here"),
    ],
)
def test_another_setting_in_the_same_folder_is_refused_and_named(cli, change, named):
    cli.suite()
    cli.slow_model(0)
    finished(cli, "--out", "run")
    answers = (cli.folder / "run/answers.jsonl").read_bytes()
    done = cli("run", "--suite", "suite.jsonl", "--model", "slow_model:answer", "--out", "run", *change)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert named in done.stderr
    assert (cli.folder / "run/answers.jsonl").read_bytes() == answers


def test_another_suite_and_another_model_in_the_same_folder_are_refused(cli):
    cli.suite()
    cli.slow_model(0)
    finished(cli, "--out", "run")
    cli.suite(name="other.jsonl", text="another question")
    done = cli("run", "--suite", "other.jsonl", "--model", "slow_model:answer", "--out", "run")
    assert (done.returncode, "suite.questions_sha256" in done.stderr) == (2, True)
    done = cli("run", "--suite", "suite.jsonl", "--model", "echo", "--out", "run")
    assert (done.returncode, "model.name is 'slow_model-answer' there, 'echo' here" in done.stderr) == (2, True)


def test_two_runs_in_one_folder_at_the_same_time(program):
    program.suite(40)
    program.slow_model(1)  # longer than the second one takes to start, whatever else the machine does
    arguments = ("generate", "--suite", "suite.jsonl", "--model", "slow_model:answer", "--batch-size", 1)
    first = program.start(*arguments, "--out", "run")
    while not (program.folder / "run/answers.jsonl").exists():
        time.sleep(0.01)
    second = program(*arguments, "--out", "run")
    first.kill()
    first.wait()
    assert second.returncode == 2
    assert "another process is writing this folder" in second.stderr


def test_a_failed_study_stops_the_run_and_keeps_the_answers_before_it(cli):
    cli.suite()
    cli.slow_model()
    arguments = ("run", "--suite", "suite.jsonl", "--model", "slow_model:fails_on_3", "--batch-size", 1, "--out", "run")
    done = cli(*arguments)
    assert done.returncode == 1
    assert "question 3 failed: ValueError: the third study is too hard" in done.stderr
    assert [line["question_id"] for line in read_lines(cli.folder / "run/answers.jsonl")] == [1, 2]


def test_a_recorded_failure_counts_as_an_empty_text_and_can_be_asked_again(cli):
    cli.suite()
    cli.slow_model()
    arguments = ["run", "--suite", "suite.jsonl", "--model", "slow_model:fails_on_3", "--batch-size", 1]
    arguments += ["--on-error", "record", "--out", "run", "--metrics", "rouge_l,temporal_f1"]
    arguments += ["--no-report", "--no-plots"]
    done = cli(*arguments)
    assert done.returncode == 3, done.stderr
    scores = json.loads((cli.folder / "run/scores.json").read_text())
    assert (scores["n"], scores["n_failed"], scores["n_empty"]) == (8, 1, 0)
    assert {score["key"]: score["value"] for score in scores["scores"]}["ROUGE-L"] == pytest.approx(100 * 7 / 8)
    (record,) = [line for line in read_lines(cli.folder / "run/answers.jsonl") if line["question_id"] == 3]
    assert record["metadata"] == {"finish": "error", "error": "ValueError: the third study is too hard"}
    assert json.loads((cli.folder / "run/run.json").read_text())["n_failed"] == 1

    assert cli(*arguments).returncode == 3  # the record is kept; nothing is asked twice
    again = cli(*arguments, "--retry-failed")
    assert again.returncode == 3
    assert [line["question_id"] for line in read_lines(cli.folder / "run/answers.jsonl")] == list(range(1, 9))

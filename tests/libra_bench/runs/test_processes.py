"""Several processes on one run, started by torchrun: every study once, whoever dies, however many come back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from real_program import TORCHRUN, launch, read_lines, stable, workers_of
from torch.distributed import HashStore

from libra_bench.runs.processes import ProcessGroup, local_device


@pytest.fixture
def seconds():
    """How long an answer takes."""
    return 0.01


@pytest.fixture
def whole(cli, seconds):
    """The answers of one process, uninterrupted."""
    cli.suite(30)
    cli.slow_model(seconds)
    arguments = ("generate", "--suite", "suite.jsonl", "--model", "slow_model:answer", "--batch-size", 1)
    assert cli(*arguments, "--out", "alone").returncode == 0
    return arguments, stable(read_lines(cli.folder / "alone/answers.jsonl"))


@pytest.mark.parametrize("processes", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_processes_give_the_answers_of_one(program, whole, processes):
    arguments, expected = whole
    process = launch(program, processes, *arguments, "--out", "many")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert stable(read_lines(program.folder / "many/answers.jsonl")) == expected
    record = json.loads((program.folder / "many/run.json").read_text())
    assert record["world_size"] == processes
    assert [share["rank"] for share in record["processes"]] == list(range(processes))
    assert sum(share["studies"] for share in record["processes"]) == record["cost"]["studies"] == 30
    assert "generated 30 studies in" in errors
    assert [path.name for path in (program.folder / "many").glob("answers*")] == ["answers.jsonl"]


@pytest.mark.slow
def test_eight_processes_write_each_answer_once_and_score_as_one(program):
    program.suite(400)
    program.slow_model(0.01)
    options = ("--suite", "suite.jsonl", "--model", "slow_model:answer", "--batch-size", 1, "--metrics", "rouge_l")
    options += ("--no-report", "--no-plots")
    assert program("run", *options, "--out", "alone").returncode == 0
    process = launch(program, 8, "run", *options, "--out", "many")
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    for name in ("answers.jsonl", "scores.json", "samples.csv"):
        assert (program.folder / "many" / name).read_bytes() == (program.folder / "alone" / name).read_bytes(), name
    took = [share["studies"] for share in json.loads((program.folder / "many/run.json").read_text())["processes"]]
    assert (len(took), sum(took)) == (8, 400)
    assert sum(studies > 0 for studies in took) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.1])  # to be killed in time
@pytest.mark.parametrize("back", [1, 2, 4])
def test_after_a_process_was_killed_another_number_of_processes_finishes(program, whole, back):
    arguments, expected = whole
    folder = program.folder / "many"
    process = launch(program, 3, *arguments, "--out", "many")
    while process.poll() is None and not list(folder.glob("answers.rank*.jsonl")):
        time.sleep(0.01)
    os.kill(workers_of(process.pid)[-1], signal.SIGKILL)
    process.communicate(timeout=120)
    assert process.returncode != 0
    answered = sum(path.read_bytes().count(b"\n") for path in folder.glob("answers*.jsonl"))
    assert 0 < answered < len(expected)
    again = launch(program, back, *arguments, "--out", "many")
    _, errors = again.communicate(timeout=120)
    assert again.returncode == 0, errors
    assert stable(read_lines(folder / "answers.jsonl")) == expected


@pytest.mark.slow
def test_more_processes_than_studies(program):
    program.suite(1)
    process = launch(program, 2, "generate", "--suite", "suite.jsonl", "--model", "echo", "--out", "many")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert len(read_lines(program.folder / "many/answers.jsonl")) == 1


@pytest.mark.slow
def test_processes_with_another_model_are_refused(program):
    """Each process sees a model file of its own, as on two hosts with different checkpoints."""
    program.suite(4)
    program.slow_model()
    own = program.folder / "own.sh"
    own.write_text(
        "#!/bin/sh\nmkdir -p host$RANK; cp slow_model.py suite.jsonl host$RANK; cd host$RANK\n"
        'echo "# $RANK" >> slow_model.py\n'
        f"exec {program.command()[0]} generate --suite suite.jsonl --model slow_model:answer --out many\n"
    )
    own.chmod(0o755)
    done = subprocess.run(
        [str(TORCHRUN), "--standalone", "--nproc_per_node=2", "--no-python", "./own.sh"],
        cwd=program.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    assert "process 1 has another fingerprint" in done.stderr


@pytest.mark.parametrize(("total", "processes"), [(1000, 3), (7, 4), (1, 2)])
def test_the_last_pieces_are_small_and_every_study_is_taken_once(total, processes):
    store = HashStore()
    turns = [ProcessGroup(store, rank, processes).slices(total, largest=64, smallest=4) for rank in range(processes)]
    taken, sizes = [], []
    while turns:
        turn = turns.pop(0)
        piece = next(turn, None)
        if piece is not None:
            taken += range(total)[piece]
            sizes.append(piece.stop - piece.start)
            turns.append(turn)
    assert sorted(taken) == list(range(total))
    assert max(sizes) <= 64
    assert sizes[-1] <= 4


def test_a_process_ten_times_as_slow_does_not_hold_the_rest():
    """On a clock of its own: no process may work for long when the others have nothing left."""
    total, seconds_a_study = 600, [1.0, 1.0, 10.0]
    store = HashStore()
    turns = [ProcessGroup(store, rank, 3).slices(total, largest=64, smallest=4) for rank in range(3)]
    clocks = [0.0, 0.0, 0.0]
    working = {0, 1, 2}
    while working:
        rank = min(working, key=clocks.__getitem__)
        piece = next(turns[rank], None)
        if piece is None:
            working.discard(rank)
        else:
            clocks[rank] += (piece.stop - piece.start) * seconds_a_study[rank]
    shortest = total / sum(1 / seconds for seconds in seconds_a_study)
    assert max(clocks) < 1.8 * shortest


@pytest.mark.parametrize(
    ("asked", "world_size", "device"),
    [
        (None, "2", "cuda:1"),
        ("cuda", "2", "cuda:1"),
        ("cuda:0", "2", "cuda:0"),
        ("cpu", "2", "cpu"),
        ("cuda", "1", "cuda"),
    ],
)
def test_each_process_has_an_accelerator_of_its_own_unless_one_is_named(monkeypatch, asked, world_size, device):
    monkeypatch.setenv("LOCAL_RANK", "5")
    monkeypatch.setenv("WORLD_SIZE", world_size)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    assert local_device(asked) == device


KILLED_WHILE_MERGING = """
import os, pathlib, signal, sys
from benchmarks.files import read_jsonl
from libra_bench.runs.answers import AnswerLog
setattr(pathlib.Path, sys.argv[2], lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
AnswerLog(pathlib.Path(sys.argv[1])).finish(range(1, 31))
"""


@pytest.mark.parametrize("step", ["replace", "unlink"])
def test_a_process_that_dies_while_merging_leaves_every_answer_once(cli, whole, step):
    """Killed before the merged file takes its place, or after that and before the other files are gone."""
    arguments, expected = whole
    folder = cli.folder / "alone"
    lines = (folder / "answers.jsonl").read_text().splitlines(keepends=True)
    (folder / "answers.jsonl").write_text("".join(lines[::2]))
    (folder / "answers.rank1.jsonl").write_text("".join(lines[1::2]))
    killed = subprocess.run([sys.executable, "-c", KILLED_WHILE_MERGING, str(folder), step], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (folder / "answers.rank1.jsonl").exists()
    done = cli(*arguments, "--out", "alone")
    assert done.returncode == 0, done.stderr
    assert stable(read_lines(folder / "answers.jsonl")) == expected
    assert [path.name for path in folder.glob("answers*")] == ["answers.jsonl"]


@pytest.mark.slow
def test_accelerate_launch_starts_it_too(program, whole):
    arguments, expected = whole
    accelerate = Path(sys.executable).parent / "accelerate"
    command = [str(accelerate), "launch", "--cpu", "--num_processes", "1", "--no_python"]
    command += program.command(*arguments, "--out", "accelerated")
    done = subprocess.run(command, cwd=program.folder, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert stable(read_lines(program.folder / "accelerated/answers.jsonl")) == expected

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
from real_program import Program, read_lines, stable

TORCHRUN = Path(sys.executable).parent / "torchrun"


def launch(program: Program, processes: int, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            str(TORCHRUN),
            "--standalone",
            f"--nproc_per_node={processes}",
            "--no-python",
            *program.command(*arguments),
        ],
        cwd=program.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


@pytest.fixture
def whole(program):
    """The answers of one process, uninterrupted."""
    program.suite(30)
    program.slow_model(0.1)
    arguments = ("generate", "--suite", "suite.jsonl", "--model", "slow_model:answer", "--batch-size", 1)
    assert program(*arguments, "--out", "alone").returncode == 0
    return arguments, stable(read_lines(program.folder / "alone/answers.jsonl"))


@pytest.mark.parametrize("processes", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_processes_give_the_answers_of_one(program, whole, processes):
    arguments, expected = whole
    process = launch(program, processes, *arguments, "--out", "many")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert stable(read_lines(program.folder / "many/answers.jsonl")) == expected
    assert json.loads((program.folder / "many/run.json").read_text())["world_size"] == processes
    assert [path.name for path in (program.folder / "many").glob("answers*")] == ["answers.jsonl"]


@pytest.mark.slow
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


def test_more_processes_than_studies(program):
    program.suite(1)
    process = launch(program, 2, "generate", "--suite", "suite.jsonl", "--model", "echo", "--out", "many")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert len(read_lines(program.folder / "many/answers.jsonl")) == 1


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


def workers_of(launcher: int) -> list[int]:
    """The processes that torchrun started."""
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    return [int(child) for child in children]

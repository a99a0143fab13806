"""The program as a process: stopped, without room, in a terminal without Unicode, and where it fails unexpectedly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from real_program import Program

FULL = Path("/dev/full")


@pytest.fixture
def program(tmp_path):
    return Program(tmp_path)


def test_ctrl_c_says_how_many_are_answered_and_how_to_go_on(program):
    program.suite(40)
    command = program.command(
        "generate", "--suite", "suite.jsonl", "--model", program.slow_model(0.1), "--batch-size", 1, "--out", "run"
    )
    with subprocess.Popen(command, cwd=program.folder, stderr=subprocess.PIPE, text=True) as process:
        try:
            answers = program.folder / "run" / "answers.jsonl"
            while process.poll() is None and (not answers.exists() or answers.read_text().count("\n") < 2):
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    kept = answers.read_text().count("\n")
    assert process.returncode == 130
    assert said.splitlines()[-1] == f"stopped; {kept} of 40 answered; run the same command to continue"
    assert "Traceback" not in said


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", [["suites"], ["suites", "--json"], ["--version"], ["run", "-h"]])
def test_a_full_device_under_stdout_is_one_line(program, words):
    with FULL.open("w") as full:
        done = subprocess.run(program.command(*words), stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: stdout: the output cannot be written (No space left on device); ")
    assert done.stderr.count("\n") == 1


def test_a_reader_that_leaves_is_no_error(program):
    done = subprocess.run(
        ["bash", "-c", f"{program.command('metrics', '--json')[0]} metrics --json | head -1"],
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("[\n", "")


def test_a_terminal_without_unicode_reads_everything_escaped(program):
    program.suite(1, reference="Kein Ödem.")
    (program.folder / "mymodel.py").write_text("def say(questions):\n    return ['Kein Ödem – klar.']\n")
    model = ("--model", "mymodel:say")
    plain = {"PYTHONIOENCODING": "ascii"}
    image = Path(__file__).parents[3] / "benchmarks" / "data" / "demo" / "images" / "00001" / "1.png"
    assert program("describe", image, *model, **plain).stdout == "Kein \\xd6dem \\u2013 klar.\n"
    said = program("describe", image, *model, "--json", **plain)
    assert json.loads(said.stdout)["text"] == "Kein Ödem – klar."
    done = program("run", "--suite", "suite.jsonl", *model, "--metrics", "bleu", "--no-plots", **plain)
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).isascii()


def test_an_argument_that_is_no_text_is_one_line(program):
    for words in (["run", "--suite", b"a\xff", "--model", "echo"], ["score", b"\xff"]):
        done = subprocess.run([*program.command(), *words], capture_output=True, text=True, cwd=program.folder)
        assert done.returncode == 2
        assert "is not UTF-8 text; rename the file" in done.stderr
        assert done.stderr.count("\n") == 1


UNEXPECTED = """
import sys
from libra_bench.cli.app import app, main

def fail(report: str) -> None:
    try:
        {report: 1}["other"]
    except KeyError:
        raise ValueError(f"cannot read {report}")

app.command("fail")(fail)
main()
"""


def test_an_unexpected_error_leaves_one_sentence_and_a_file_without_text(tmp_path):
    secret = "Large effusion in Ms Miller"

    def fail(*words: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"LIBRA_BENCH_CACHE": str(tmp_path / "cache")}
        command = [sys.executable, "-c", UNEXPECTED, "fail", secret, *words]
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)

    done = fail()
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    (file,) = (tmp_path / "cache" / "crashes").iterdir()
    assert done.stderr.startswith(f"error: unexpected ValueError (cannot read {secret}) in ")
    assert f"please report it with {file}" in done.stderr
    report = file.read_text()
    assert "libra_bench/cli/app.py" in report
    assert report.index("KeyError") < report.index("ValueError")
    assert "command: fail\n" in report
    assert secret not in report
    assert "Miller" not in report
    assert str(tmp_path) not in report
    assert file.stat().st_mode & 0o077 == 0
    assert "Traceback" in fail("--debug").stderr
    assert len(list(file.parent.iterdir())) == 1

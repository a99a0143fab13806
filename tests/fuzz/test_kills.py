"""`kill -9` at random moments of run, score, report and train; two programs on one folder; one of two processes.

The command again ends in the same texts, scores, tables, losses and weights. Files that hold times are compared without
them. `LIBRA_BENCH_KILLS` is how many kills (40; `make fuzz`: 200).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from forked_program import Ended, ForkedProgram
from oracles import GOLDEN, MODELS
from real_program import Program, launch, read_lines, stable, workers_of

KILLS = int(os.environ.get("LIBRA_BENCH_KILLS", "40"))
SEED = int(os.environ.get("LIBRA_BENCH_FUZZ_SEED", "0"))
IN_A_ROW = 4
"""A command is killed up to so many times before it may end."""
TIMES = {"started", "ended", "seconds", "studies_per_minute", "cost", "command", "n_resumed", "processes", "world_size"}
SUITE = ("--suite", "suite.jsonl", "--model", "slow_model:answer")
RUN = ("run", *SUITE, "--metrics", "bleu", "--batch-size", 2, "--out", "OUT")
SCORE = ("score", "OUT", "--metrics", "rouge_l,exact_match")
REPORT = ("report", "OUT")
TRAIN = (
    "train", "align", "--config", "phantom-align", "--model-name-or-path", MODELS / "tiny-llm-base",
    "--vision-tower", MODELS / "tiny-rad-dino", "--data-path", GOLDEN / "train" / "train.json",
    "--image-folder", GOLDEN / "images", "--output-dir", "OUT", "--global-batch-size", 2,
    "--per-device-train-batch-size", 2, "--learning-rate", 1e-3, "--report-to", "none", "--logging-steps", 1,
    "--metric-for-best-model", "loss", "--max-steps", 6, "--save-steps", 2, "--mm-projector-dropout", 0.1,
)  # fmt: skip
COMMANDS = {"run": RUN, "score": SCORE, "report": REPORT, "train": TRAIN}
AFTER = {"score": "run", "report": "score"}
"""What has been done when a command begins."""


def words(command: str, out: str) -> list[object]:
    return [out if word == "OUT" else word for word in COMMANDS[command]]


def run_outcome(folder: Path) -> dict[str, object]:
    """Texts, scores and tables of a run folder; of its record what is no time."""
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    tables = {name: (folder / name).read_bytes() for name in ("samples.csv", "scores.csv", "scores.json")}
    page = (folder / "report.html").read_text(encoding="utf-8")
    return {
        "answers": stable(read_lines(folder / "answers.jsonl")),
        "record": {name: value for name, value in record.items() if name not in TIMES},
        "page is whole": page.rstrip().endswith("</html>"),
        "plots": {path.name: path.read_bytes() for path in (folder / "plots").iterdir()},
        **tables,
    }


def training_outcome(folder: Path) -> dict[str, object]:
    """Losses, weights and what is written about them."""
    record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    record["result"] = {
        name: value for name, value in record["result"].items() if name not in {"seconds", "output_dir"}
    }
    record["recipe"] = {name: value for name, value in record["recipe"].items() if name != "output_dir"}
    timed = ("runtime", "per_second", "flos")
    return {
        "log": [
            {name: value for name, value in line.items() if not name.endswith(timed)}
            for line in read_lines(folder / "log.jsonl")
        ],
        "record": record,
        "weights": (folder / "mm_projector.safetensors").read_bytes(),
        "checkpoints": {
            path.parent.name: path.read_bytes() for path in folder.glob("checkpoint-*/mm_projector.safetensors")
        },
        "unfinished": sorted(path.name for path in folder.glob(".*") if path.is_dir()),
    }


def outcome(command: str, folder: Path) -> dict[str, object]:
    return (training_outcome if command == "train" else run_outcome)(folder)


class Undisturbed:
    """Each command's result where nothing goes wrong, how long it took, and the folder it begins with."""

    def __init__(self, program: Program) -> None:
        self.folder = program.folder
        program.suite(12)
        program.slow_model(0.05)
        self.first, self.second = ForkedProgram(self.folder, "first"), ForkedProgram(self.folder, "second")
        self.seconds: dict[str, float] = {}
        self.outcomes: dict[str, dict[str, object]] = {}
        for command in COMMANDS:
            self.begin(command, f"{command}-done")
            done = self.first(*words(command, f"{command}-done"))
            assert done.status == 0, done.output
            self.seconds[command] = done.seconds
            self.outcomes[command] = outcome(command, self.folder / f"{command}-done")

    def begin(self, command: str, out: str) -> Path:
        """A fresh folder to run a command in."""
        folder = self.folder / out
        shutil.rmtree(folder, ignore_errors=True)
        if command in AFTER:
            shutil.copytree(self.folder / f"{AFTER[command]}-done", folder)
        return folder

    def close(self) -> None:
        self.first.close()
        self.second.close()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    made = Undisturbed(Program(tmp_path_factory.mktemp("kills")))
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.timeout(600 + 60 * KILLS)
def test_killed_at_any_moment_the_same_command_ends_in_the_same(undisturbed):
    draw, killed = random.Random(SEED), Counter()
    turns = [command for command in COMMANDS for _ in range(2 if command == "run" else 1)]
    while killed.total() < KILLS:
        command = turns[killed.total() % len(turns)] if killed.total() < len(turns) else draw.choice(turns)
        folder = undisturbed.begin(command, "killed")
        moments = []
        for _ in range(draw.randint(1, min(IN_A_ROW, KILLS - killed.total()))):
            moments.append(round(draw.uniform(0, undisturbed.seconds[command]), 3))
            ended = undisturbed.first(*words(command, "killed"), seconds=moments[-1])
            assert ended.status in (-9, 0), f"{command} after kills at {moments[:-1]} s: {ended.output}"
            killed[command] += ended.status == -9
        done = undisturbed.first(*words(command, "killed"))
        assert done.status == 0, f"{command} after kills at {moments} s: {done.output}"
        assert outcome(command, folder) == undisturbed.outcomes[command], f"{command} after kills at {moments} s"
    print(f"\nkills: {dict(killed)}")


PAIRS = (
    ("run", "run"),
    ("run", "score"),
    ("run", "report"),
    ("score", "score"),
    ("score", "report"),
    ("train", "train"),
)


@pytest.mark.slow
@pytest.mark.timeout(600 + 60 * KILLS)
@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_of_two_programs_on_one_folder_one_refuses_or_both_are_right(undisturbed, pair):
    draw = random.Random(SEED)
    for _ in range(max(1, KILLS // 40)):
        first, second = pair
        last = "score" if pair == ("run", "score") else first
        folder = undisturbed.begin(first, "shared")
        undisturbed.first.begin(*words(first, "shared"))
        wait = draw.uniform(0, undisturbed.seconds[first])
        time.sleep(wait)
        ended = {"second": undisturbed.second(*words(second, "shared")), "first": undisturbed.first.end()}
        shown = f"{second} {wait:.2f} s after {first}: {ended}"
        assert all(one.status == 0 or refused(one) for one in ended.values()), shown
        again = [command for command, one in zip(pair[::-1], ended.values(), strict=True) if one.status != 0]
        for command in sorted(again, key=list(COMMANDS).index):
            done = undisturbed.first(*words(command, "shared"))
            assert done.status == 0, f"{shown}, then {command}: {done.output}"
        assert outcome(last, folder) == undisturbed.outcomes[last], shown


def refused(ended: Ended) -> bool:
    """Whether a program says in one sentence that it can do nothing yet."""
    return ended.status == 2 and bool(ended.error)


@pytest.mark.slow
def test_tables_are_read_whole_while_a_run_and_a_score_write(undisturbed):
    folder = undisturbed.folder / "board"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("a", "b"):
        shutil.copytree(undisturbed.folder / "run-done", folder / name)
    record = json.loads((folder / "b" / "run.json").read_text())
    (folder / "b" / "run.json").write_text(json.dumps(record | {"fingerprint": "another"}))
    reading: dict[str, list[object]] = {
        "leaderboard": ["leaderboard", "board", "--json"],
        "compare": ["compare", "board/a", "board/b", "--json"],
    }
    counted = Counter()
    undisturbed.second.begin(*words("score", "board/a"), "--replace")
    while not (folder / "a" / "report.html").read_text().count("exact_match") and counted.total() < 40:
        for name, command in reading.items():
            done = undisturbed.first(*command)
            assert done.status == 0 or refused(done), done.output
            counted[name] += done.status == 0
    assert undisturbed.second.end().status == 0
    assert all(counted[name] for name in reading)


@pytest.mark.slow
@pytest.mark.timeout(600 + 60 * KILLS)
def test_one_of_two_processes_is_killed(program):
    """The other one ends, too, and the same command continues."""
    program.suite(24)
    program.slow_model(0.1)
    command = ("run", *SUITE, "--metrics", "bleu", "--batch-size", 1)
    draw = random.Random(SEED)
    assert program(*command, "--out", "whole").returncode == 0
    for turn in range(max(1, KILLS // 40)):
        folder = program.folder / f"two-{turn}"
        process = launch(program, 2, *command, "--out", folder.name)
        _until(lambda: list(folder.glob("answers*.jsonl")), process)  # noqa: B023 - called at once
        time.sleep(draw.uniform(0, 1.0))
        os.kill(workers_of(process.pid)[turn % 2], signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
        assert process.returncode != 0
        assert "Traceback" not in errors.split("torch/distributed")[0], errors
        again = launch(program, 2, *command, "--out", folder.name)
        _, errors = again.communicate(timeout=300)
        assert again.returncode == 0, errors
        assert run_outcome(folder) == run_outcome(program.folder / "whole")


def _until(true: Callable[[], Any], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 200
    while not true() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)

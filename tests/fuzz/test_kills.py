"""`kill -9` at a random moment of run, score or report: the command again ends in the same texts, scores and tables.

`LIBRA_BENCH_KILLS` is at how many moments (5; `make fuzz`: 200). Files that hold times are compared without them.
Training has a test of its own beside the other tests of `train`.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from real_program import Program, read_lines, stable

POINTS = int(os.environ.get("LIBRA_BENCH_KILLS", "5"))
SEED = int(os.environ.get("LIBRA_BENCH_FUZZ_SEED", "0"))
SUITE = ("--suite", "suite.jsonl", "--model", "slow_model:answer")
TIMES = {"started", "ended", "seconds", "studies_per_minute", "cost", "command", "n_resumed"}
COMMANDS = {
    "run": ("run", *SUITE, "--metrics", "bleu", "--batch-size", 2, "--out", "OUT"),
    "score": ("score", "OUT", "--metrics", "rouge_l,exact_match"),
    "report": ("report", "OUT"),
}


def outcome(folder: Path) -> dict[str, object]:
    """Texts, scores and tables of a run folder; of its record what is no time."""
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    tables = {
        name: (folder / name).read_text(encoding="utf-8") for name in ("samples.csv", "scores.csv", "scores.json")
    }
    page = (folder / "report.html").read_text(encoding="utf-8")
    return {
        "answers": stable(read_lines(folder / "answers.jsonl")),
        "record": {name: value for name, value in record.items() if name not in TIMES},
        "page is whole": page.rstrip().endswith("</html>"),
        **tables,
    }


@pytest.mark.slow
@pytest.mark.timeout(300 + 60 * POINTS)
def test_killed_at_any_moment_the_same_commands_end_in_the_same(program: Program) -> None:
    program.suite(12)
    program.slow_model(0.05)

    def words(command: str, out: str) -> list[object]:
        return [out if word == "OUT" else word for word in COMMANDS[command]]

    took: dict[str, float] = {}
    for command in COMMANDS:
        began = time.monotonic()
        done = program(*words(command, "whole"))
        assert done.returncode == 0, done.stderr
        took[command] = time.monotonic() - began
        shutil.copytree(program.folder / "whole", program.folder / f"after-{command}")
    whole = outcome(program.folder / "whole")
    draw = random.Random(SEED)
    for point in range(POINTS):
        killed = draw.choice(list(COMMANDS))
        before = {"run": None, "score": "after-run", "report": "after-score"}[killed]
        out = program.folder / f"out-{point}"
        if before is not None:
            shutil.copytree(program.folder / before, out)
        seconds = draw.uniform(0, took[killed])
        process = program.start(*words(killed, out.name))
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for command in list(COMMANDS)[list(COMMANDS).index(killed) :]:
            done = program(*words(command, out.name))
            assert done.returncode == 0, f"{killed} killed after {seconds:.2f} s, then {command}: {done.stderr}"
        assert outcome(out) == whole, f"{killed} killed after {seconds:.2f} s"
        shutil.rmtree(out)

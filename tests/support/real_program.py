"""The real program, in a folder of its own, with a small suite and a slow model made for the test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SLOW_MODEL = """
import time
def answer(questions):
    time.sleep({seconds} * len(questions))
    return [f"Answer to {{question.prompt}} with {{len(question.images)}} images." for question in questions]
def fails_on_3(questions):
    if any(question.question_id == 3 for question in questions):
        raise ValueError("the third study is too hard")
    return ["No change." for question in questions]
"""


TORCHRUN = Path(sys.executable).parent / "torchrun"


class Program:
    """`libra-bench`, started in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def command(self, *arguments: object) -> list[str]:
        return [str(Path(sys.executable).parent / "libra-bench"), *map(str, arguments)]

    def __call__(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200", **environment},
        )

    def start(self, *arguments: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command(*arguments), cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def suite(self, n: int = 8, name: str = "suite.jsonl", **extra: object) -> Path:
        """A suite of text-only studies with references."""
        path = self.folder / name
        with path.open("w", encoding="utf-8") as stream:
            for number in range(1, n + 1):
                row = {"question_id": number, "image": [], "text": f"question {number}", "reference": "No change."}
                stream.write(json.dumps({**row, **extra}) + "\n")
        return path

    def slow_model(self, seconds: float = 0.02) -> str:
        (self.folder / "slow_model.py").write_text(SLOW_MODEL.format(seconds=seconds))
        return "slow_model:answer"


def read_lines(path: Path) -> list[dict]:
    """The records of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def stable(records: list[dict]) -> list[tuple]:
    """What an interrupted run must share with an uninterrupted one."""
    return [(r["question_id"], r["prompt"], r["text"], r["answer_id"], r["model_id"]) for r in records]


def launch(program: Program, processes: int, *arguments: object) -> subprocess.Popen[str]:
    """The program in several processes, started by torchrun."""
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


def workers_of(launcher: int) -> list[int]:
    """The processes that torchrun started."""
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    return [int(child) for child in children]

"""`libra-bench` as forks of one process that has imported everything: a kill costs the command, not its start.

Such a process reads one JSON object per line, `{"words": [...], "seconds": null or a number, "to": file}`, forks, kills
(`kill -9`) after so many seconds, and answers `{"status": ..., "seconds": ...}`; what was printed is in `to`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IMPORTED = (
    "libra_bench.cli.app", "libra_bench.runs.runner", "libra_bench.training.train", "libra_bench.scores.comparison",
    "reports.page", "reports.plots", "reports.tables", "transformers.trainer", "peft", "matplotlib.pyplot",
    "accelerate", "model_adapters.libra.checkpoint.loading", "rich.progress", "PIL.Image",
)  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """A command that ended or was killed."""

    status: int
    seconds: float
    output: str

    @property
    def error(self) -> str:
        """What it says about its failure; "" where it failed in another way than with one line."""
        lines = [line for line in self.output.splitlines() if line.startswith("error: ")]
        return lines[0] if len(lines) == 1 and "Traceback" not in self.output else ""


class ForkedProgram:
    """The commands of one such process, one at a time, in `folder`."""

    def __init__(self, folder: Path, name: str = "fork") -> None:
        self._to = folder / f"{name}.out"
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1", "COLUMNS": "200"},
        )

    def begin(self, *words: object, seconds: float | None = None) -> None:
        """Start a command that is killed after so many seconds."""
        asked = {"words": [str(word) for word in words], "seconds": seconds, "to": str(self._to)}
        print(json.dumps(asked), file=self._process.stdin, flush=True)

    def end(self) -> Ended:
        """Wait for it."""
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return Ended(answer["status"], answer["seconds"], self._to.read_text(encoding="utf-8", errors="replace"))

    def __call__(self, *words: object, seconds: float | None = None) -> Ended:
        self.begin(*words, seconds=seconds)
        return self.end()

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(60)


def serve() -> None:
    """Fork for each line of stdin."""
    import importlib

    for name in IMPORTED:
        importlib.import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            _be_the_program(asked["words"], asked["to"])
        print(json.dumps({"status": _status(child, began, asked["seconds"]), "seconds": time.monotonic() - began}))
        sys.stdout.flush()


def _status(child: int, began: float, seconds: float | None) -> int:
    """The exit status, negative for a signal."""
    while seconds is not None and time.monotonic() - began < seconds:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    if seconds is not None:
        os.kill(child, 9)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _be_the_program(words: list[str], to: str) -> None:
    from libra_bench.cli.app import main

    with open(to, "w") as output, open(os.devnull) as nothing:
        for number, stream in enumerate((nothing, output, output)):
            os.dup2(stream.fileno(), number)
    sys.path.insert(0, "")
    sys.argv = ["libra-bench", *words]
    status: object = 0
    try:
        main()
    except SystemExit as left:
        status = left.code or 0
    except BaseException:  # noqa: BLE001 - a fork must end here, whatever happens
        import traceback

        traceback.print_exc()
        status = 99
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 1)


if __name__ == "__main__":
    serve()

"""How long the program takes to begin: help, import, the demo's run, and the same command given again.

Wall and CPU seconds, medians; on a busy machine the CPU seconds are what counts.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = str(Path(sys.executable).parent / "libra-bench")
DEMO = [PROGRAM, "run", "--suite", "demo", "--model", "libra-tiny", "--quiet"]
COMMANDS = {
    "python -c pass": ([sys.executable, "-c", "pass"], 9),
    "import libra_bench": ([sys.executable, "-c", "import libra_bench"], 9),
    "libra-bench --help": ([PROGRAM, "--help"], 9),
    "libra-bench run --help": ([PROGRAM, "run", "--help"], 5),
    "the demo's run": (DEMO, 1),
    "the same again": (DEMO, 5),
}
"""Name -> command, how often."""


def seconds(command: list[str], runs: int, folder: str) -> tuple[float, float]:
    """The median wall time of a command, and the median CPU time."""
    walls, cpus = [], []
    for _ in range(runs):
        before, start = os.times(), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        after = os.times()
        walls.append(time.perf_counter() - start)
        cpus.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return statistics.median(walls), statistics.median(cpus)


def main() -> None:
    """Print each command's times."""
    print(f"{'':<24}{'wall s':>8}{'CPU s':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name, (command, runs) in COMMANDS.items():
            wall, cpu = seconds(command, runs, folder)
            print(f"{name:<24}{wall:>8.3f}{cpu:>8.3f}", flush=True)


if __name__ == "__main__":
    main()

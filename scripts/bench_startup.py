"""How long `libra-bench --help` and `import libra_bench` take, beside a bare interpreter (medians of several runs)."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 9
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import libra_bench": [sys.executable, "-c", "import libra_bench"],
    "libra-bench --help": [str(Path(sys.executable).parent / "libra-bench"), "--help"],
}


def seconds(command: list[str]) -> float:
    """The median wall time of a command."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print each command's time and its ratio to a bare interpreter."""
    bare = None
    for name, command in COMMANDS.items():
        took = seconds(command)
        bare = bare or took
        print(f"{name:<20} {took:.3f} s  {took / bare:.1f} x a bare interpreter")


if __name__ == "__main__":
    main()

"""Time optimiser steps of both stages against a plain loop that does what the original does, with random weights.

    python scripts/bench_training.py [--stages align finetune] [--ways features pixels plain] [--steps 4] [--full]

Each way (see `training_ways.py`) trains in a process of its own; they take their steps in turn, on the same batches,
and the losses are compared. Printed are medians, and in brackets the lowest and the highest; the ratios are of steps
that followed each other. Then, how much of an epoch is padding, with samples as they come and grouped by length.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bench_generation import SHAPES
from training_ways import WAYS, Job, Step, Way, encode_all, padding, write_data, write_model

from libra_bench.training.recipe import Stage

TOLERANCE = 5e-3
"""Between losses: features on disk have 16 bits."""
PATCHES = {"224 pixels": 256, "RAD-DINO, 518 pixels": 1369}
"""Towers -> positions of an image."""


class Worker:
    """A process that trains one way, a step at a time.

    Args:
        way: one of WAYS.
        job: what it trains.
    """

    def __init__(self, way: Way, job: Job) -> None:
        command = [sys.executable, str(Path(__file__).with_name("training_ways.py")), way, json.dumps(asdict(job))]
        self.way, self.steps = way, list[Step]()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.loaded_mb = self.peak_mb = 0.0

    def answer(self) -> dict[str, Any]:
        """The next line that it says.

        Raises:
            SystemExit: it has failed.
        """
        if self.process.stdout is None or not (line := self.process.stdout.readline()):
            raise SystemExit(f"{self.way} failed")
        return dict(json.loads(line))

    def step(self) -> Step:
        """Take one step."""
        if self.process.stdin is None:
            raise SystemExit(f"{self.way} cannot be asked")
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.steps.append(Step(**self.answer()))
        return self.steps[-1]

    def end(self) -> None:
        """Ask for its memory, and let it go."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.peak_mb = self.answer()["peak_mb"]
        self.process.wait()


def spread(values: Sequence[float]) -> str:
    """Median, lowest and highest."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def compare(job: Job, ways: Sequence[Way], steps: int) -> None:
    """All ways of one stage; the first step of each warms up.

    Raises:
        SystemExit: the losses differ.
    """
    workers = [Worker(way, job) for way in ways]
    for worker in workers:
        worker.loaded_mb = worker.answer()["loaded_mb"]
    for number in range(steps + 1):
        for worker in workers if number % 2 else reversed(workers):
            worker.step()
    for worker in workers:
        worker.end()
    trained = "connector" if job.stage == "align" else "all of the language model" if job.full else "LoRA"
    print(
        f"{job.stage} ({trained}), {job.shape} shape, batches of {job.batch}: medians of {steps} steps "
        "(lowest to highest)"
    )
    base = workers[-1]
    for worker in workers:
        timed = list(zip(base.steps[1:], worker.steps[1:], strict=True))
        print(
            f"  {worker.way:<9}{spread([step.seconds for _, step in timed])} s per step; "
            f"{spread([one.seconds / step.seconds for one, step in timed])} times as fast as {base.way}, "
            f"{spread([one.cpu_seconds / step.cpu_seconds for one, step in timed])} by processor seconds; "
            f"memory {worker.peak_mb:.0f} MB, {worker.loaded_mb:.0f} before the first step",
            flush=True,
        )
        differences = [abs(one.loss - step.loss) for one, step in zip(base.steps, worker.steps, strict=True)]
        if max(differences) > TOLERANCE:
            raise SystemExit(f"the losses of {worker.way} differ from those of {base.way} by {max(differences):.2g}")


def show_padding(job: Job) -> None:
    """The share of padding in an epoch of stage 1's samples, which is the most that packing could save."""
    for name, patches in PATCHES.items():
        shares = padding(replace(job, stage="align"), patches)
        told = ", ".join(f"{share:.1%} {order}" for order, share in shares.items())
        print(f"padding, reports and questions, batches of {job.batch}, {name}: {told}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", nargs="+", choices=["align", "finetune"], default=["align", "finetune"])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="the last is compared with")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--patients", type=int, default=9)
    parser.add_argument("--shape", choices=SHAPES, default="mid")
    parser.add_argument("--vocabulary", type=int, default=704)
    parser.add_argument("--full", action="store_true", help="stage 2 trains all weights of the language model")
    parser.add_argument("--attention", choices=["sdpa", "eager"], default="sdpa", help="of the plain loop")
    parser.add_argument("--optim", default="adamw_torch", help="of ours, by transformers' name")
    parser.add_argument("--threads", type=int, help="threads of torch (default: its own)")
    arguments = vars(parser.parse_args())
    stages: list[Stage] = arguments.pop("stages")
    ways, steps = arguments.pop("ways"), arguments.pop("steps")
    with tempfile.TemporaryDirectory() as folder:
        job = Job(folder=folder, stage=stages[0], **arguments)
        write_model(job)
        write_data(job)
        if "features" in ways:
            print(f"{encode_all(job):.1f} s to encode all images once")
        for stage in stages:
            compare(replace(job, stage=stage), ways, steps)
        write_data(replace(job, stage="align", patients=60))
        show_padding(replace(job, batch=16))


if __name__ == "__main__":
    main()

"""Compare generation with what the original program does, on a random model: ratios, memory, and where the time goes.

    python scripts/bench_generation.py [--studies 32] [--beams 10] [--new-tokens 32] [--rounds 3] [--threads 1]

Both ways (see `generation_ways.py`) run in processes of their own, in turn, `--rounds` times each; a way that runs
second in a process can be slowed by what the first has left. Printed are medians, and in brackets the lowest and the
highest. The texts are compared. A round beside which the machine did something else is marked: threads that wait for
each other lose most then, and the ratio of processor seconds with `--threads 1` is what to look at.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from generation_ways import SHAPES, VISITS, Job, Measured

from benchmarks.machine import SPINS

BUSY = 0.15
"""So many cores busy with something else make a round's times doubtful."""
PARTS = ("encoder", "connector", "prefill", "decode")


def run(way: str, job: Job) -> Measured:
    """One way, in a process of its own.

    Raises:
        SystemExit: it failed.
    """
    command = [sys.executable, str(Path(__file__).with_name("generation_ways.py")), way, json.dumps(asdict(job))]
    environment = {**os.environ, "GOMP_SPINCOUNT": str(SPINS)} if way == "ours" else None  # as `share_cores`
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{way} failed:\n{done.stderr}")
    measured = Measured(**json.loads(done.stdout.splitlines()[-1]))
    busy = measured.other_cores or 0.0
    print(
        f"  {way:<9} {measured.seconds:7.2f} s, {measured.cpu_seconds:7.2f} processor seconds"
        + (f"   ({busy:.1f} cores busy with something else)" if busy > BUSY else ""),
        file=sys.stderr,
        flush=True,
    )
    return measured


def spread(values: Sequence[float]) -> str:
    """Median, lowest and highest."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def compare(job: Job, rounds: int) -> tuple[list[Measured], list[Measured]]:
    """Both ways in turn, the order changing from round to round; the limits are measured after ours of the first."""
    ours: list[Measured] = []
    original: list[Measured] = []
    for number in range(rounds):
        with_limits = Job(**{**asdict(job), "with_limits": number == 0})
        turns: list[Callable[[], None]] = [
            lambda asked=with_limits: ours.append(run("ours", asked)),  # type: ignore[misc]
            lambda: original.append(run("original", job)),
        ]
        for turn in turns if number % 2 == 0 else reversed(turns):
            turn()
    return ours, original


def show(job: Job, ours: list[Measured], original: list[Measured]) -> None:
    """Ratios, memory, equal texts, parts."""
    pairs = list(zip(ours, original, strict=True))
    print(
        f"{job.shape}, {job.studies} studies ({VISITS} visits of each patient), {job.beams} beams, "
        f"{job.new_tokens} new tokens, {job.dtype}: medians of {len(pairs)} rounds (lowest to highest)"
    )
    print(f"  {spread([its.seconds / mine.seconds for mine, its in pairs])} times as fast as the original's way")
    print(f"  {spread([its.cpu_seconds / mine.cpu_seconds for mine, its in pairs])} times by processor seconds")
    for name, way in (("ours", ours), ("original", original)):
        per_study = [1000 * measured.seconds / job.studies for measured in way]
        peak = statistics.median(measured.peak_mb for measured in way)
        loaded = statistics.median(measured.loaded_mb for measured in way)
        print(
            f"  {name:<9} {spread(per_study)} ms per study; "
            f"peak memory {peak:.0f} MB, {peak - loaded:.0f} of it after loading"
        )
    differing = [key for key, text in ours[0].texts.items() if original[0].texts[key] != text]
    print(
        f"  {job.studies - len(differing)} of {job.studies} texts are the same"
        + (f"; not those of {differing}" if differing else "")
    )
    if any((measured.other_cores or 0.0) > BUSY for measured in (*ours, *original)):
        print(
            "  the machine did something else meanwhile: measure again, or look at processor seconds with --threads 1"
        )
    show_parts(ours[0], original[0])


def show_parts(ours: Measured, original: Measured) -> None:
    """Where the time went in the first round, and the least that this machine needs for it."""
    report, least = ours.report, ours.limits
    if report is None or least is None:
        raise ValueError("the limits were not measured")
    images = report["images"]
    print(
        f"  ours: batch {report['batch_size']}; {images['encoded']} images encoded; "
        f"of {report['prefill_tokens']} positions of prompts {report['shared_tokens']} computed once for all"
    )
    print("  part          seconds         GFLOP/s   of at most   least seconds (share)")
    for part in PARTS:
        limit, spent = least[part], ours.parts[part]
        print(
            f"  {part:<12} {spent:8.2f} {spent / ours.seconds:5.0%} {limit['flop'] / spent / 1e9:9.0f} "
            f"{limit['flop'] / limit['product_seconds'] / 1e9:12.0f} "
            f"{limit['seconds']:15.2f} {limit['seconds'] / spent:5.0%}"
        )
    rest = ours.seconds - sum(ours.parts[part] for part in PARTS)
    print(f"  {'rest':<12} {rest:8.2f} {rest / ours.seconds:5.0%}")
    print("  original's   " + ", ".join(f"{part} {spent:.2f} s" for part, spent in original.parts.items()))
    bound, decode = sum(least[part]["seconds"] for part in PARTS), least["decode"]
    print(
        f"  decode reads {decode['read_bytes'] / 1e9:.1f} GB of keys and values "
        f"at {decode['bandwidth'] / 1e9:.1f} GB/s; products and reading alone take {bound:.2f} s, "
        f"so no ratio above {original.seconds / bound:.1f} can be had"
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=32)
    parser.add_argument("--beams", type=int, nargs="+", default=[10, 1])
    parser.add_argument("--new-tokens", type=int, default=32)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shape", choices=SHAPES, default="mid")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="float32")
    parser.add_argument("--threads", type=int, help="threads of torch (default: its own)")
    arguments = vars(parser.parse_args())
    rounds, several = arguments.pop("rounds"), arguments.pop("beams")
    for beams in several:
        job = Job(**arguments, beams=beams)
        show(job, *compare(job, rounds))


if __name__ == "__main__":
    main()

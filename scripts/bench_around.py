"""Seconds that a run spends around generation: suite, checks, answers, scoring, plots, report.

    python scripts/bench_around.py [--studies 2461] [--no-report]

The answers are stored ones (`replay:`), the references of the demo suite, each given to another study; so generation
costs nothing and all that is left is the rest. Prints the seconds, and below which speed they are 2 % of a run.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from benchmarks.records.run import read_run
from libra_bench import load_suite, run

PUBLISHED = "bleu,rouge_l,meteor,temporal_f1"
SHARE = 0.02
ASSUMED_HOURS = 3
"""A run of a 7B model over 2,461 studies with 10 beams; not measured here."""


def main() -> None:
    """Make the suite and the answers, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2461)
    parser.add_argument("--report", action=argparse.BooleanOptionalAction, default=True)
    arguments = parser.parse_args()
    demo = load_suite("demo")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        samples = [demo.samples[number % len(demo.samples)] for number in range(arguments.studies)]
        with Path("suite.jsonl").open("w") as suite, Path("answers.jsonl").open("w") as answers:
            for number, sample in enumerate(samples):
                other = samples[(7 * number + 3) % len(samples)]
                asked = {"question_id": number, "image": list(sample.images), "text": sample.text}
                suite.write(json.dumps({**asked, "reference": sample.references[0]}) + "\n")
                answers.write(json.dumps({"question_id": number, "text": other.references[0]}) + "\n")
        began = time.perf_counter()
        options = {"image_root": demo.image_root, "report": arguments.report, "metrics": PUBLISHED}
        done = run("suite.jsonl", "replay:answers.jsonl", **options)
        seconds = time.perf_counter() - began
        cost = read_run(done).cost
        size = sum(path.stat().st_size for path in done.rglob("*") if path.is_file()) / 2**20
    parts = {name: getattr(cost, f"{name}_seconds") for name in ("generating", "scoring", "drawing")}
    parts["other"] = seconds - sum(parts.values())
    named = {"generating": "answers to disk", "scoring": "scoring", "drawing": "plots and report", "other": "other"}
    print(f"{arguments.studies} studies: {seconds:.1f} s around generation; run folder {size:.0f} MB")
    print("  " + ", ".join(f"{named[name]} {value:.1f} s" for name, value in parts.items()))
    share = seconds / (seconds + 3600 * ASSUMED_HOURS)
    print(f"  {share:.2%} of a run of {ASSUMED_HOURS} hours (assumed: a 7B model, 10 beams)")
    limit = arguments.studies * 60 * SHARE / seconds / (1 - SHARE)
    print(f"  below {SHARE:.0%} of a run as long as it generates fewer than {limit:,.0f} studies per minute")


if __name__ == "__main__":
    main()

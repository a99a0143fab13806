"""Seconds and memory of the program on long files of reports, and of the bootstrap alone.

    python scripts/bench_long_files.py [--pairs 20000 100000] [--metrics NAMES]
    python scripts/bench_long_files.py --bootstrap [--pairs 2461 100000]

The first writes pairs of made-up reports (three studies per patient) into two files and has `libra-bench score` score
them: all four texts that it scores per study (the answers and three reference points), intervals and strata.
The second resamples the statistics of the default metrics that need no weights, 10,000 times, patients as clusters;
they are computed for a few reports and repeated. Memory is that of all processes together.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from bench_reports import made_up_report
from peak_memory import peak_of, watched

LEXICAL = "bleu,rouge_l,meteor,temporal_f1"
WITHOUT_WEIGHTS = ("bleu", "meteor", "rouge_l", "temporal_f1", "report_errors", "chexpert_rules")
PER_PATIENT = 3
SCORED = 300
"""Reports whose statistics stand for all."""


def write_files(folder: Path, pairs: int) -> tuple[Path, Path]:
    """References and answers, made up one by one."""
    source = random.Random(0)
    references, answers = folder / "references.jsonl", folder / "answers.jsonl"
    with references.open("w") as suite, answers.open("w") as said:
        for number in range(pairs):
            study = {"question_id": number, "image": f"{number}.png", "subject_id": number // PER_PATIENT}
            suite.write(json.dumps({**study, "reference": made_up_report(source)}) + "\n")
            said.write(json.dumps({"question_id": number, "text": made_up_report(source)}) + "\n")
    return references, answers


def program(pairs: int, metrics: str) -> None:
    """Time `libra-bench score` on two files."""
    with tempfile.TemporaryDirectory() as folder:
        references, answers = write_files(Path(folder), pairs)
        command = [sys.executable, "-m", "libra_bench", "score", "--references", str(references), "--predictions"]
        began = time.perf_counter()
        memory = peak_of(
            [*command, str(answers), "--metrics", metrics], {**os.environ, "LIBRA_BENCH_CACHE": f"{folder}/cache"}
        )
        seconds = time.perf_counter() - began
        size = sum(path.stat().st_size for path in (references, answers)) / 1e9
    print(f"score of {pairs} pairs ({size:.2f} GB of files) with {metrics}: {seconds:.1f} s, {memory:.2f} GB")


def bootstrap(pairs: int) -> None:
    """Time 10,000 resamples of every key."""
    from libra_bench.metrics.metric import Statistics
    from libra_bench.metrics.registry import make_metric
    from libra_bench.scores.bootstrap import RESAMPLES, intervals

    source = random.Random(0)
    said, true = ([made_up_report(source) for _ in range(SCORED)] for _ in range(2))
    chosen_N = np.random.default_rng(0).integers(SCORED, size=pairs)
    parts = []
    for metric in map(make_metric, WITHOUT_WEIGHTS):
        statistics = metric.score(said, [[text] for text in true]).statistics
        assert statistics is not None
        parts.append((Statistics(statistics.per_sample_NS[chosen_N], statistics.reduce), metric.keys))
    patients = [number // PER_PATIENT for number in range(pairs)]
    with watched() as peak:
        began = time.perf_counter()
        intervals(parts, patients)
        seconds = time.perf_counter() - began
    keys = sum(len(keys) for _, keys in parts)
    print(
        f"{RESAMPLES} resamples of {keys} keys, {pairs} studies, {len(set(patients))} patients: {seconds:.1f} s, ",
        end="",
    )
    print(f"{peak.gigabytes:.2f} GB")


def main() -> None:
    """Measure each number of pairs in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, nargs="+", help="20000 and 100000; for the bootstrap 2461 and 100000")
    parser.add_argument("--metrics", default=LEXICAL)
    parser.add_argument("--bootstrap", action="store_true")
    arguments = parser.parse_args()
    several = arguments.pairs or ([2461, 100_000] if arguments.bootstrap else [20_000, 100_000])
    for pairs in several:
        if not arguments.bootstrap:
            program(pairs, arguments.metrics)
        elif len(several) == 1:
            bootstrap(pairs)
        else:
            subprocess.run([sys.executable, __file__, "--bootstrap", "--pairs", str(pairs)], check=True)


if __name__ == "__main__":
    main()

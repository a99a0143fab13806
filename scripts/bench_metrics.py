"""Time the lexical metrics against their reference implementations, on as many report pairs as the test split has.

    python scripts/bench_metrics.py [--pairs 2461] [--reports FILE.csv --column NAME] [--ours]

Prints, for each stage of the published evaluation, CPU seconds of the reference and of ours in one process (the first
call: tables are loaded, nothing is remembered), their ratio and the largest difference; then seconds by the clock of
all four on all cores, as `run` and `score` do them, also in processes that remember nothing. `--ours` leaves the
references out and prints seconds, pairs per second and the memory of all processes together.
References: `reference_metrics.py`; reports: `bench_reports.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TypeVar

from bench_reports import add_arguments, made_pairs
from peak_memory import watched
from reference_metrics import (
    clean,
    nltk_parts,
    reference_bleu,
    reference_meteor,
    reference_rouge,
    reference_temporal_f1,
)

from libra_bench.metrics.registry import make_metric

T = TypeVar("T")

STAGES = ("bleu", "rouge_l", "meteor", "temporal_f1")
TIMES = 3
"""Processes that score on all cores, one after the other; the median counts."""


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """(CPU seconds, result): both sides run in one thread, and other work on the machine should not count."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def on_all_cores(arguments: argparse.Namespace) -> tuple[float, float]:
    """(Seconds by the clock, gigabytes) of the four on all cores, in a process that has scored nothing before."""
    command = [sys.executable, __file__, "--pairs", str(arguments.pairs), "--column", arguments.column, "--once"]
    if arguments.reports:
        command += ["--reports", str(arguments.reports)]
    if arguments.ours:
        command.append("--ours")
    seconds, memory = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return seconds, memory


def once(arguments: argparse.Namespace) -> None:
    """Score on all cores, and print seconds and gigabytes."""
    from libra_bench.metrics.many_texts import score_many_texts

    predictions, references = made_pairs(arguments)
    with watched() if arguments.ours else nullcontext() as peak:
        start = time.perf_counter()
        score_many_texts([make_metric(name) for name in STAGES], predictions, [[text] for text in references])
        seconds = time.perf_counter() - start
    print(json.dumps([seconds, peak.gigabytes if peak else 0.0]))


def main() -> None:
    """Time every stage, ours first (nothing remembered), and compare the values."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    parser.add_argument("--ours", action="store_true", help="leave the references out")
    what = (
        "CheXbert, BERTScore, RadGraph of the published sizes against their packages, on this many pairs (default 24)"
    )
    parser.add_argument("--extractors", type=int, nargs="?", const=24, help=what)
    parser.add_argument("--rounds", type=int, default=3, help="with --extractors: how often each side reads them")
    what = (
        "with --extractors: the Python that has RaTEScore and RadEval (see record_sentence_metrics.py): times them, too"
    )
    parser.add_argument("--sentence-packages", type=Path, metavar="PYTHON", help=what)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        return once(arguments)
    if arguments.extractors:
        from bench_extractors import compare

        return compare(arguments.extractors, arguments.rounds, arguments.sentence_packages)
    if arguments.ours:
        seconds, memory = on_all_cores(arguments)
        rate = arguments.pairs / seconds
        print(
            f"{arguments.pairs} pairs on {os.cpu_count()} cores: {seconds:.2f} s, {rate:.0f} pairs/s, {memory:.2f} GB"
        )
        return None
    predictions, references = made_pairs(arguments)
    words = sum(len(text.split()) for text in predictions + references) / (2 * len(references))
    ours = {
        name: timed(lambda name=name: dict(make_metric(name).score(predictions, [[t] for t in references]).values))
        for name in STAGES
    }
    tokenize, wordnet, data = nltk_parts()
    run = {
        "bleu": reference_bleu,
        "rouge_l": reference_rouge,
        "meteor": reference_meteor(tokenize, wordnet),
        "temporal_f1": reference_temporal_f1,
    }
    parallel = statistics.median(on_all_cores(arguments)[0] for _ in range(TIMES))
    cleaning, cleaned = timed(lambda: ([clean(text) for text in predictions], [clean(text) for text in references]))
    print(f"{len(references)} pairs, {words:.0f} words per report; nltk runs on {data}")
    print(f"{'stage':22} {'reference s':>11} {'ours s':>8} {'ratio':>7}  largest difference")
    print(f"{'clean':22} {cleaning:11.2f} {'(below)':>8}")
    total = [cleaning, 0.0]
    for name in STAGES:
        seconds, values = timed(lambda name=name: run[name](*cleaned))
        difference = max(abs(values[key] - ours[name][1][key]) for key in values)
        total[0] += seconds
        total[1] += ours[name][0]
        print(f"{name:22} {seconds:11.2f} {ours[name][0]:8.2f} {seconds / ours[name][0]:7.1f}  {difference:.1e}")
        if difference > 1e-9:
            raise SystemExit(f"{name} differs from its reference: {values} against {ours[name][1]}")
    print(f"{'all, one process':22} {total[0]:11.2f} {total[1]:8.2f} {total[0] / total[1]:7.1f}")
    print(f"{f'all, {os.cpu_count()} cores':22} {total[0]:11.2f} {parallel:8.2f} {total[0] / parallel:7.1f}")
    return None


if __name__ == "__main__":
    main()

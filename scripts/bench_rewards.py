"""Time metrics as rewards: batches of 20 completions per second, for every metric that can run here.

    python scripts/bench_rewards.py [--metrics 'rouge_l,chexbert[model=...]'] [--workload FILE] [--published FILE]

Per metric: seconds until it is ready (weights loaded), the median of some calls with references that were seen before,
as in training, and what follows: calls per second. Pairs are made up here
(scripts/bench_reports.py, 67 words on average), or a JSON list of {"ref", "hyp"} such as RadEval's speed_workload.json.

`--published` prints RadEval's own figures beside them: the JSON file that its repository publishes under
docs/benchmarks. They come from another machine, other reports and other weights, so no ratio is printed.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from pathlib import Path

from bench_reports import made_up_report

from libra_bench.metrics.registry import METRICS, make_metric, split_names
from libra_bench.rewards import reward

KEYS = {
    "bleu[scheme=sentence]": "BLEU4",
    "temporal_change_f1": "Temporal_change_score",
    "token_f1": "Token-F1",
    "radgraph": "RadGraph-partial",
}
"""The key where a metric has several."""
LOWER = ("diagnostics", "radcliq_v0", "radcliq_v1")
"""Metrics whose reward is turned round."""


def made_up_batches(count: int, calls: int) -> tuple[list[str], list[list[str]]]:
    """(references, the completions of each call): every call has new ones."""
    source = random.Random(0)
    return [made_up_report(source) for _ in range(count)], [
        [made_up_report(source) for _ in range(count)] for _ in range(calls)
    ]


def batches_of(workload: Path, calls: int) -> tuple[list[str], list[list[str]]]:
    """The same of a file of pairs: its completions change places from call to call."""
    pairs = json.loads(workload.read_text(encoding="utf-8"))
    said = [pair["hyp"] for pair in pairs]
    return [pair["ref"] for pair in pairs], [[*said[turns:], *said[:turns]] for turns in range(calls)]


def measure(name: str, references: list[str], batches: list[list[str]]) -> tuple[float, float]:
    """(seconds until ready, median seconds of a call) of a metric."""
    start = time.perf_counter()
    base = name.partition("[")[0]
    turn = (lambda value: -value) if base in LOWER else None
    function = reward(name, key=KEYS.get(name, KEYS.get(base)), transform=turn)
    ready = time.perf_counter() - start
    seconds = []
    for completions in batches:
        start = time.perf_counter()
        function(completions, ground_truth=references)
        seconds.append(time.perf_counter() - start)
    return ready, statistics.median(seconds[1:])  # the first call reads the references


def runnable() -> list[str]:
    """Every metric that can run here and has a value per report."""
    names = [name if name != "bleu" else "bleu[scheme=sentence]" for name in METRICS]
    corpus = {"yes_no", "open_closed", "label_set", "difference_f1", "chexpert_rules"}
    return [name for name in names if name not in corpus and make_metric(name).missing() is None]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metrics")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--workload", type=Path)
    parser.add_argument("--calls", type=int, default=5)
    parser.add_argument("--published", type=Path)
    arguments = parser.parse_args()
    calls = arguments.calls + 1
    references, batches = (
        batches_of(arguments.workload, calls) if arguments.workload else made_up_batches(arguments.pairs, calls)
    )
    print(f"{'metric':<24}{'ready s':>10}{'ms/sample':>12}{'calls/s':>10}")
    for name in split_names(arguments.metrics) if arguments.metrics else runnable():
        ready, call = measure(name, references, batches)
        label = name.partition("[")[0]
        print(f"{label:<24}{ready:>10.2f}{1000 * call / len(references):>12.3f}{1 / call:>10.1f}", flush=True)
    if arguments.published:
        published = json.loads(arguments.published.read_text())
        where = ", ".join(f"{name} {published['env'].get(name)}" for name in ("radeval_version", "gpu", "torch"))
        print(f"\npublished by RadEval, not run here ({where}; {published['workload']['n_samples']} samples)")
        for row in published["speed"]:
            call = 1 / row["warm_batch_s_median"]
            print(f"{row['metric']:<24}{row['cached_init_s']:>10.2f}{row['warm_per_sample_ms']:>12.3f}{call:>10.1f}")


if __name__ == "__main__":
    main()

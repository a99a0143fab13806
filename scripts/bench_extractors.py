"""Time the extractors of metrics against the official packages: `bench_metrics.py --extractors` calls this.

Both read the same distinct texts with the same random weights of the published sizes, each in a process of its own, in
alternation. Models are loaded before, and nothing is remembered between rounds. Texts: findings of consecutive visits
of phantoms, one to five of them, so that lengths spread as those of reports do. The bound is the ratio that would be
left if our side did nothing but the matrix products of real tokens, at the speed measured here for such a product.
"""

from __future__ import annotations

import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, redirect_stderr
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any, get_args

import numpy as np
from random_extractors import LAYERS, RandomExtractors, products, write_random_extractors

from benchmarks.environments import Worker
from benchmarks.errors import MetricUnavailableError
from benchmarks.phantoms.writing import findings_records, phantom_studies
from libra_bench.metrics.extractors.bert_encoder import BertEncoder
from libra_bench.metrics.extractors.cache import quiet_extraction
from libra_bench.metrics.extractors.chexbert import CheXbertExtractor
from libra_bench.metrics.extractors.pretrained import Precision
from libra_bench.metrics.extractors.radgraph import RadGraphExtractor
from libra_bench.metrics.metric import Metric
from libra_bench.metrics.official import OFFICIAL
from libra_bench.metrics.official.client import chexbert_folder
from libra_bench.metrics.ratescore import RaTEScore
from libra_bench.metrics.srr_bert import SrrBert
from model_adapters.checkpoints.onednn import use_onednn

WORKER = Path(__file__).with_name("bench_extractors_worker.py")
INSTALL = "libra-bench metrics install official"
PACKAGES = ("chexbert", "bertscore", "radgraph")
SENTENCE_PACKAGES = ("ratescore", "srr_bert")
"""These read sentence by sentence, and need an environment of their own: see record_sentence_metrics.py."""

Pairs = tuple[list[str], list[str]]


def made_up_pairs(count: int) -> Pairs:
    """(Predictions, references), all distinct."""
    source = random.Random(0)
    findings = (record["reference"] for study in phantom_studies(20 * count, 5) for record in findings_records(study))
    texts: dict[str, None] = {}
    while len(texts) < 2 * count:
        texts[" ".join(next(findings) for _ in range(source.randint(1, 5)))] = None
    return list(texts)[:count], list(texts)[count:]


def ours(package: str, models: RandomExtractors, precision: Precision) -> Callable[[Pairs], list[Any]]:
    """What reads pairs here, as the package would say it."""

    def chexbert(pairs: Pairs) -> list[Any]:
        found = CheXbertExtractor.of(str(models.chexbert), str(models.bert), precision).read([*pairs[0], *pairs[1]])
        said = ["", 1, 0, -1]
        return [[said[label] for label in found[text].labels] for text in (*pairs[0], *pairs[1])]

    def bertscore(pairs: Pairs) -> list[Any]:
        encoder = BertEncoder.of(str(models.distilbert), LAYERS, precision)
        return [float(f1) for f1 in encoder.match(pairs[0], pairs[1], idf=False, documents=pairs[1])]

    def radgraph(pairs: Pairs) -> list[Any]:
        found = RadGraphExtractor.of(str(models.radgraph), str(models.bert), precision).annotate([*pairs[0], *pairs[1]])
        return [
            [[e.start, e.end, e.label, [[name, str(to + 1)] for name, to in e.relations]] for e in found[text].entities]
            for text in (*pairs[0], *pairs[1])
        ]

    def scored(metric: Metric, pairs: Pairs) -> list[Any]:
        found = metric.score(pairs[0], [[reference] for reference in pairs[1]])
        return [score / 100 for score in found.samples[metric.keys[0].name]]

    ratescore = RaTEScore(str(models.ner), str(models.embedding), sentences="rules", precision=precision)
    srr_bert = SrrBert(str(models.srr_bert), sentences="rules", precision=precision)
    return {
        "chexbert": chexbert,
        "bertscore": bertscore,
        "radgraph": radgraph,
        "ratescore": partial(scored, ratescore),
        "srr_bert": partial(scored, srr_bert),
    }[package]


def official(package: str, models: RandomExtractors, python: Path, stack: ExitStack) -> Callable[[Pairs], list[Any]]:
    """[Seconds, result] of the package in the side environment, where it is loaded."""
    worker = stack.enter_context(Worker(python, WORKER, HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false"))
    place: dict[str, Any] = {"model_type": "radgraph-xl", "cache": str(models.radgraph.parent)}
    if package == "chexbert":
        place = {"folder": str(stack.enter_context(chexbert_folder(models.chexbert, models.bert)))}
    elif package == "bertscore":
        place = {"model": str(models.distilbert), "num_layers": LAYERS}
    elif package == "ratescore":
        place = {"ner": str(models.ner), "embedding": str(models.embedding)}
    elif package == "srr_bert":
        place = {"model": str(models.srr_bert)}
    worker.ask(package=package, threads=os.cpu_count(), **place)

    def ask(pairs: Pairs) -> list[Any]:
        reply = worker.ask(pairs=pairs)
        return [reply["seconds"], reply["result"]]

    return ask


def in_a_new_cache(folder: str, read: Callable[[Pairs], list[Any]], pairs: Pairs) -> list[Any]:
    """[Seconds, result] of ours, which finds nothing in the cache."""
    with tempfile.TemporaryDirectory(dir=folder) as cache, quiet_extraction(keep=True):
        os.environ["LIBRA_BENCH_CACHE"] = cache
        start = time.perf_counter()
        result = read(pairs)
        return [time.perf_counter() - start, result]


def speed_of_products(cores: int, *, with_onednn: bool) -> float:
    """10^9 operations per second of the products of a BERT layer, on all cores at once: the best of many rounds."""
    import torch

    states, layers = torch.randn(512, 768), torch.nn.Sequential(torch.nn.Linear(768, 3072, bias=False))
    if with_onednn:
        use_onednn(layers)

    @torch.inference_mode()
    def multiply(_: int) -> float:
        torch.set_num_threads(1)
        seconds = []
        for _ in range(100):
            start = time.perf_counter()
            layers(states)
            seconds.append(time.perf_counter() - start)
        return 2 * 512 * 768 * 3072 / min(seconds) / 1e9

    before = torch.get_num_threads()
    with ThreadPoolExecutor(cores) as pool:
        total = sum(pool.map(multiply, range(cores)))
    torch.set_num_threads(before)
    return total


def agreement(found: list[Any], expected: list[Any]) -> str:
    """How far both agree."""
    if isinstance(found[0], float):
        return f"largest difference {np.abs(np.array(found) - np.array(expected)).max():.0e}"
    equal = sum(mine == theirs for mine, theirs in zip(found, expected, strict=True))
    return f"{equal} of {len(found)} texts equal"


def compare(count: int, rounds: int, of_sentences: Path | None = None) -> None:
    """Print seconds of the packages and ours, their ratio and the bound.

    Args:
        count: pairs of texts.
        rounds: how often each side reads them.
        of_sentences: the interpreter that has SENTENCE_PACKAGES; None: they are not timed.

    Raises:
        MetricUnavailableError: the side environment is not installed.
    """
    python = OFFICIAL.python()
    if python is None:
        raise MetricUnavailableError("the side environment is not installed", hint=INSTALL)
    pairs, cores = made_up_pairs(count), os.cpu_count() or 1
    texts = [*pairs[0], *pairs[1]]
    with tempfile.TemporaryDirectory(prefix="extractors-") as scratch, ExitStack() as stack:
        with redirect_stderr(StringIO()):  # progress of writing
            models = write_random_extractors(Path(scratch), texts)
        plain, fast = (speed_of_products(cores, with_onednn=choice) for choice in (False, True))
        words = statistics.mean(len(text.split()) for text in texts)
        print(f"{len(texts)} texts of {words:.0f} words, {cores} cores")
        print(f"matrix products at {fast:.0f} GFLOP/s, those of radgraph at {plain:.0f}")
        print(f"{'':11} {'official s':>10} {'ours s':>7} {'ratio':>6} {'range':>14} {'bound':>6}  agreement")
        interpreters = dict.fromkeys(PACKAGES, python)
        if of_sentences:
            interpreters |= dict.fromkeys(SENTENCE_PACKAGES, of_sentences)
        for package, interpreter in interpreters.items():
            theirs = official(package, models, interpreter, stack)
            mine, rough = (ours(package, models, precision) for precision in get_args(Precision))
            few = (pairs[0][:2], pairs[1][:2])
            theirs(few), in_a_new_cache(scratch, mine, few)
            timed = [(theirs(pairs), in_a_new_cache(scratch, mine, pairs)) for _ in range(rounds)]
            ratios = [one[0] / other[0] for one, other in timed]
            their, our = (statistics.median(side[0] for side in sides) for sides in zip(*timed, strict=True))
            of_products = products(package, texts, models) if package in PACKAGES else 0
            bound = f"{their * (plain if package == 'radgraph' else fast) / of_products:.2f}" if of_products else ""
            spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
            line = f"{package:11} {their:10.2f} {our:7.2f} {statistics.median(ratios):6.2f} {spread:>14} {bound:>6}"
            print(f"{line}  {agreement(timed[-1][1][1], timed[-1][0][1])}", flush=True)
            in_a_new_cache(scratch, rough, few)
            seconds, found = in_a_new_cache(scratch, rough, pairs)
            line = f"{'  bfloat16':11} {'':10} {seconds:7.2f} {their / seconds:6.2f} {'':21}"
            print(f"{line}  {agreement(found, timed[-1][0][1])}", flush=True)

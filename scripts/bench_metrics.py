"""Time the lexical metrics against their reference implementations, on as many report pairs as the test split has.

    python scripts/bench_metrics.py [--pairs 2461] [--reports FILE.csv --column NAME] [--ours]

Prints, for each stage of the published evaluation, CPU seconds of the reference and of ours in one process (the first
call: tables are loaded, nothing is remembered), their ratio and the largest difference; then seconds by the clock of
all four on all cores, as `run` and `score` do them. `--ours` leaves the references out and prints seconds, pairs per
second and the memory of all processes. References: sacrebleu's 13a tokens with
plain corpus BLEU, four times; rouge_score's four types and its bootstrap, as `evaluate` runs it; nltk's word_tokenize
and METEOR; the temporal keywords as one pattern. Where nltk's WordNet or Punkt data are not installed, nltk runs on
the shipped tables, which makes the reference faster than it is. Reports: made up here, or a column of a CSV file.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import random
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from libra_bench.metrics.registry import make_metric

T = TypeVar("T")

STAGES = ("bleu", "rouge_l", "meteor", "temporal_f1")

FINDINGS = [
    "pleural effusion", "atelectasis", "consolidation", "pulmonary edema", "pneumothorax", "airspace opacity",
    "interstitial markings", "nodule", "vascular congestion", "pneumonia", "scarring", "hilar enlargement",
]  # fmt: skip
SIZES = ["small", "moderate", "large", "trace", "mild", "minimal", "subtle", "severe", "patchy", "streaky"]
SIDES = ["left", "right", "bilateral", "left basilar", "right upper lobe", "retrocardiac", "bibasilar", "perihilar"]
CHANGES = ["increased", "decreased", "unchanged", "stable", "slightly worse", "improved", "new", "not well seen"]
TIMES = ["since the prior study", "compared to previous radiograph", "from earlier today", "in the interval", ""]
FRAMES = [
    "There is a {size} {side} {finding}, {change} {time}.",
    "{size} {side} {finding} has {change} {time}.",
    "No {finding} or {other} is identified.",
    "The {side} {finding} is {change} {time}, which may represent {other}.",
    "Endotracheal tube terminates {number} cm above the carina.",
    "The cardiomediastinal silhouette is {change}; heart size is {size}ly enlarged.",
    "Lungs are otherwise clear without {finding}.",
    "{side} picc line tip projects over the SVC (approximately {number} cm from the cavoatrial junction).",
    "Degenerative changes of the thoracic spine are {change}.",
    "Low lung volumes accentuate the bronchovascular markings, with {size} {finding}.",
]


def made_up_report(source: random.Random) -> str:
    """A report of 4 to 8 sentences."""
    return " ".join(
        source.choice(FRAMES).format(
            size=source.choice(SIZES), side=source.choice(SIDES), finding=source.choice(FINDINGS),
            other=source.choice(FINDINGS), change=source.choice(CHANGES), time=source.choice(TIMES),
            number=f"{source.uniform(1, 9):.1f}",
        )
        for _ in range(source.randint(4, 8))
    )  # fmt: skip


def clean(text: str) -> str:
    """The published normalisation, pattern by pattern."""
    text = re.sub(r"[_-]+", " ", re.sub(r"\n+", " ", text.lower()))
    return re.sub(r"\s{2,}", " ", re.sub(r"[^\w\s.,:;()\-]", "", text)).strip()


def reference_bleu(predictions: list[str], references: list[str]) -> dict[str, float]:
    """Corpus BLEU of order 1, 2, 3 and 4, one after the other."""
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

    tokenize = Tokenizer13a()
    return {
        f"BLEU{order}": 100
        * plain_bleu([tokenize(t).split() for t in predictions], [tokenize(t).split() for t in references], order)
        for order in (1, 2, 3, 4)
    }


def plain_bleu(predictions: list[list[str]], references: list[list[str]], max_order: int) -> float:
    """Unsmoothed corpus BLEU with one reference, by counters of n-grams."""
    matches, possible = [0] * max_order, [0] * max_order
    for prediction, reference in zip(predictions, references, strict=True):
        overlap = ngrams(prediction, max_order) & ngrams(reference, max_order)
        for gram, times in overlap.items():
            matches[len(gram) - 1] += times
        for order in range(max_order):
            possible[order] += max(0, len(prediction) - order)
    if not min(matches):
        return 0.0
    ratio = sum(map(len, predictions)) / sum(map(len, references))
    mean = math.exp(sum(math.log(m / p) for m, p in zip(matches, possible, strict=True)) / max_order)
    return mean * (1.0 if ratio > 1 else math.exp(1 - 1 / ratio))


def ngrams(tokens: list[str], max_order: int) -> Counter[tuple[str, ...]]:
    """The n-grams of a text, of order 1 to max_order."""
    return Counter(
        tuple(tokens[start : start + order])
        for order in range(1, max_order + 1)
        for start in range(len(tokens) - order + 1)
    )


def reference_rouge(predictions: list[str], references: list[str]) -> dict[str, float]:
    """rouge_score's four types and the bootstrap; the value is the plain mean."""
    from rouge_score.rouge_scorer import RougeScorer
    from rouge_score.scoring import BootstrapAggregator

    scorer, aggregator, scores = RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"]), BootstrapAggregator(), []
    for prediction, reference in zip(predictions, references, strict=True):
        result = scorer.score(reference, prediction)
        aggregator.add_scores(result)
        scores.append(result["rougeL"].fmeasure)
    aggregator.aggregate()
    return {"ROUGE-L": 100 * sum(scores) / len(scores)}


def reference_meteor(tokenize: Callable[[str], list[str]], wordnet: Any) -> Callable[..., dict[str, float]]:
    """nltk's METEOR on nltk's words."""

    def compute(predictions: list[str], references: list[str]) -> dict[str, float]:
        from nltk.translate.meteor_score import single_meteor_score

        scores = [
            single_meteor_score(tokenize(reference), tokenize(prediction), wordnet=wordnet)
            for prediction, reference in zip(predictions, references, strict=True)
        ]
        return {"METEOR": 100 * sum(scores) / len(scores)}

    return compute


def reference_temporal_f1(predictions: list[str], references: list[str]) -> dict[str, float]:
    """The 44 keywords as one pattern."""
    from libra_bench.metrics.temporal_f1 import KEYWORDS, keyword_f1

    pattern = r"\b(" + "|".join(KEYWORDS) + r")\b"

    def find(text: str) -> set[str]:
        return {match.group().lower() for match in re.finditer(pattern, clean(text))}

    scores = [keyword_f1(find(p), find(r), 1e-10) for p, r in zip(predictions, references, strict=True)]
    return {"Temporal_entity_score": 100 * sum(scores) / len(scores)}


def nltk_parts() -> tuple[Callable[[str], list[str]], Any, str]:
    """nltk's word_tokenize and WordNet, and which data they use."""
    from nltk import word_tokenize
    from nltk.corpus import wordnet
    from nltk.tokenize import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    from libra_bench.metrics.nltk_words import punkt_words

    try:
        word_tokenize("a. b")
        wordnet.synsets("heart")
    except LookupError:
        few = PunktParameters()
        few.abbrev_types, few.collocations = set(punkt_words()[0]), set(punkt_words()[1])
        splitter, treebank = PunktSentenceTokenizer(few), NLTKWordTokenizer()
        return lambda t: [w for s in splitter.tokenize(t) for w in treebank.tokenize(s)], Table(), "shipped tables"
    return word_tokenize, wordnet, "its own data"


class Table:
    """The shipped table in the shape that nltk's METEOR asks for."""

    def __init__(self) -> None:
        from libra_bench.metrics import wordnet

        self.senses = wordnet.senses
        self.spelled: dict[int, list[str]] = {}
        for word in {word for index, _ in wordnet.table().values() for word in index}:
            for synset in wordnet.names(word):
                self.spelled.setdefault(synset, []).append(word)

    def synsets(self, word: str) -> list[Synset]:
        """The synsets of a word."""
        return [Synset(self.spelled[number]) for number in self.senses(word)]


class Synset:
    """A synset: its names."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def lemmas(self) -> list[Lemma]:
        """Its lemmas."""
        return [Lemma(name) for name in self.names]


class Lemma:
    """A lemma: its name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def name(self) -> str:
        """The word."""
        return self._name


def load_reports(arguments: argparse.Namespace) -> list[str]:
    """Made-up reports, or those of a CSV column."""
    if arguments.reports is None:
        source = random.Random(0)
        return [made_up_report(source) for _ in range(2 * arguments.pairs)]
    with arguments.reports.open(newline="", encoding="utf-8") as stream:
        return [row[arguments.column] for row in csv.DictReader(stream) if row[arguments.column].strip()]


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """(CPU seconds, result): both sides run in one thread, and other work on the machine should not count."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def made_pairs(arguments: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Predictions and references; every other prediction shares sentences with its reference."""
    texts = load_reports(arguments)
    random.Random(1).shuffle(texts)
    half = min(arguments.pairs, len(texts) // 2)
    predictions, references = texts[:half], texts[half : 2 * half]
    for number in range(0, half, 2):
        kept = references[number].split(". ")
        predictions[number] = ". ".join([*kept[: len(kept) // 2], predictions[number]])
    return predictions, references


def on_all_cores(arguments: argparse.Namespace) -> tuple[float, float]:
    """(Seconds by the clock, gigabytes) of the four on all cores, in a process that has scored nothing before."""
    command = [sys.executable, __file__, "--pairs", str(arguments.pairs), "--column", arguments.column, "--once"]
    if arguments.reports:
        command += ["--reports", str(arguments.reports)]
    seconds, memory = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return seconds, memory


def once(arguments: argparse.Namespace) -> None:
    """Score on all cores, and print seconds and gigabytes."""
    from libra_bench.metrics.many_texts import score_many_texts

    predictions, references = made_pairs(arguments)
    start = time.perf_counter()
    score_many_texts([make_metric(name) for name in STAGES], predictions, [[text] for text in references])
    seconds = time.perf_counter() - start
    of_workers = (os.cpu_count() or 1) - 1
    own, one_worker = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps([seconds, (own + of_workers * one_worker) / 1e6]))


def main() -> None:
    """Time every stage, ours first (nothing remembered), and compare the values."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=2461)
    parser.add_argument("--reports", type=Path, help="a CSV file of real reports")
    parser.add_argument("--column", default="report")
    parser.add_argument("--ours", action="store_true", help="leave the references out")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        return once(arguments)
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
    parallel, _ = on_all_cores(arguments)
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

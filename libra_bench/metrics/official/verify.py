"""Recomputes metrics with the official packages, as a referee would, and reports the difference from ours.

sacrebleu, rouge-score and nltk run here; radgraph, f1chexbert and bert-score in the side environment, unmodified, with
the pins that they need (`libra-bench metrics install official`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np

from libra_bench.metrics.metric import Metric, MetricResult, Missing, References
from libra_bench.metrics.normalize import normalize
from libra_bench.metrics.official import OFFICIAL

INSTALL = "libra-bench metrics install official"
PUBLISHED = "verify the published parameters"
ONE = "verify with one reference per study"


@dataclass(frozen=True, slots=True)
class Check:
    """One key, ours against the official value. Unit: the column's."""

    metric: str
    key: str
    official: str
    """The package and its release."""
    ours: float
    theirs: float
    corpus_difference: float
    sample_difference: float | None
    """The largest one; None where the official package gives no value per sample."""
    sample: int | None
    """Index of the sample with the largest difference."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """A metric that no official package recomputed, and what would make it possible."""

    metric: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Theirs:
    """What an official package says of one key; unit: the column's."""

    key: str
    official: str
    corpus: float
    samples: Sequence[float] | None = None


Recompute: TypeAlias = "Callable[[Any, Sequence[str], References], list[Theirs] | Missing]"


def verify(
    metrics: Sequence[Metric],
    results: Mapping[str, MetricResult],
    predictions: Sequence[str],
    references: References,
) -> tuple[list[Check], list[Unverified]]:
    """Recompute every metric that has an official package.

    Args:
        metrics: those that were scored.
        results: metric id -> what it said of the same predictions and references.
        predictions: N texts, failed ones empty.
        references: N lists of alternative references.

    Raises:
        LibraBenchError: an official package failed.
    """
    checks: list[Check] = []
    unverified: list[Unverified] = []
    for metric in metrics:
        recompute = RECOMPUTE.get(metric.id, _nothing_official)
        theirs = recompute(metric, predictions, references)
        if isinstance(theirs, Missing):
            unverified.append(Unverified(metric.id, theirs.reason, theirs.hint))
        else:
            checks += [_check(metric.id, results[metric.id], value) for value in theirs]
    return checks, unverified


def _check(metric: str, result: MetricResult, theirs: Theirs) -> Check:
    ours = result.values[theirs.key]
    difference = sample = None
    if theirs.samples is not None and theirs.key in result.samples:
        differences = np.abs(np.array(result.samples[theirs.key]) - np.array(theirs.samples))
        sample = int(differences.argmax())
        difference = float(differences[sample])
    gap = abs(ours - theirs.corpus)
    return Check(metric, theirs.key, theirs.official, ours, theirs.corpus, gap, difference, sample)


def _nothing_official(metric: Any, predictions: Sequence[str], references: References) -> Missing:
    return Missing("no official package is run for it", "its tests hold it to recorded values")


def _not_installed(package: str) -> Missing:
    return Missing(f"{package} is not installed", "pip install 'libra-bench[verify]'")


def _means(key: str, official: str, samples: Sequence[float]) -> Theirs:
    return Theirs(key, official, float(np.mean(samples)), samples)


def _bleu(metric: Any, predictions: Sequence[str], references: References) -> list[Theirs] | Missing:
    """sacrebleu, without smoothing: what `evaluate` computes of single references, but for its download."""
    if metric.scheme != "corpus" or metric.tokenizer != "13a":
        return Missing(f"sacrebleu does not compute scheme={metric.scheme}, tokenizer={metric.tokenizer}", PUBLISHED)
    if any(len(group) > 1 for group in references):
        return Missing("with several references sacrebleu takes the closest length, `evaluate` the shortest", ONE)
    if find_spec("sacrebleu") is None:
        return _not_installed("sacrebleu")
    from sacrebleu.metrics.bleu import BLEU

    said = [normalize(text, metric.norm) for text in predictions]
    true = [normalize(group[0], metric.norm) for group in references]
    scorers = [BLEU(max_ngram_order=order, smooth_method="none", force=True) for order in range(1, 5)]
    return [
        Theirs(f"BLEU{order}", f"sacrebleu {version('sacrebleu')}", scorer.corpus_score(said, [true]).score)
        for order, scorer in enumerate(scorers, start=1)
    ]


def _rouge_l(metric: Any, predictions: Sequence[str], references: References) -> list[Theirs] | Missing:
    if metric.scheme != "rouge_score" or metric.tokenizer != "alphanumeric":
        return Missing(f"rouge-score does not compute scheme={metric.scheme}, tokenizer={metric.tokenizer}", PUBLISHED)
    if find_spec("rouge_score") is None:
        return _not_installed("rouge-score")
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"], use_stemmer=metric.stem)
    samples = [
        100
        * scorer.score_multi([normalize(text, metric.norm) for text in group], normalize(said, metric.norm))[
            "rougeL"
        ].fmeasure
        for said, group in zip(predictions, references, strict=True)
    ]
    return [_means("ROUGE-L", f"rouge-score {version('rouge-score')}", samples)]


def _meteor(metric: Any, predictions: Sequence[str], references: References) -> list[Theirs] | Missing:
    if find_spec("nltk") is None:
        return _not_installed("nltk")
    import nltk
    from nltk.translate.meteor_score import meteor_score

    try:
        nltk.word_tokenize("a b.")
        nltk.corpus.wordnet.synsets("lung")
    except LookupError:
        return Missing("nltk's own data are not installed", "python -m nltk.downloader wordnet punkt_tab omw-1.4")

    def words(text: str) -> list[str]:
        tokens: list[str] = nltk.word_tokenize(normalize(text, metric.norm))
        return tokens

    parameters = {"alpha": metric.alpha, "beta": metric.beta, "gamma": metric.gamma}
    samples = [
        100 * meteor_score([words(text) for text in group], words(said), **parameters)
        for said, group in zip(predictions, references, strict=True)
    ]
    return [_means("METEOR", f"nltk {version('nltk')}", samples)]


def _bertscore(metric: Any, predictions: Sequence[str], references: References) -> list[Theirs] | Missing:
    python = OFFICIAL.python()
    if python is None:
        return Missing("the side environment is not installed", INSTALL)
    from libra_bench.metrics.extractors.weights import fetch_encoder
    from libra_bench.metrics.official.client import OfficialPackages

    f1 = OfficialPackages(python).bertscore(
        fetch_encoder(metric.model),
        predictions=[normalize(text, metric.norm) for text in predictions],
        references=[[normalize(text, metric.norm) for text in group] for group in references],
        num_layers=metric.layers,
        idf=metric.idf,
        rescale=metric.rescale,
        baseline_path=metric.baseline_file() if metric.rescale else None,
        lang=metric.lang,
    )
    return [_means("Bert_score", _official("bert-score"), [100 * value for value in f1])]


def _radgraph(metric: Any, predictions: Sequence[str], references: References) -> list[Theirs] | Missing:
    python = OFFICIAL.python()
    if python is None:
        return Missing("the side environment is not installed", INSTALL)
    from libra_bench.metrics.extractors.radgraph import RadGraphExtractor
    from libra_bench.metrics.official.client import OfficialPackages

    pairs = [
        (sample, normalize(said, metric.norm), normalize(reference, metric.norm))
        for sample, (said, group) in enumerate(zip(predictions, references, strict=True))
        for reference in group
    ]
    owners, said, true = zip(*pairs, strict=True)
    extractor = RadGraphExtractor.of(metric.model, metric.backbone)
    scores = OfficialPackages(python).radgraph(extractor, predictions=said, references=true)
    theirs = []
    for level in ("simple", "partial", "complete"):
        best = np.zeros(len(predictions))  # of several references the best
        np.maximum.at(best, np.array(owners), 100 * np.array(scores[level]))
        theirs.append(_means(f"RadGraph-{level}", _official("radgraph"), best.tolist()))
    return theirs


def _chexbert(metric: Any, predictions: Sequence[str], references: References) -> list[Theirs] | Missing:
    if any(len(group) > 1 for group in references):
        return Missing("f1chexbert takes one reference per study", ONE)
    python = OFFICIAL.python()
    if python is None:
        return Missing("the side environment is not installed", INSTALL)
    from libra_bench.metrics.extractors.chexbert import CheXbertExtractor
    from libra_bench.metrics.official.client import OfficialPackages

    extractor = CheXbertExtractor.of(metric.model, metric.backbone)
    said = OfficialPackages(python).chexbert(
        extractor.checkpoint,
        extractor.backbone,
        predictions=predictions,
        references=[group[0] for group in references],
    )
    return [
        Theirs(f"CheXbert-{average}{classes}", _official("f1chexbert"), 100 * said[report][f"{average} avg"])
        for classes, report in ((14, "f1"), (5, "f1_5"))
        for average in ("micro", "macro")
    ]


def _official(package: str) -> str:
    return f"{package} {OFFICIAL.packages[package]}, transformers {OFFICIAL.packages['transformers']}"


RECOMPUTE: Mapping[str, Recompute] = {
    "bleu": _bleu,
    "rouge_l": _rouge_l,
    "meteor": _meteor,
    "bertscore": _bertscore,
    "radgraph": _radgraph,
    "chexbert": _chexbert,
}

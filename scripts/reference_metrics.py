"""The lexical metrics of the published evaluation as others compute them: what `bench_metrics.py` is measured against.

sacrebleu's 13a tokens with plain corpus BLEU, four times; rouge_score's four types and its bootstrap, as `evaluate`
runs it; nltk's word_tokenize and METEOR; the temporal keywords as one pattern. Where nltk's WordNet or Punkt data are
not installed, nltk runs on the shipped tables, which makes the reference faster than it is.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Any


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

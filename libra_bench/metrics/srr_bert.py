"""SRR-BERT F1: do two reports have the same findings, of SRR-BERT's fine-grained ones?

The corpus value is the weighted F1: the F1 of each label, weighted by how many references have it (0 where no
reference has a label). The value of a sample is the share of labels that both sides have among those that one of them
has, 100 where neither has any, as RadEval gives it. Of several references, the one with the best value counts, the
first of equals.

Source: Delbrouck et al. 2025; equal to RadEval 2.2.1 within 1e-6 (its values per sample carry an epsilon of 1e-8).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks.errors import InputError
from benchmarks.files.json_text import parse_json
from libra_bench.metrics.extractors.pretrained import Precision
from libra_bench.metrics.extractors.sentences import Splitter, splitter_missing, splitter_name
from libra_bench.metrics.extractors.srr_bert import SrrBertExtractor, srr_bert_missing, tokenizer_of
from libra_bench.metrics.extractors.weights import digest, encoder_folder, label, tokenizer_digest
from libra_bench.metrics.metric import (
    UNLESS_DEFAULT,
    Floats,
    Key,
    MetricResult,
    Missing,
    References,
    Sees,
    Statistics,
    corpus_values,
    signature_of,
)
from libra_bench.metrics.observation_f1 import Decisions, by_observation, f1, outcomes


@dataclass(frozen=True)
class SrrBert:
    """Agreement on SRR-BERT's labels."""

    model: str = "StanfordAIMI/SRR-BERT-Leaves-with-Statuses"
    """A folder or a hub id."""
    tokenizer: str | None = None
    """A folder or a hub id; None: that of the model's folder, else CXR-BERT's, as published."""
    labels: str | None = None
    """A JSON file {label: index} that names the labels in `details`; None: RadEval's, where it is installed."""
    sentences: Splitter = "punkt"
    """How sentences are split: `punkt`, as RadEval; `pyrush`; `rules`, which needs nothing."""
    precision: Precision = field(default="float32", metadata=UNLESS_DEFAULT)
    """Of the model's numbers; bfloat16 is faster on a GPU (and on CPUs with AMX), and close, not equal."""

    id: ClassVar[str] = "srr_bert"
    summary: ClassVar[str] = "weighted F1 over SRR-BERT's fine-grained findings"
    sees: ClassVar[Sees] = "labels"
    needs: ClassVar[str] = "weights of SRR-BERT, the tokenizer of CXR-BERT, nltk's Punkt model (sentences)"

    @property
    def keys(self) -> Sequence[Key]:
        """SRR-BERT-F1."""
        return (Key("SRR-BERT-F1"),)

    @property
    def signature(self) -> str:
        """The checkpoint's and the tokenizer's hashes are in it; the names of labels decide nothing."""
        tokenizer = tokenizer_of(self.model, self.tokenizer)
        place = encoder_folder(tokenizer, weights=False)
        return signature_of(
            self,
            impl="libra-bench",
            model=label(self.model),
            tokenizer=f"{label(tokenizer)}@{tokenizer_digest(place) if place else 'unknown'}",
            labels=self.labels and label(self.labels),
            sentences=splitter_name(self.sentences),
            weights=digest(encoder_folder(self.model, tokenizer=False)),
            norm="none",
            refs="best",
        )

    def missing(self) -> Missing | None:
        """Why it cannot run here."""
        if self.labels is not None and not Path(self.labels).expanduser().is_file():
            return Missing(f"{self.labels} is not a file", "pass labels=FILE.json, or leave it out", "labels=FILE.json")
        return srr_bert_missing(self.model, self.tokenizer) or splitter_missing(self.sentences)

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Score predictions against references; see `Metric.score`."""
        extractor = SrrBertExtractor.of(self.model, self.tokenizer, self.sentences, self.precision)
        read = extractor.read([*predictions, *(reference for group in references for reference in group)])
        said = [read[prediction] for prediction in predictions]
        true = [
            max((read[reference] for reference in group), key=lambda labels: overlap(found, labels))
            for found, group in zip(said, references, strict=True)
        ]
        said_NK, true_NK = np.array(said), np.array(true)
        statistics = Statistics(outcomes(said_NK, true_NK), self.reduce)
        by_label = by_observation(said_NK, true_NK, self._names(extractor))
        return MetricResult(
            values=corpus_values(self.keys, statistics),
            statistics=statistics,
            samples={"SRR-BERT-F1": [100 * overlap(*pair) for pair in zip(said, true, strict=True)]},
            details={"labels": {k: row for k, row in by_label.items() if row["support"] or row["predicted"]}},
        )

    def reduce(self, sums_RS: Floats, n_R: Floats) -> Floats:
        """Counts of true positives, false positives and false negatives per label -> the weighted F1."""
        tp_RK, fp_RK, fn_RK = np.split(sums_RS, 3, axis=1)
        support_RK = tp_RK + fn_RK
        weighted_R = (f1(tp_RK, fp_RK, fn_RK) * support_RK).sum(axis=1)
        total_R = support_RK.sum(axis=1)
        values_R: Floats = np.divide(weighted_R, total_R, out=np.zeros_like(total_R), where=total_R > 0)
        return 100 * values_R[:, None]

    def _names(self, extractor: SrrBertExtractor) -> list[str]:
        """What the labels are called: by the given file, the checkpoint, or the installed RadEval."""
        own = extractor.names()
        if self.labels is not None:
            return _read_names(Path(self.labels).expanduser(), len(own))
        if not all(name == f"LABEL_{index}" for index, name in enumerate(own)):
            return own
        package = find_spec("radeval")
        tables = Path(package.origin).parent.glob("metrics/SRRBert/*.json") if package and package.origin else ()
        fitting = [file for file in tables if len(parse_json(file.read_bytes())) == len(own)]
        return _read_names(fitting[0], len(own)) if fitting else own


def overlap(said_K: Decisions, true_K: Decisions) -> float:
    """The share of labels that both have among those that one has; 1 where neither has any."""
    union = int((said_K | true_K).sum())
    return int((said_K & true_K).sum()) / union if union else 1.0


def _read_names(file: Path, count: int) -> list[str]:
    try:
        given = parse_json(file.read_bytes())
        by_index = {int(index): str(name) for name, index in given.items()}
    except (AttributeError, OSError, ValueError, TypeError) as error:
        raise InputError(f"is not a table of labels ({error})", where=file, hint="it needs {label: index}") from error
    if sorted(by_index) != list(range(count)):
        raise InputError(
            f"does not name the labels 0 to {count - 1} of the checkpoint", where=file, hint="give its own table"
        )
    return [by_index[index] for index in range(count)]

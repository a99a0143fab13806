"""BERTScore F1: how well the tokens of two texts match in the embeddings of a BERT encoder.

The published configuration is the default: distilbert-base-uncased, its 5th layer, no rescaling, no idf, texts
lower-cased and cleaned. Corpus value: the mean over samples; of several references the best counts. An empty text has
a raw score of 0 (which rescaling moves, as in the package). Source: Zhang et al. 2020 (arXiv 1904.09675), the package
`bert_score`; equal to it within 1e-6 (single precision).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks.errors import InputError, MetricUnavailableError
from benchmarks.packages import installed_version
from libra_bench.metrics.extractors.bert_encoder import BertEncoder
from libra_bench.metrics.extractors.pretrained import Precision
from libra_bench.metrics.extractors.weights import digest, encoder_folder, encoder_missing, label
from libra_bench.metrics.metric import (
    UNLESS_DEFAULT,
    Key,
    MetricResult,
    Missing,
    References,
    Sees,
    corpus_values,
    mean_of,
    signature_of,
)
from libra_bench.metrics.normalize import Norm, normalize

PUBLISHED_MODEL, PUBLISHED_LAYERS = "distilbert-base-uncased", 5
LAYERS = {
    PUBLISHED_MODEL: PUBLISHED_LAYERS,
    "distilroberta-base": 5,
    "bert-base-uncased": 9,
    "bert-large-uncased": 18,
    "roberta-base": 10,
    "roberta-large": 17,
    "microsoft/deberta-xlarge-mnli": 40,
    "allenai/scibert_scivocab_uncased": 8,
}
"""The layer that bert_score chose for a model; others need num_layers."""
PACKAGE_MISSING = Missing("the package bert-score is not installed", "pip install 'libra-bench[bertscore]'")


@dataclass(frozen=True)
class BertScore:
    """F1 of greedily matched token embeddings."""

    model: str = PUBLISHED_MODEL
    """A folder or a hub id."""
    num_layers: int | None = None
    """How many layers to keep; None: what bert_score chose for this model (5 for any DistilBERT)."""
    rescale: bool = False
    """(F1 - baseline) / (1 - baseline)."""
    idf: bool = False
    """Weigh tokens by their inverse document frequency in the references."""
    lang: str = "en"
    """Whose baseline the package's table gives; only matters with rescale."""
    baseline_path: str | None = None
    """A baseline table (LAYER,P,R,F); None: the package's own for this model."""
    norm: Norm = "libra"
    precision: Precision = field(default="float32", metadata=UNLESS_DEFAULT)
    """Of the encoder's numbers; bfloat16 is faster on a GPU (and on CPUs with AMX), and close, not equal."""

    id: ClassVar[str] = "bertscore"
    summary: ClassVar[str] = "F1 of matched token embeddings"
    sees: ClassVar[Sees] = "embeddings"
    needs: ClassVar[str] = "the package bert-score; weights of an encoder (published: distilbert-base-uncased)"

    @property
    def keys(self) -> Sequence[Key]:
        """One; below 0 only where it is rescaled."""
        lowest = float("-inf") if self.rescale else -100.0
        return (Key("Bert_score", range=(lowest, 100.0), published=True),)

    @property
    def signature(self) -> str:
        """Weights are named by their hash, so the same ones agree wherever they lie."""
        baseline = self.baseline_path and digest(Path(self.baseline_path).expanduser())
        return signature_of(
            self,
            impl=f"bert_score-{_release()}",
            model=label(self.model),
            num_layers=self.layers or "unknown",
            baseline_path=baseline or ("package" if self.rescale else None),
            weights=digest(encoder_folder(self.model)),
            refs="best",
        )

    @property
    def layers(self) -> int | None:
        """The number of layers kept; None where it would have to be told."""
        if self.num_layers is not None:
            return self.num_layers
        if known := LAYERS.get(self._name):
            return known
        folder = encoder_folder(self.model)
        kind = folder and json.loads((folder / "config.json").read_text()).get("model_type")
        return PUBLISHED_LAYERS if kind == "distilbert" else None

    def missing(self) -> Missing | None:
        """Why it cannot run here."""
        if find_spec("bert_score") is None:
            return PACKAGE_MISSING
        if absent := encoder_missing(self.model, parameter="model"):
            return absent
        if self.layers is None:
            return Missing(f"how many layers of {self.model} to use is not known", "pass num_layers=N")
        if self.rescale and not self.baseline_file().is_file():
            return Missing(f"{self.baseline_file()} does not exist", "pass baseline_path=FILE.tsv, or rescale=no")
        return None

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Score predictions against references; see `Metric.score`."""
        if self.layers is None:
            raise MetricUnavailableError(f"how many layers of {self.model} to use is not known", hint="pass num_layers")
        said = [normalize(prediction, self.norm) for prediction in predictions]
        true = [[normalize(reference, self.norm) for reference in group] for group in references]
        pairs = [
            (sample, prediction, reference)
            for sample, (prediction, group) in enumerate(zip(said, true, strict=True))
            for reference in group
            if prediction.strip() and reference.strip()
        ]
        raw_N = np.zeros(len(said))
        if pairs:
            samples, left, right = zip(*pairs, strict=True)
            encoder = BertEncoder.of(self.model, self.layers, self.precision)
            documents = [reference for group in true for reference in group]
            scores = encoder.match(left, right, idf=self.idf, documents=documents)
            raw_N = np.full(len(said), -np.inf)
            np.maximum.at(raw_N, np.array(samples), scores.astype(float))
            raw_N[np.isneginf(raw_N)] = 0.0
        f1_N = raw_N
        if self.rescale:
            baseline = self._baseline()
            f1_N = (raw_N - baseline) / (1 - baseline)
        statistics = mean_of(f1_N[:, None])
        return MetricResult(
            values=corpus_values(self.keys, statistics),
            statistics=statistics,
            samples={self.keys[0].name: (100 * f1_N).tolist()},
        )

    @property
    def _name(self) -> str:
        """The hub id of the model, also where it is given as a folder of that name."""
        return self.model if self.model in LAYERS else label(self.model)

    def baseline_file(self) -> Path:
        """The table that rescaling reads."""
        if self.baseline_path is not None:
            return Path(self.baseline_path).expanduser()
        package = find_spec("bert_score")
        assert package
        assert package.origin
        return Path(package.origin).parent / "rescale_baseline" / self.lang / f"{self._name}.tsv"

    def _baseline(self) -> float:
        """F1 of unrelated texts at this layer."""
        file = self.baseline_file()
        with file.open(newline="") as lines:
            rows = list(csv.DictReader(lines))
        try:
            return float(np.float32(rows[self.layers or 0]["F"]))
        except (IndexError, KeyError, ValueError) as error:
            raise InputError(
                f"no F for layer {self.layers}", where=file, hint="the table needs the columns LAYER,P,R,F"
            ) from error


def _release() -> str:
    return installed_version("bert-score") or "missing"

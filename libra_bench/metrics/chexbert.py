"""CheXbert F1: do two reports agree on 14 observations? And how similar are CheXbert's embeddings of them?

Averages as in `observation_f1.py`. A class counts as found if CheXbert
says positive or uncertain (f1chexbert's "rrg" mode, RadEval); under `neg`, only if it says positive (LLaVA-Rad).
Cosine: the mean over pairs of the cosine of the [CLS] embeddings ("semb score").

White space is read as single spaces, as f1chexbert does (BERT's tokenizer drops a vertical tab, which would join two
words; RadEval leaves it to the tokenizer: `norm=none`). Empty texts are read, too. Of several references, the one that
agrees with the prediction on most of the 14 classes counts for F1 (positive or uncertain as found; the first of
equals), and the nearest for the cosine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from libra_bench.metrics.extractors.chexbert import (
    POSITIVE,
    PUBLISHED,
    UNCERTAIN,
    CheXbertExtractor,
    Reading,
    chexbert_digest,
    chexbert_missing,
)
from libra_bench.metrics.extractors.pretrained import Precision
from libra_bench.metrics.extractors.weights import label
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
from libra_bench.metrics.normalize import Norm, normalize
from libra_bench.metrics.observation_f1 import (
    AVERAGES,
    FIVE_INDEX,
    OBSERVATIONS,
    WEIGHTED_AVERAGES,
    averages,
    by_observation,
    outcomes,
    weighted_averages,
)

FOUND = {"": (POSITIVE, UNCERTAIN), "neg-": (POSITIVE,)}
"""Infix of the key -> the labels that count as found."""
COSINE = "CheXbert-cosine"
KEYS = (
    *(Key(f"CheXbert-{infix}{name}") for infix in FOUND for name in (*AVERAGES, *WEIGHTED_AVERAGES)),
    Key(COSINE, range=(-100.0, 100.0)),
)


@dataclass(frozen=True)
class CheXbert:
    """Agreement on 14 observations, and cosine of the embeddings."""

    model: str = PUBLISHED
    """A .pth file, "chexbert" (the published checkpoint), or a hub id."""
    backbone: str = "bert-base-uncased"
    """Folder or hub id of BERT's configuration and tokenizer."""
    norm: Norm = "whitespace"
    precision: Precision = field(default="float32", metadata=UNLESS_DEFAULT)
    """Of the model's numbers; bfloat16 is faster on a GPU (and on CPUs with AMX), and close, not equal."""

    id: ClassVar[str] = "chexbert"
    summary: ClassVar[str] = "F1 over 14 (5) observations, and cosine of the embeddings"
    sees: ClassVar[Sees] = "labels"
    needs: ClassVar[str] = "the checkpoint chexbert.pth; configuration and tokenizer of bert-base-uncased"

    @property
    def keys(self) -> Sequence[Key]:
        """F1 with uncertain as positive, as negative, and the cosine."""
        return KEYS

    @property
    def signature(self) -> str:
        """The checkpoint's hash is in it."""
        return signature_of(
            self,
            impl="libra-bench",
            model=label(self.model),
            backbone=label(self.backbone),
            weights=chexbert_digest(self.model),
            refs="best",
            version=2,
        )

    def missing(self) -> Missing | None:
        """Why it cannot run here."""
        return chexbert_missing(self.model, self.backbone)

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Score predictions against references; see `Metric.score`."""
        extractor = CheXbertExtractor.of(self.model, self.backbone, self.precision)
        predictions = [normalize(text, self.norm) for text in predictions]
        references = [[normalize(text, self.norm) for text in group] for group in references]
        readings = extractor.read([*predictions, *(reference for group in references for reference in group)])
        said = [readings[prediction] for prediction in predictions]
        groups = [[readings[reference] for reference in group] for group in references]
        true = [_nearest_labels(prediction, group) for prediction, group in zip(said, groups, strict=True)]
        cosines_N = np.array([max(cosine(p, reference) for reference in g) for p, g in zip(said, groups, strict=True)])

        columns, details = [], {}
        for infix, labels in FOUND.items():
            said_NC = np.isin(np.array([reading.labels for reading in said]).reshape(-1, len(OBSERVATIONS)), labels)
            true_NC = np.isin(np.array([reading.labels for reading in true]).reshape(-1, len(OBSERVATIONS)), labels)
            columns.append(outcomes(said_NC, true_NC))
            details["uncertain as negative" if infix else "uncertain as positive"] = {
                "classes": by_observation(said_NC, true_NC),
                "exact_match_5": float(np.mean((said_NC == true_NC)[:, FIVE_INDEX].all(axis=1))),
            }
        statistics = Statistics(np.column_stack([*columns, cosines_N]).astype(float), self.reduce)
        return MetricResult(
            values=corpus_values(KEYS, statistics),
            statistics=statistics,
            samples={COSINE: (100 * cosines_N).tolist()},
            details=details,
        )

    def reduce(self, sums_RS: Floats, n_R: Floats) -> Floats:
        """Counts of true positives, false positives and false negatives per class, twice, and cosines -> the keys."""
        columns = []
        for outcomes_R3C in np.split(sums_RS[:, :-1], len(FOUND), axis=1):
            columns += [averages(outcomes_R3C), weighted_averages(outcomes_R3C)]
        return 100 * np.column_stack([*columns, sums_RS[:, -1] / n_R])


def cosine(a: Reading, b: Reading) -> float:
    """Cosine of two embeddings, in double precision."""
    x, y = a.embedding.astype(float), b.embedding.astype(float)
    norms = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / norms if norms else 0.0


def _nearest_labels(prediction: Reading, group: Sequence[Reading]) -> Reading:
    def agreement(reference: Reading) -> int:
        found = FOUND[""]
        pairs = zip(prediction.labels, reference.labels, strict=True)
        return sum((said in found) == (true in found) for said, true in pairs)

    return max(group, key=agreement)

"""RadGraph F1: do two reports name the same entities, in the same relations?

Per pair and reference, with entities as (words, label):
- simple: F1 over entities;
- partial: F1 over entities with whether each has a relation (RG_ER);
- complete: F1 over entities without a relation and (words, label, relation, other words) for those with one;
- combined: the mean of entity F1 and relation F1, RadCliQ's input, with relations as ((words, label), (words, label),
  relation).

The corpus value is the mean over pairs; of several references the best counts, for each key by itself. A side without
any entity scores 0, as in `F1RadGraph`. Texts are lower-cased first (release 0.1.18 is case-sensitive for entities
without a relation), and are otherwise left as they are. Source: Delbrouck et al. 2022 (arXiv 2210.12186); combined: Yu
et al. 2023 (CXR-Report-Metric).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from benchmarks.packages import installed_version
from libra_bench.metrics.extractors.pretrained import Precision
from libra_bench.metrics.extractors.radgraph import Graph, RadGraphExtractor, radgraph_digest, radgraph_missing
from libra_bench.metrics.extractors.weights import label
from libra_bench.metrics.metric import (
    UNLESS_DEFAULT,
    Key,
    MetricResult,
    Missing,
    References,
    Sees,
    Span,
    corpus_values,
    mean_of,
    signature_of,
)
from libra_bench.metrics.normalize import Norm, normalize

KEYS = (Key("RadGraph-simple"), Key("RadGraph-partial"), Key("RadGraph-complete"), Key("RadGraph-combined"))


@dataclass(frozen=True)
class RadGraph:
    """F1 over the entities and relations that RadGraph sees."""

    model: str = "radgraph-xl"
    """A folder, a .tar.gz, or the name of a model on the hub."""
    backbone: str | None = None
    """Folder or hub id of its encoder (configuration and tokenizer); None: what the model names."""
    norm: Norm = "lower"
    precision: Precision = field(default="float32", metadata=UNLESS_DEFAULT)
    """Of the encoder's numbers; bfloat16 is faster on a GPU (and on CPUs with AMX), and close, not equal."""

    id: ClassVar[str] = "radgraph"
    summary: ClassVar[str] = "F1 of clinical entities and relations"
    sees: ClassVar[Sees] = "entities"
    needs: ClassVar[str] = "the package radgraph; weights of RadGraph and its backbone's tokenizer"

    @property
    def keys(self) -> Sequence[Key]:
        """Simple, partial (RG_ER), complete, combined (RadCliQ's)."""
        return KEYS

    @property
    def signature(self) -> str:
        """Release and weights are in it: both change the score."""
        return signature_of(
            self,
            impl=f"radgraph-{_release()}",
            model=label(self.model),
            backbone=self.backbone and label(self.backbone),
            weights=radgraph_digest(self.model),
            refs="best",
        )

    def missing(self) -> Missing | None:
        """Why it cannot run here."""
        return radgraph_missing(self.model, self.backbone)

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Score predictions against references; see `Metric.score`."""
        extractor = RadGraphExtractor.of(self.model, self.backbone, self.precision)
        said = [normalize(prediction, self.norm) for prediction in predictions]
        true = [[normalize(reference, self.norm) for reference in group] for group in references]
        graphs = extractor.annotate([*said, *(reference for group in true for reference in group)])
        pairs = [
            (graphs[prediction], [graphs[reference] for reference in group])
            for prediction, group in zip(said, true, strict=True)
        ]
        per_sample_NK = np.array(
            [np.max([pair_scores(prediction, graph) for graph in group], axis=0) for prediction, group in pairs]
        ).reshape(-1, len(KEYS))
        statistics = mean_of(per_sample_NK)
        return MetricResult(
            values=corpus_values(KEYS, statistics),
            statistics=statistics,
            samples={key.name: (100 * per_sample_NK[:, k]).tolist() for k, key in enumerate(KEYS)},
            details={"entities_per_prediction": _mean([len(graph.entities) for graph, _ in pairs])},
            spans=[
                Span(sample, side, start, end, kind)
                for sample, (prediction, group) in enumerate(pairs)
                for side, text, graph in (
                    ("prediction", predictions[sample], prediction),
                    ("reference", references[sample][0], group[0]),
                )
                for start, end, kind in entity_offsets(text, graph)
            ],
        )


def pair_scores(prediction: Graph, reference: Graph) -> tuple[float, float, float, float]:
    """Simple, partial, complete and combined F1 of two graphs, 0 to 1."""
    if not prediction.entities or not reference.entities:
        return (0.0, 0.0, 0.0, 0.0)
    simple = f1(_entities(prediction), _entities(reference))
    return (
        simple,
        f1(_entities_with_relation_flag(prediction), _entities_with_relation_flag(reference)),
        f1(_entities_or_relations(prediction), _entities_or_relations(reference)),
        (simple + f1(_relations(prediction), _relations(reference))) / 2,
    )


def f1(prediction: Set[object], reference: Set[object]) -> float:
    """F1 of two sets; 0 where one of them is empty."""
    common = len(prediction & reference)
    if common == 0:
        return 0.0
    precision, recall = common / len(prediction), common / len(reference)
    return 2 * precision * recall / (precision + recall)


def _entities(graph: Graph) -> set[object]:
    return {(entity.tokens, entity.label) for entity in graph.entities}


def _entities_with_relation_flag(graph: Graph) -> set[object]:
    return {(entity.tokens, entity.label, bool(entity.relations)) for entity in graph.entities}


def _entities_or_relations(graph: Graph) -> set[object]:
    alone: set[object] = {(entity.tokens, entity.label) for entity in graph.entities if not entity.relations}
    return alone | {
        (entity.tokens.lower(), entity.label, relation, graph.entities[target].tokens.lower())
        for entity in graph.entities
        for relation, target in entity.relations
    }


def _relations(graph: Graph) -> set[object]:
    return {
        ((entity.tokens, entity.label), (other.tokens, other.label), relation)
        for entity in graph.entities
        for relation, target in entity.relations
        for other in (graph.entities[target],)
    }


def entity_offsets(text: str, graph: Graph) -> Iterator[tuple[int, int, str]]:
    """(start, end, label) of each entity in the text as it was given; tokens that were rewritten are skipped."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a letter whose lower case is longer: offsets would shift
        return
    places: list[tuple[int, int] | None] = []
    cursor = 0
    for token in graph.tokens:
        start = lowered.find(token.lower(), cursor)
        places.append((start, start + len(token)) if start >= 0 else None)
        cursor = start + len(token) if start >= 0 else cursor
    for entity in graph.entities:
        first, last = places[entity.start], places[entity.end]
        if first and last:
            yield first[0], last[1], entity.label


def _mean(numbers: Sequence[int]) -> float:
    return sum(numbers) / max(len(numbers), 1)


def _release() -> str:
    return installed_version("radgraph") or "missing"

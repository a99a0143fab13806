"""RaTEScore: do two reports name the same entities, synonyms included, with the same polarity?

Each entity looks for its nearest in the other report (cosine s of their embeddings); it counts s, weighted by the pair
of their types (w), and is multiplied by a penalty n where one affirms what the other denies: sum(s w n) / sum(w), once
for the prediction's entities and once for the reference's; their F1. The corpus value is the mean over samples. Of
several references, the best counts.

A pair in which a report has no entity scores 50, an empty report too: the package's own convention. (In a list, the
package 0.6.0 skips such a report and compares all later ones with a neighbour's; here every pair is scored by itself.)
Weights and penalty are read from the installed package, or from a JSON file like its own.

Source: Zhao et al. 2024 (arXiv 2406.16845), the package RaTEScore 0.6.0; equal to it pair by pair within 1e-6 where
sentences are split by `pyrush`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks.errors import InputError, MetricUnavailableError
from benchmarks.files.json_text import parse_json
from libra_bench.metrics.extractors.pretrained import Precision
from libra_bench.metrics.extractors.rate_entities import RateEntity, RateExtractor
from libra_bench.metrics.extractors.sentences import Splitter, splitter_missing, splitter_name
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

RELEASE = "0.6.0"
PACKAGE_MISSING = Missing(
    "the package ratescore, which has its weights, is not installed",
    f"pip install ratescore=={RELEASE}, or pass matrix=FILE.json",
)
MATRICES = {"long": "DEFAULT_MATRIX_LONG", "short": "DEFAULT_MATRIX_SHORT"}
"""Name of the parameter -> the package's name."""
PENALTY = "neg_weight"
WITHOUT_ENTITIES = 0.5
AFFIRMED, DENIED = {"ABNORMALITY", "DISEASE"}, {"NON-ABNORMALITY", "NON-DISEASE"}

Embeddings: TypeAlias = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Affinity:
    """How much a pair of types weighs, and what a contradiction leaves of a similarity."""

    weights: Mapping[tuple[str, str], float]
    """(type of an entity, type of its nearest in the other report) -> weight."""
    penalty: float

    def contradiction(self, one: str, other: str) -> float:
        """The penalty where one type affirms and the other denies, else 1."""
        opposite = (one in AFFIRMED and other in DENIED) or (one in DENIED and other in AFFIRMED)
        return self.penalty if opposite else 1.0


@dataclass(frozen=True)
class RaTEScore:
    """Agreement of entities, by their embeddings."""

    ner: str = "Angelakeke/RaTE-NER-Deberta"
    """The reader of entities: a folder or a hub id."""
    embedding: str = "FremyCompany/BioLORD-2023-C"
    """The encoder of entities: a folder or a hub id."""
    matrix: str = "long"
    """The package's weights for reports ("long") or sentences ("short"), or a JSON file like them."""
    sentences: Splitter = "pyrush"
    """How sentences are split: `pyrush`, as the package; `punkt`; `rules`, which needs nothing."""
    precision: Precision = field(default="float32", metadata=UNLESS_DEFAULT)
    """Of both models' numbers; bfloat16 is faster on a GPU (and on CPUs with AMX), and close, not equal."""

    id: ClassVar[str] = "ratescore"
    summary: ClassVar[str] = "RaTEScore: entities matched by their embeddings, with polarity"
    sees: ClassVar[Sees] = "entities"
    needs: ClassVar[str] = (
        "the package ratescore (weights of types), medspacy (sentences), an entity reader, an encoder"
    )

    @property
    def keys(self) -> Sequence[Key]:
        """RaTEScore."""
        return (Key("RaTEScore", range=(-100.0, 100.0)),)

    @property
    def signature(self) -> str:
        """Both models, the weights of types and the splitter are in it."""
        return signature_of(
            self,
            impl=f"RaTEScore-{RELEASE}",
            ner=label(self.ner),
            embedding=label(self.embedding),
            matrix=self.matrix if self.matrix in MATRICES else digest(_file(self.matrix)),
            sentences=splitter_name(self.sentences),
            weights=f"{digest(encoder_folder(self.ner))}+{digest(encoder_folder(self.embedding))}",
            norm="none",
            refs="best",
        )

    def missing(self) -> Missing | None:
        """Why it cannot run here: the first of its parts that is not there."""
        if self.matrix in MATRICES and _package() is None:
            return PACKAGE_MISSING
        if self.matrix not in MATRICES and _file(self.matrix) is None:
            return Missing(f"{self.matrix} is not a file", "pass matrix=long, matrix=short or matrix=FILE.json")
        return (
            encoder_missing(self.ner, parameter="ner")
            or encoder_missing(self.embedding, parameter="embedding")
            or splitter_missing(self.sentences)
        )

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Score predictions against references; see `Metric.score`."""
        affinity = read_affinity(self.matrix)
        extractor = RateExtractor.of(self.ner, self.embedding, self.sentences, self.precision)
        unweighted = sorted({kind for kind in extractor.kinds if (kind, kind) not in affinity.weights})
        if unweighted or not extractor.kinds:
            raise MetricUnavailableError(
                f"{self.ner} is no reader of RaTEScore's entities (its labels: {', '.join(unweighted) or 'none'})",
                hint="pass ner=FOLDER with RaTE-NER-Deberta",
            )
        read = extractor.read([*predictions, *(reference for group in references for reference in group)])
        embeddings = extractor.embed([entity.text for entities in read.values() for entity in entities])
        scores_N = np.array(
            [
                max(pair_score(read[prediction], read[reference], embeddings, affinity) for reference in group)
                for prediction, group in zip(predictions, references, strict=True)
            ]
        )
        statistics = mean_of(scores_N.reshape(-1, 1))
        return MetricResult(
            values=corpus_values(self.keys, statistics),
            statistics=statistics,
            samples={"RaTEScore": (100 * scores_N).tolist()},
            details={
                "without_entities": {
                    "predictions": sum(not read[prediction] for prediction in predictions),
                    "references": sum(not any(read[reference] for reference in group) for group in references),
                }
            },
        )


def pair_score(
    prediction: Sequence[RateEntity], reference: Sequence[RateEntity], embeddings: Embeddings, affinity: Affinity
) -> float:
    """RaTEScore of a pair, 0 to 1 (below 0 where nothing is alike)."""
    if not prediction or not reference:
        return WITHOUT_ENTITIES
    precision = _one_way(reference, prediction, embeddings, affinity)
    recall = _one_way(prediction, reference, embeddings, affinity)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _one_way(
    entities: Sequence[RateEntity], others: Sequence[RateEntity], embeddings: Embeddings, affinity: Affinity
) -> float:
    """sum(s w n) / sum(w) over the entities, each with its nearest of the others."""
    import torch
    from torch.nn.functional import normalize

    e_EC, o_OC = (
        normalize(torch.from_numpy(np.stack([embeddings[entity.text] for entity in side])), dim=1)
        for side in (entities, others)
    )
    found = total = 0.0
    for entity, e_C in zip(entities, e_EC, strict=True):
        # One vector at a time, as the package: which of two entities of the same text is "nearest" (they may differ in
        # type) hangs on the last bit, and so on the kernel that multiplies.
        similarity, nearest = (o_OC @ e_C).topk(1)
        value, index = similarity.item(), int(nearest.item())
        kind = others[index].kind
        weight = affinity.weights[entity.kind, kind]
        found += value * weight * affinity.contradiction(entity.kind, kind)
        total += weight
    return found / total if total else 0.0


def read_affinity(matrix: str) -> Affinity:
    """The weights of types: the package's, or those of a JSON file {"disease_anatomy": 0.9, ..., "neg_weight": 0.8}.

    Raises:
        InputError: the file has no such content.
        MetricUnavailableError: the package is not installed, or does not hold them where 0.6.0 does.
    """
    given: Any
    if matrix in MATRICES:
        package = _package()
        if package is None:
            raise MetricUnavailableError(PACKAGE_MISSING.reason, hint=PACKAGE_MISSING.hint)
        given = _literal(package, MATRICES[matrix])
        where: Path | str = package
    else:
        where = _file(matrix) or matrix
        try:
            given = parse_json(Path(where).read_bytes())
        except (OSError, ValueError) as error:
            raise InputError(f"cannot be read as JSON ({error})", where=where) from error
    try:
        weights = {name: float(value) for name, value in given.items()}
        penalty = weights.pop(PENALTY)
        pairs = {(one.upper(), other.upper()): value for (one, other), value in _split_names(weights)}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            "is not a table of weights", where=where, hint=f'it needs {{"disease_anatomy": 0.9, ..., "{PENALTY}": 0.8}}'
        ) from error
    return Affinity(pairs, penalty)


def _split_names(weights: Mapping[str, float]) -> list[tuple[tuple[str, str], float]]:
    return [((name.split("_")[0], name.split("_")[1]), value) for name, value in weights.items() if "_" in name]


def _literal(package: Path, name: str) -> Any:
    """A table of the package's scorer.py: read, not run, since running it loads medspacy."""
    for node in ast.parse((package / "scorer.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(isinstance(x, ast.Name) and x.id == name for x in node.targets):
            return ast.literal_eval(node.value)
    raise MetricUnavailableError(
        f"the installed package ratescore has no {name}", hint=f"pip install ratescore=={RELEASE}"
    )


def _package() -> Path | None:
    """Where the package is; it is not imported."""
    found = find_spec("RaTEScore")
    return Path(found.origin).parent if found and found.origin else None


def _file(matrix: str) -> Path | None:
    file = Path(matrix).expanduser()
    return file if file.is_file() else None

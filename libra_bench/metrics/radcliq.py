"""RadCliQ: an estimate of how many errors a radiologist would count in a report. Lower is better.

A linear combination of four scores of a pair, standardised with the published constants: RadGraph (mean of entity and
relation F1), BERTScore F1 (distilroberta-base, rescaled), the cosine of CheXbert's embeddings, and BLEU-2 (lower case,
"." split off, smoothed as in nltk's method 1). The corpus value is the mean over pairs. Of several references, each
score takes its best. Source: Yu et al. 2023 (Patterns 4, 100802), CXR-Report-Metric, whose configuration has idf off.

Two versions that share their inputs: v0 and v1 differ in their constants. An empty answer scores far from the others
(rescaled, its BERTScore is well below 0), so a few of them dominate the mean: `details` say how many there are, and the
mean without them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from libra_bench.metrics.bertscore import BertScore
from libra_bench.metrics.bleu import Bleu
from libra_bench.metrics.chexbert import COSINE, CheXbert
from libra_bench.metrics.extractors.chexbert import PUBLISHED
from libra_bench.metrics.extractors.pretrained import Precision
from libra_bench.metrics.extractors.weights import label
from libra_bench.metrics.metric import (
    UNLESS_DEFAULT,
    Floats,
    Key,
    Metric,
    MetricResult,
    Missing,
    References,
    Sees,
    Statistics,
    corpus_values,
    ratio,
    signature_of,
)
from libra_bench.metrics.radgraph import RadGraph

INPUTS = ("RadGraph", "BERTScore", "CheXbert cosine", "BLEU-2")
BLEU2 = Bleu(norm="lower", tokenizer="period", scheme="sentence")


@dataclass(frozen=True, slots=True)
class Constants:
    """A fitted linear model: standardise the four inputs, weigh them, add."""

    mean: tuple[float, float, float, float]
    scale: tuple[float, float, float, float]
    coefficients: tuple[float, float, float, float]
    intercept: float

    def combine(self, inputs_N4: Floats) -> Floats:
        """The score of each pair."""
        standardised_N4 = (inputs_N4 - np.array(self.mean)) / np.array(self.scale)
        combined: Floats = standardised_N4 @ np.array(self.coefficients) + self.intercept
        return combined


V0 = Constants(
    mean=(0.5398376019082272, 0.6312549595000001, 0.7716797866672277, 0.4607372064809605),
    scale=(0.3018344440559102, 0.22466950746141123, 0.24750333805236252, 0.30336670936092264),
    coefficients=(-0.4796252644863446, -0.6762170542369337, -0.46366575161751994, 0.2165861905287535),
    intercept=1.641666666666666,
)
V1 = Constants(
    mean=(0.5379231241355762, 0.6175725628125001, 0.7647942121140658, 0.44738335396242174),
    scale=(0.3028258411486429, 0.22430938459304575, 0.2539439110169773, 0.2989271671041838),
    coefficients=(-0.37708368261038905, -0.37030009974480316, -0.25261621789593225, 4.315048405024756e-12),
    intercept=2.466552561323256e-10,
)


@dataclass(frozen=True)
class _RadCliQ:
    """What both versions share: parameters, inputs."""

    radgraph: str = "radgraph"
    """RadGraph's weights: a folder, a .tar.gz or a name."""
    radgraph_backbone: str | None = None
    chexbert: str = PUBLISHED
    """CheXbert's checkpoint."""
    chexbert_backbone: str = "bert-base-uncased"
    bertscore: str = "distilroberta-base"
    """BERTScore's encoder: a folder or a hub id."""
    num_layers: int | None = None
    baseline_path: str | None = None
    """BERTScore's baseline table; None: the package's own for this encoder."""
    idf: bool = False
    """Whether BERTScore weighs tokens by their inverse document frequency in the references (RadEval does)."""
    norm: Literal["lower", "spaces", "none"] = "lower"
    """`spaces`: CXR-Report-Metric's preparation; `lower`: the same, but RadGraph reads lower-cased text; `none`: all
    read the text as it is (RadEval)."""
    reciprocal: bool = False
    """Whether to add a key with 1 / the mean, as RadEval and ReXrank's board print."""
    precision: Precision = field(default="float32", metadata=UNLESS_DEFAULT)
    """Of all three models' numbers; bfloat16 is faster on a GPU (and on CPUs with AMX), and close, not equal."""

    id: ClassVar[str]
    summary: ClassVar[str]
    column: ClassVar[str]
    constants: ClassVar[Constants]
    sees: ClassVar[Sees] = "entities"
    needs: ClassVar[str] = "what radgraph, chexbert and bertscore need, with distilroberta-base"

    @property
    def keys(self) -> Sequence[Key]:
        """The mean, lower is better; perhaps its reciprocal."""
        everything = (float("-inf"), float("inf"))
        mean = Key(self.column, higher_is_better=False, range=everything)
        return (mean, Key(f"{self.column}-reciprocal", range=everything)) if self.reciprocal else (mean,)

    @property
    def signature(self) -> str:
        """The weights of all three extractors are in it, and the releases of the packages."""
        radgraph, bertscore, chexbert = (dict(re.findall(r"(\w+):([^|]*)", part.signature)) for part in self._parts())
        given = {name: value for name, value in vars(self).items() if name != "precision"}
        names = {name: label(value) for name, value in given.items() if isinstance(value, str)}
        facts: dict[str, Any] = names | {
            "num_layers": bertscore["num_layers"],
            "baseline_path": bertscore["baseline_path"],
            "weights": "+".join(part["weights"] for part in (radgraph, chexbert, bertscore)),
            "refs": "best",
            "version": 2,
        }
        return signature_of(self, impl=f"{radgraph['impl']}+{bertscore['impl']}", **facts)

    def missing(self) -> Missing | None:
        """Why it cannot run here: the first input that cannot."""
        parameters = ("radgraph", "bertscore", "chexbert")
        parts: Sequence[Metric] = self._parts()
        for part, name in zip(parts, parameters, strict=True):
            if absent := part.missing():
                hint, parameter = (
                    text.replace("model=", f"{name}=").replace("backbone=", f"{name}_backbone=")
                    for text in (absent.hint, absent.parameter)
                )
                return Missing(absent.reason, hint, parameter)
        return None

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Score predictions against references; see `Metric.score`."""
        inputs_N4 = np.array(_inputs(self._parts(), tuple(predictions), tuple(map(tuple, references)))).reshape(-1, 4)
        values_N = self.constants.combine(inputs_N4)
        statistics = Statistics(values_N[:, None], self.reduce)
        return MetricResult(
            values=corpus_values(self.keys, statistics),
            statistics=statistics,
            samples={self.column: values_N.tolist()},
            details={
                "inputs": dict(zip(INPUTS, inputs_N4.mean(axis=0).tolist(), strict=True)),
                "empty_predictions": _empty(predictions, values_N),
            },
        )

    def reduce(self, sums_RS: Floats, n_R: Floats) -> Floats:
        """The mean, in RadCliQ's own unit; perhaps its reciprocal."""
        mean_R1 = sums_RS / n_R[:, None]
        return np.hstack([mean_R1, ratio(np.ones_like(mean_R1), mean_R1)]) if self.reciprocal else mean_R1

    def _parts(self) -> tuple[RadGraph, BertScore, CheXbert]:
        return (
            RadGraph(
                self.radgraph,
                self.radgraph_backbone,
                norm="lower" if self.norm == "lower" else "none",
                precision=self.precision,
            ),
            BertScore(
                self.bertscore,
                self.num_layers,
                rescale=True,
                idf=self.idf,
                baseline_path=self.baseline_path,
                norm="none" if self.norm == "none" else "spaces",
                precision=self.precision,
            ),
            CheXbert(
                self.chexbert,
                self.chexbert_backbone,
                norm="none" if self.norm == "none" else "whitespace",
                precision=self.precision,
            ),
        )


@dataclass(frozen=True)
class RadCliQv0(_RadCliQ):
    """The first published model: predicts a count of errors."""

    id: ClassVar[str] = "radcliq_v0"
    summary: ClassVar[str] = "estimated number of errors (first version)"
    column: ClassVar[str] = "RadCliQ-v0"
    constants: ClassVar[Constants] = V0


@dataclass(frozen=True)
class RadCliQv1(_RadCliQ):
    """The second published model: predicts a standardised count of errors."""

    id: ClassVar[str] = "radcliq_v1"
    summary: ClassVar[str] = "estimated number of errors, standardised (second version)"
    column: ClassVar[str] = "RadCliQ-v1"
    constants: ClassVar[Constants] = V1


@functools.lru_cache(maxsize=1)
def _inputs(
    parts: tuple[RadGraph, BertScore, CheXbert], predictions: tuple[str, ...], references: tuple[tuple[str, ...], ...]
) -> tuple[tuple[float, ...], ...]:
    """The four inputs of each pair; remembered, since v0 and v1 are usually asked for together."""
    radgraph, bertscore, chexbert = (part.score(predictions, references) for part in parts)
    columns = (
        [value / 100 for value in radgraph.samples["RadGraph-combined"]],
        [value / 100 for value in bertscore.samples["Bert_score"]],
        [value / 100 for value in chexbert.samples[COSINE]],
        [value / 100 for value in BLEU2.score(predictions, references).samples["BLEU2"]],
    )
    return tuple(zip(*columns, strict=True))


def _empty(predictions: Sequence[str], values_N: Floats) -> dict[str, float | int | None]:
    """How many predictions hold no text, their share in percent, and the mean over the others."""
    empty_N = np.array([not text.strip() for text in predictions])
    others_N = values_N[~empty_N]
    return {
        "n": int(empty_N.sum()),
        "share": 100.0 * float(empty_N.mean()),
        "mean_without": float(others_N.mean()) if len(others_N) else None,
    }

"""What a metric is: per-sample statistics -> their sum -> the score, so that every corpus value, value a
sample, interval and paired test comes from one computation.

A metric is a frozen dataclass; its parameters are its fields; its signature is derived from them. Adding one
is one file and one line in `registry.py`; a third party uses the entry point `libra_bench.metrics`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Sees: TypeAlias = Literal["words", "embeddings", "entities", "labels", "statements", "judges", "change"]
"""What a metric sees of a report."""
Floats: TypeAlias = npt.NDArray[np.float64]
References: TypeAlias = Sequence[Sequence[str]]
"""One list of alternative references per sample; never empty."""


@dataclass(frozen=True, slots=True)
class Key:
    """One column of the leaderboard that a metric fills."""

    name: str
    """The CSV column, e.g. "BLEU1"."""
    higher_is_better: bool = True
    range: tuple[float, float] = (0.0, 100.0)
    published: bool = False
    """Whether it is one of the published columns (part of the default set)."""


Reduce: TypeAlias = Callable[[Floats, Floats], Floats]
"""(summed statistics [R, S], number of samples [R]) -> values [R, K], in the unit of the column."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Sufficient statistics of a metric's keys: what a bootstrap resamples.

    Legend: N samples, S statistics per sample, R resamples, K keys.
    """

    per_sample_NS: Floats
    """One row per sample of the suite; a corpus is the sum of its rows."""
    reduce: Reduce


MergeDetails: TypeAlias = Callable[[Sequence[Mapping[str, Any]], Statistics], Mapping[str, Any]]
"""(details of consecutive parts of the samples, statistics of all samples) -> details of all samples."""


def percent_mean(sums_RK: Floats, n_R: Floats) -> Floats:
    """100 x the mean over samples: the reduction of a metric that does not name another."""
    return 100.0 * sums_RK / n_R[:, None]


def reduction_of(metric: Metric) -> Reduce:
    """How a metric's stored statistics become its values, without scoring again: its `reduce`, else `percent_mean`."""
    reduce: Reduce = getattr(metric, "reduce", percent_mean)
    return reduce


def sees_of(metric: Metric) -> Sees:
    """What a metric sees of a report: its `sees`; "words" for one that does not say."""
    sees: Sees = getattr(metric, "sees", "words")
    return sees


def reward_key_of(metric: Metric) -> str | None:
    """Which of several values per report is the reward where none is named: its `reward_key`, else None."""
    key: str | None = getattr(metric, "reward_key", None)
    return key


def sample_keys_of(metric: Metric) -> tuple[Key, ...]:
    """The columns of samples.csv that rank texts: a metric's keys, and those of its `sample_keys` that are no keys."""
    further: Sequence[Key] = getattr(metric, "sample_keys", ())
    return (*metric.keys, *further)


def check_metric(metric: Metric, references: References, predictions: Sequence[str] | None = None) -> None:
    """Let a metric find out, before anything slow, what would stop it: its `check`, where it has one.

    Args:
        metric: any.
        references: N lists of alternative references.
        predictions: N texts; None: they are not known yet.

    Raises:
        LibraBenchError: it would be stopped.
    """
    check: Callable[[References, Sequence[str] | None], None] | None = getattr(metric, "check", None)
    if check is not None:
        check(references, predictions)


def is_independent(metric: Metric) -> bool:
    """Whether its statistics of a sample depend on that sample alone, and its values on their sum: its `independent`.

    Samples of such a metric may be scored in several processes (`many_texts.py`).
    """
    independent: bool = getattr(metric, "independent", False)
    return independent


def merged_details(metric: Metric, parts: Sequence[Mapping[str, Any]], statistics: Statistics) -> Mapping[str, Any]:
    """The details of all samples from those of parts: its `merge_details`; {} for a metric without details."""
    merge: MergeDetails = getattr(metric, "merge_details", lambda parts, statistics: {})
    return merge(parts, statistics)


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """`numerator / denominator`, elementwise; NaN where the denominator is 0 (nothing to average over)."""
    result = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=result, where=denominator != 0)
    return result


def mean_of(per_sample_NK: Floats, scale: float = 100.0) -> Statistics:
    """Statistics of keys whose corpus value is the mean over samples, times `scale`."""
    return Statistics(np.asarray(per_sample_NK, dtype=float), lambda sums_RK, n_R: scale * sums_RK / n_R[:, None])


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of text that a metric matched, so that a reader can see why."""

    sample: int
    """Index into the predictions."""
    side: str
    """"prediction" or "reference"."""
    start: int
    """Offsets into the text as it was given, before any normalisation."""
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class MetricResult:
    """What a metric says about a set of predictions."""

    values: Mapping[str, float]
    """Key -> corpus value, full precision, in the unit of the column (x100 but for RadCliQ and CIDEr)."""
    statistics: Statistics | None = None
    """For intervals and paired tests, its K columns in the order of `values`; None: no interval."""
    samples: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Column of samples.csv -> one value per sample, in the unit of the column (for a column per 100 reports, the count
    of the report); only if the metric defines it."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What has no column: per-class scores with support, confusion tables. JSON values."""
    spans: Sequence[Span] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a metric cannot run here."""

    reason: str
    hint: str
    """What to install or pass."""
    parameter: str = ""
    """Of the hint: the parameter that would do, e.g. "model=FOLDER"."""

    def flag(self, metric_id: str) -> str:
        """What to type for it, or "" where a parameter alone does not do."""
        return f"--metrics '{metric_id}[{self.parameter}]'" if self.parameter else ""

    def remedy(self, metric_id: str) -> str:
        """The hint, its parameter as the whole flag of the command line."""
        return (
            self.hint.replace(f"pass {self.parameter}", f"pass {self.flag(metric_id)}") if self.parameter else self.hint
        )


class Metric(Protocol):
    """A metric. `id` is its file's name and its name on the command line.

    A metric whose corpus values are not 100 x the mean of its statistics also has a method
    `reduce(sums_RS, n_R) -> values_RK` and returns `Statistics(matrix, self.reduce)`: then a stored run can be
    compared with another without scoring it again (statistics.npz).
    """

    id: ClassVar[str]
    summary: ClassVar[str]
    """One line for `libra-bench metrics`."""
    needs: ClassVar[str]
    """What it needs besides the text ("nothing", "weights of distilbert-base-uncased", "labels")."""

    # Optional, with a default, since metrics of other packages may lack them:
    # `sees: ClassVar[Sees]`, see `sees_of`; `reward_key: ClassVar[str]`, see `reward_key_of`;
    # `sample_keys: ClassVar[Sequence[Key]]`, see `sample_keys_of`; `independent: ClassVar[bool]`, see `is_independent`;
    # `merge_details(parts, statistics)`, which an independent metric with details must have, see `merged_details`;
    # a method `check`, see `check_metric`.

    @property
    def keys(self) -> Sequence[Key]:
        """The columns it fills, in order."""
        ...

    @property
    def signature(self) -> str:
        """What exactly is computed: `signature_of(self, impl="rouge_score-0.1.2", ...)`."""
        ...

    def missing(self) -> Missing | None:
        """Why it cannot run here, or None. Must be quick: no model is loaded for it."""
        ...

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Score predictions (failed ones are empty strings) against references.

        Args:
            predictions: N texts.
            references: N lists of alternative references.
            fields: N mappings with the other fields of each sample (`labels`, `question_type`, `has_prior`,
                `subject_id`, ...); None where nothing is known.
        """
        ...


WITHOUT_EFFECT: Mapping[str, bool] = {"signature": False}
"""Metadata of a metric's field that changes how a number is had (a server's address), never the number."""
UNLESS_DEFAULT: Mapping[str, bool] = {"signature": True, "unless_default": True}
"""Metadata of a field that came later than the metric: with its default, signatures are as they were."""


def signature_of(metric: Any, *, impl: str, version: int = 1, **facts: object) -> str:
    """`id|field:value|...|fact:value|...|impl:name-version|v:1`, from the metric's own dataclass fields.

    Every field is in it, so no parameter can be forgotten, but those marked `WITHOUT_EFFECT`, and those marked
    `UNLESS_DEFAULT` where they have their default; a field called `version` is the `v` at its end.
    """
    parameters = {
        f.name: getattr(metric, f.name)
        for f in dataclasses.fields(metric)
        if f.name != "version" and f.metadata.get("signature", True)
        if not (f.metadata.get("unless_default", False) and getattr(metric, f.name) == f.default)
    }
    parts = [f"{name}:{_in_words(value)}" for name, value in {**parameters, **facts}.items()]
    return "|".join([metric.id, *parts, f"impl:{impl}", f"v:{version}"])


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def corpus_values(keys: Sequence[Key], statistics: Statistics) -> dict[str, float]:
    """The corpus value of each key: the statistics of all samples, reduced."""
    per_sample_NS = statistics.per_sample_NS
    sums_1S = per_sample_NS.sum(axis=0, keepdims=True)
    values_1K = statistics.reduce(sums_1S, np.array([float(len(per_sample_NS))]))
    return {key.name: float(value) for key, value in zip(keys, values_1K[0], strict=True)}

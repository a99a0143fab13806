"""The score step: answers and references in, scores.json (and its CSV companions) out. Needs no model."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.errors import InputError, SuiteError
from benchmarks.files import atomic_write, write_json, write_jsonl
from benchmarks.predictions import match_answers, read_answers
from benchmarks.schema import Answer, Sample, Score
from benchmarks.suites import read_samples
from benchmarks.user_cache import user_cache
from libra_bench.metrics.choice import ChosenMetrics, choose_metrics
from libra_bench.metrics.metric import Key, Metric, MetricResult, Statistics
from libra_bench.runs.generation import count_kinds
from libra_bench.scores.reference_points import floors
from libra_bench.scores.statistics import RESAMPLES, interval
from libra_bench.scores.statistics_file import save_statistics
from libra_bench.scores.strata import Strata, strata

if TYPE_CHECKING:
    from libra_bench.metrics.official.verify import Check, Unverified

SCHEMA_VERSION = 1
STRATA_RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Scored:
    """Everything that scoring produces. All sequences are in the order of the suite."""

    scores: dict[str, Any]
    """The content of scores.json."""
    samples: Sequence[Sample]
    references: Sequence[Sequence[str]]
    predictions: Sequence[str]
    metrics: Mapping[str, Metric]
    results: Mapping[str, MetricResult]
    """What each metric said, by the name that the user wrote."""

    def verify(self) -> tuple[list[Check], list[Unverified]]:
        """Recompute every metric with its official package."""
        from libra_bench.metrics.official.verify import verify

        by_id = {self.metrics[name].id: result for name, result in self.results.items()}
        return verify(list(self.metrics.values()), by_id, self.predictions, self.references)


def score_answers(
    samples: Sequence[Sample],
    answers: Sequence[Answer],
    chosen: ChosenMetrics,
    *,
    suite: str,
    model: str,
    by: Sequence[str] = (),
) -> Scored:
    """Score answers (in the order of the samples) with every chosen metric.

    A failed answer counts as an empty text in every metric. Intervals are clustered by `subject_id` where the suite
    has one.

    Args:
        samples: N samples with references, or with labels (joined by commas, they are the reference of text metrics).
        answers: N answers.
        chosen: the metrics.
        suite: the suite's name.
        model: the model's id.
        by: fields to stratify by; none: the built-in strata that the suite has.

    Raises:
        SuiteError: samples without a reference; names them.
        UnknownNameError: no sample has a field of `by`.
    """
    predictions = ["" if answer.failed else answer.text for answer in answers]
    references = _references(samples, suite)
    fields = [metric_fields(sample) for sample in samples]
    with_finish = [{**known, "finish": answer.finish} for known, answer in zip(fields, answers, strict=True)]
    clusters = patients(samples)
    levels = strata(samples, by)
    results: dict[str, MetricResult] = {}
    scores: list[dict[str, Any]] = []
    of_strata: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for name, metric in chosen.metrics.items():
        result = metric.score(predictions, references, with_finish)
        results[name] = result
        scores += [asdict(score) for score in _score_rows(metric, result, len(samples), clusters)]
        if result.statistics is not None:
            for stratum, level, rows in _stratified(result.statistics, list(result.values), levels, clusters):
                of_strata.setdefault((stratum, level), []).extend(rows)
    metrics = list(chosen.metrics.values())
    return Scored(
        scores={
            "schema_version": SCHEMA_VERSION,
            "suite": suite,
            "model": model,
            "n": len(samples),
            **count_kinds(answers),
            "n_clusters": len(set(clusters)) if clusters else None,
            "scores": scores,
            "details": {chosen.metrics[name].id: dict(r.details) for name, r in results.items() if r.details},
            "strata": [
                {"by": stratum, "level": level, "n": len(levels[stratum][level]), "scores": rows}
                for (stratum, level), rows in of_strata.items()
            ],
            "floors": floors(metrics, references, fields, clusters, cache=user_cache() / "floors"),
            "unavailable": list(chosen.unavailable),
        },
        samples=samples,
        references=references,
        predictions=predictions,
        metrics=chosen.metrics,
        results=results,
    )


def _references(samples: Sequence[Sample], suite: str) -> list[list[str]]:
    bare = [sample.question_id for sample in samples if not sample.references and sample.labels is None]
    if bare:
        shown = ", ".join(map(repr, bare[:5])) + (", ..." if len(bare) > 5 else "")
        raise SuiteError(
            f"{len(bare)} of {len(samples)} samples have no reference ({shown})",
            where=suite,
            hint="scoring needs one under reference, findings, impression or answer, or labels",
        )
    return [list(sample.references) or [", ".join(sample.labels or ())] for sample in samples]


def metric_fields(sample: Sample) -> dict[str, Any]:
    """What a metric may know of a sample besides its references: its fields, its labels, whether it has a prior."""
    known = dict(sample.fields)
    if sample.labels is not None:
        known["labels"] = list(sample.labels)
    if sample.images:
        known["has_prior"] = sample.has_prior
    return known


def patients(samples: Sequence[Sample]) -> list[Any] | None:
    """The patient of each sample, where the suite says so: intervals and tests then draw whole patients."""
    names = [sample.fields.get("subject_id") for sample in samples]
    return names if any(name is not None for name in names) else None


def _score_rows(metric: Metric, result: MetricResult, n: int, clusters: Sequence[Any] | None) -> Iterator[Score]:
    """A metric's rows of scores.json; a value that is undefined is None there."""
    direction = {key.name: key.higher_is_better for key in metric.keys}
    bounds = _bounds(result.statistics, list(result.values), clusters, RESAMPLES)
    for (name, value), (low, high) in zip(result.values.items(), bounds, strict=True):
        yield Score(name, metric.id, _defined(value), low, high, n, metric.signature, direction[name])


def _bounds(
    statistics: Statistics | None, names: Sequence[str], clusters: Sequence[Any] | None, resamples: int
) -> list[tuple[float | None, float | None]]:
    """The interval of each key; (None, None) where there is none."""
    if statistics is None or not names:
        return [(None, None)] * len(names)
    low_K, high_K = interval(statistics, [Key(name) for name in names], clusters, resamples)
    return [(_defined(low), _defined(high)) for low, high in zip(low_K, high_K, strict=True)]


def _stratified(
    statistics: Statistics, names: Sequence[str], levels: Strata, clusters: Sequence[Any] | None
) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """The values of each level of each stratum with their intervals, from the statistics of its samples."""
    for stratum, members_of in levels.items():
        for level, members in members_of.items():
            part = Statistics(statistics.per_sample_NS[members], statistics.reduce)
            its_clusters = clusters and [clusters[i] for i in members]
            values_1K = part.reduce(part.per_sample_NS.sum(axis=0, keepdims=True), np.array([float(len(members))]))
            bounds = _bounds(part, names, its_clusters, STRATA_RESAMPLES)
            rows = zip(names, map(_defined, values_1K[0]), bounds, strict=True)
            yield (
                stratum,
                level,
                [{"key": k, "value": value, "low": low, "high": high} for k, value, (low, high) in rows],
            )


def _defined(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def write_scored(folder: Path, scored: Scored) -> None:
    """Write statistics.npz, scores.json, samples.csv and spans.jsonl into a run folder."""
    left_out = save_statistics(
        folder / "statistics.npz",
        ids=[sample.question_id for sample in scored.samples],
        references=scored.references,
        clusters=patients(scored.samples),
        metrics={
            name: (scored.metrics[name], list(result.values), result.statistics)
            for name, result in scored.results.items()
            if result.statistics is not None
        },
    )
    write_json(folder / "scores.json", {**scored.scores, "not_comparable": left_out})
    columns = {name: values for result in scored.results.values() for name, values in result.samples.items()}
    ids = [sample.question_id for sample in scored.samples]
    with atomic_write(folder / "samples.csv") as stream:
        table = csv.writer(stream)
        table.writerow(["question_id", *columns])
        table.writerows(zip(ids, *columns.values(), strict=True))
    write_jsonl(
        folder / "spans.jsonl",
        (
            {
                "question_id": ids[span.sample],
                "side": span.side,
                "start": span.start,
                "end": span.end,
                "label": span.label,
                "metric": scored.metrics[name].id,
            }
            for name, result in scored.results.items()
            for span in result.spans
        ),
    )


def score_files(
    references: Path, predictions: Sequence[Path], names: Sequence[str], chosen: ChosenMetrics, by: Sequence[str] = ()
) -> list[Scored]:
    """Score several files of predictions against one file of references.

    Raises:
        SuiteError: ids that don't match, or samples without a reference.
    """
    samples = read_samples(references, prompts_required=False)
    matched = [match_answers(read_answers(path), samples, where=path) for path in predictions]
    return [
        score_answers(samples, answers, chosen, suite=references.stem, model=name, by=by)
        for name, answers in zip(names, matched, strict=True)
    ]


def score(
    *,
    predictions: str | Path | Sequence[str],
    references: str | Path | Sequence[str] | Sequence[Sequence[str]],
    metrics: str | Sequence[str] | None = None,
) -> dict[str, Any]:
    """Score predictions against references.

    Args:
        predictions: a file of answers (JSONL or CSV), or N texts.
        references: a suite file, or N texts or lists of alternative texts.
        metrics: names, or "all"; None: the published ones that can run here.

    Returns:
        The content of scores.json.

    Raises:
        SuiteError: ids that don't match, or samples without a reference.
        UnknownNameError, MetricUnavailableError: see `choose_metrics`.
    """
    chosen = choose_metrics(metrics if metrics is None or isinstance(metrics, str) else ",".join(metrics))
    if isinstance(references, str | Path):
        name, samples = Path(references).stem, read_samples(Path(references), prompts_required=False)
    else:
        name, samples = "texts", [_sample(number, texts) for number, texts in enumerate(references)]
    if isinstance(predictions, str | Path):
        model, answers = Path(predictions).stem, read_answers(Path(predictions))
    elif len(predictions) == len(samples):
        model = "texts"
        answers = [Answer(sample.question_id, "", text) for sample, text in zip(samples, predictions, strict=True)]
    else:
        raise InputError(f"{len(predictions)} predictions, but {len(samples)} references", hint="give one a study")
    matched = match_answers(answers, samples, where=model)
    return score_answers(samples, matched, chosen, suite=name, model=model).scores


def _sample(number: int, texts: str | Sequence[str]) -> Sample:
    return Sample(number, (), "", references=(texts,) if isinstance(texts, str) else tuple(texts))

"""The score step: answers and references in, scores.json (and its CSV companions) out. Needs no model."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.errors import InputError, MetricUnavailableError, SuiteError
from benchmarks.files import atomic_write, write_json, write_jsonl
from benchmarks.predictions import match_answers, read_answers
from benchmarks.schema import Answer, QuestionId, Sample, Score
from benchmarks.suites import read_samples
from libra_bench.generation import count_kinds
from libra_bench.metrics.metric import Metric, MetricResult, Missing
from libra_bench.metrics.registry import make_metric, make_metrics, metric_targets, split_names

SCHEMA_VERSION = 1
PUBLISHED_METRICS = ("bleu", "meteor", "rouge_l", "bertscore", "temporal_f1")
"""What `--metrics` means when it is not given, where a suite names none of its own."""


@dataclass(frozen=True, slots=True)
class ChosenMetrics:
    """The metrics of a run, and those left out because they cannot run here."""

    metrics: Sequence[Metric]
    unavailable: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """Everything that scoring produces."""

    scores: dict[str, Any]
    """The content of scores.json."""
    sample_ids: Sequence[QuestionId]
    samples: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Column of samples.csv -> one value a sample."""
    spans: Sequence[Mapping[str, Any]] = ()
    results: Mapping[str, MetricResult] = field(default_factory=dict)
    """Metric -> what it said, for those who go on computing (comparison, verification)."""


def choose_metrics(names: str | None, default: Iterable[str] = PUBLISHED_METRICS) -> ChosenMetrics:
    """The metrics of a `--metrics` value; known before generation starts.

    Args:
        names: "bleu,rouge_l", "all" (what can run here), or None (of `default`, what can run here).
        default: names for None.

    Raises:
        UnknownNameError: no metric of this name.
        MetricUnavailableError: a metric that was asked for by name cannot run; says what to install or pass.
    """
    if names not in (None, "all"):
        metrics = make_metrics(split_names(names))
        if not metrics:
            raise InputError("names no metric", where="--metrics", mend="see `libra-bench metrics`")
        for metric in metrics:
            if missing := metric.missing():
                raise MetricUnavailableError(f"{metric.id}: {missing.reason}", mend=missing.remedy)
        return ChosenMetrics(metrics)
    candidates = [make_metric(name) for name in (metric_targets() if names == "all" else default)]
    absent = [(metric, missing) for metric in candidates if (missing := metric.missing())]
    left_out = {metric.id for metric, _ in absent}
    return ChosenMetrics(
        [metric for metric in candidates if metric.id not in left_out],
        [unavailable_entry(metric.id, missing) for metric, missing in absent],
    )


def unavailable_entry(metric: str, missing: Missing) -> dict[str, str]:
    """A line of scores.json's `unavailable`."""
    return {"metric": metric, "reason": missing.reason, "remedy": missing.remedy}


def score_answers(
    samples: Sequence[Sample], answers: Sequence[Answer], chosen: ChosenMetrics, *, suite: str, model: str
) -> Scored:
    """Score answers (in the order of the samples) with every chosen metric.

    A failed answer counts as an empty text in every metric.

    Raises:
        SuiteError: samples without a reference; names them.
    """
    bare = [sample.question_id for sample in samples if not sample.references]
    if bare:
        raise SuiteError(
            f"{len(bare)} of {len(samples)} samples have no reference ({', '.join(map(repr, bare[:5]))}, ...)",
            where=suite,
            mend="scoring needs one under reference, findings, impression or answer",
        )
    predictions = ["" if answer.failed else answer.text for answer in answers]
    references = [list(sample.references) for sample in samples]
    fields = [metric_fields(sample) for sample in samples]
    unavailable = list(chosen.unavailable)
    results: dict[str, MetricResult] = {}
    scores: list[Score] = []
    for metric in chosen.metrics:
        result = metric.score(predictions, references, fields)
        results[metric.id] = result
        scores += score_rows(metric, result, len(samples))
    spans = [
        {"question_id": samples[span.sample].question_id, "metric": name} | _without(asdict(span), "sample")
        for name, result in results.items()
        for span in result.spans
    ]
    return Scored(
        scores={
            "schema_version": SCHEMA_VERSION,
            "suite": suite,
            "model": model,
            "n": len(samples),
            **count_kinds(answers),
            "scores": [asdict(score) for score in scores],
            "details": {name: dict(result.details) for name, result in results.items() if result.details},
            "strata": [],
            "floors": [],
            "unavailable": unavailable,
        },
        sample_ids=[sample.question_id for sample in samples],
        samples={column: values for result in results.values() for column, values in result.samples.items()},
        spans=spans,
        results=results,
    )


def metric_fields(sample: Sample) -> dict[str, Any]:
    """What a metric may know of a sample besides its references."""
    labels = {} if sample.labels is None else {"labels": list(sample.labels)}
    return {**sample.fields, **labels, "has_prior": sample.has_prior}


def score_rows(metric: Metric, result: MetricResult, n: int) -> list[Score]:
    """A metric's rows of scores.json."""
    direction = {key.name: key.higher_is_better for key in metric.keys}
    return [
        Score(name, metric.id, value, None, None, n, metric.signature, direction[name])
        for name, value in result.values.items()
    ]


def _without(record: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != name}


def write_scored(folder: Path, scored: Scored) -> None:
    """Write scores.json, samples.csv and spans.jsonl into a run folder."""
    write_json(folder / "scores.json", scored.scores)
    with atomic_write(folder / "samples.csv") as stream:
        table = csv.writer(stream)
        table.writerow(["question_id", *scored.samples])
        table.writerows(zip(scored.sample_ids, *scored.samples.values(), strict=True))
    write_jsonl(folder / "spans.jsonl", scored.spans)


def score_files(
    references: Path, predictions: Sequence[Path], names: Sequence[str], metrics: str | None
) -> list[dict[str, Any]]:
    """Score several files of predictions against one file of references; one scores.json each.

    Raises:
        SuiteError: ids that don't match, or samples without a reference.
    """
    chosen = choose_metrics(metrics)
    samples = read_samples(references, prompts_required=False)
    pairs = [
        (name, match_answers(read_answers(path), samples, where=path))
        for path, name in zip(predictions, names, strict=True)
    ]
    return [
        score_answers(samples, answers, chosen, suite=references.stem, model=name).scores for name, answers in pairs
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
    if metrics is not None and not isinstance(metrics, str):
        metrics = ",".join(metrics)
    chosen = choose_metrics(metrics)
    if isinstance(references, str | Path):
        name, samples = Path(references).stem, read_samples(Path(references), prompts_required=False)
    else:
        name, samples = "texts", [_sample(number, texts) for number, texts in enumerate(references)]
    if isinstance(predictions, str | Path):
        model, answers = Path(predictions).stem, list(read_answers(Path(predictions)))
    else:
        model, answers = "texts", [Answer(number, "", text) for number, text in enumerate(predictions)]
        if not isinstance(references, str | Path) and len(answers) != len(samples):
            raise InputError(f"{len(answers)} predictions, but {len(samples)} references")
    matched = match_answers(answers, samples, where=model)
    return score_answers(samples, matched, chosen, suite=name, model=model).scores


def _sample(number: int, texts: str | Sequence[str]) -> Sample:
    return Sample(number, (), "", references=(texts,) if isinstance(texts, str) else tuple(texts))

"""The score step: answers and what they are scored against in, scores out. Needs no model and no run folder."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.errors import InputError
from benchmarks.files import json_list, sha256_texts, user_cache
from benchmarks.files.stored import View
from benchmarks.predictions import count_answers, match_answers, read_answers
from benchmarks.predictions.cleaning import NO_CLEANING, clean, signed
from benchmarks.records.json_record import plain
from benchmarks.records.scores import Score, Scores, Stratum, StratumScore, Unavailable
from benchmarks.schema import Answer, Sample
from benchmarks.suites import read_references
from libra_bench.metrics.choice import ChosenMetrics, choose_metrics
from libra_bench.metrics.failing_texts import as_details, failed_note
from libra_bench.metrics.many_texts import OnScored, score_many_texts, untold
from libra_bench.metrics.metric import Key, Metric, MetricResult, Statistics, check_metric, corpus_values
from libra_bench.metrics.workers import shared_workers
from libra_bench.scores.bootstrap import count_clusters, intervals
from libra_bench.scores.reference_points import reference_points
from libra_bench.scores.scored_texts import ScoredTexts
from libra_bench.scores.scoring_input import ScoringInput, answers_to, metric_fields, references_of, scoring_input
from libra_bench.scores.scoring_progress import ScoringProgress

if TYPE_CHECKING:
    from libra_bench.metrics.official.verify import Check, Unverified

STRATA_RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Scored:
    """Everything that scoring produces. All sequences are in the order of the suite."""

    scores: Scores
    against: ScoringInput
    predictions: Sequence[str]
    metrics: Mapping[str, Metric]
    results: Mapping[str, MetricResult]
    """What each metric said, by the name that the user wrote."""

    def verify(self) -> tuple[list[Check], list[Unverified]]:
        """Recompute every metric with its official package."""
        from libra_bench.metrics.official.verify import verify

        by_id = {self.metrics[name].id: result for name, result in self.results.items()}
        return verify(list(self.metrics.values()), by_id, [*self.predictions], [*self.against.references])


def score_answers(
    samples: Sequence[Sample],
    answers: Sequence[Answer],
    chosen: ChosenMetrics,
    *,
    suite: str,
    model: str,
    by: Sequence[str] = (),
    partial: bool = False,
    cleaning: str = NO_CLEANING,
    on_scored: OnScored = untold,
) -> Scored:
    """Score answers (in the order of the samples) with every chosen metric.

    A failed answer counts as an empty text in every metric; a text that a metric fails on does so in that one, which
    names it in its details under `failed_texts`. Intervals are clustered by `subject_id` where the suite has one.

    Args:
        samples: N samples with references, or with labels (joined by commas, they are the reference of text metrics).
        answers: N answers.
        chosen: the metrics.
        suite: the suite's name.
        model: the model's id.
        by: fields to stratify by; none: the built-in strata that the suite has.
        partial: leave out samples without a reference, and count them.
        cleaning: how the answers are cleaned before they are scored.
        on_scored: told of progress.

    Raises:
        SuiteError: samples without a reference; names them.
        UnknownNameError: no sample has a field of `by`, or no such cleaning.
    """
    against = scoring_input(samples, suite, by, partial=partial, cleaning=cleaning)
    return score_against(against, answers, chosen, suite=suite, model=model, on_scored=on_scored)


def score_against(
    against: ScoringInput,
    answers: Sequence[Answer],
    chosen: ChosenMetrics,
    *,
    suite: str,
    model: str,
    on_scored: OnScored = untold,
) -> Scored:
    """Score answers against what `scoring_input` found; answers to other questions are left out."""
    answers = answers_to(against, answers)
    clusters, n = against.clusters, len(answers)
    predictions = View(partial(_as_scored, cleaning=against.cleaning), answers)
    for metric in chosen.metrics.values():
        check_metric(metric, against.references, predictions)
    fields = View(lambda known, answer: {**known, "finish": answer.finish}, against.fields, answers)
    with shared_workers():
        results = _results(chosen.metrics, predictions, against, fields, on_scored)
        points = reference_points(
            list(chosen.metrics.values()),
            against.references,
            against.fields,
            clusters,
            cache=user_cache() / "reference-points",
            on_scored=on_scored,
        )
    found = Scores(
        suite=suite,
        model=model,
        n=n,
        **asdict(count_answers(answers, against.samples)),
        n_without_reference=against.n_without_reference,
        n_clusters=count_clusters(clusters) if clusters else None,
        scores=tuple(_score_rows(chosen.metrics, results, n, against)),
        details={chosen.metrics[name].id: dict(r.details) for name, r in results.items() if r.details},
        strata=tuple(_strata(against, predictions, chosen, results)),
        reference_points=tuple(points),
        unavailable=tuple(Unavailable(**entry) for entry in chosen.unavailable),
        metrics=tuple(chosen.metrics),
        scored_sha256=digest_of(against, answers),
    )
    return Scored(found, against, predictions, chosen.metrics, results)


def _as_scored(answer: Answer, cleaning: str) -> str:
    return "" if answer.failed else clean(answer.text, cleaning)


def _results(
    metrics: Mapping[str, Metric],
    predictions: Sequence[str],
    against: ScoringInput,
    fields: Sequence[Mapping[str, Any]],
    on_scored: OnScored,
) -> dict[str, MetricResult]:
    """What each metric says; texts that it fails on count as empty, are named on stderr and in its details."""
    from tqdm import tqdm

    found = score_many_texts([*metrics.values()], predictions, against.references, fields, on_scored)
    ids = View(attrgetter("question_id"), against.samples)
    results = {}
    for (name, metric), (result, failed) in zip(metrics.items(), found, strict=True):
        results[name] = result
        if failed:
            tqdm.write(failed_note(metric, failed, ids), file=sys.stderr)  # above a progress bar that is shown
            results[name] = replace(result, details={**result.details, "failed_texts": as_details(failed, ids)})
    return results


def _strata(
    against: ScoringInput, predictions: Sequence[str], chosen: ChosenMetrics, results: Mapping[str, MetricResult]
) -> Iterator[Stratum]:
    """The scores of each level of each stratum with their intervals, of the metrics that have statistics."""
    known = [(r.statistics, _keys(chosen.metrics[name], r)) for name, r in results.items() if r.statistics is not None]
    for stratum, levels in against.strata.items():
        for level, members in levels.items():
            parts = [(Statistics(st.per_sample_NS[members], st.reduce), keys) for st, keys in known]
            ends = intervals(parts, against.clusters and [against.clusters[i] for i in members], STRATA_RESAMPLES)
            yield Stratum(
                by=stratum,
                level=level,
                n=len(members),
                n_empty=sum(not predictions[i].strip() for i in members),
                scores=tuple(
                    StratumScore(key=name, value=_defined(value), low=_defined(low), high=_defined(high))
                    for (statistics, keys), (low_K, high_K) in zip(parts, ends, strict=True)
                    for (name, value), low, high in zip(
                        corpus_values(keys, statistics).items(), low_K, high_K, strict=True
                    )
                ),
            )


def digest_of(against: ScoringInput, answers: Sequence[Answer]) -> str:
    """The hash of all that scores depend on besides the metrics: texts, how they ended, references and fields."""
    return sha256_texts(
        json_list(
            [sample.question_id, answer.text, answer.finish, references_of(sample), plain(metric_fields(sample))]
            for sample, answer in zip(against.samples, answers, strict=True)
        )
    )


def _score_rows(
    metrics: Mapping[str, Metric], results: Mapping[str, MetricResult], n: int, against: ScoringInput
) -> Iterator[Score]:
    """The rows of scores.json; a value that is undefined is None there, and an interval that does not exist."""
    known = {name: r.statistics for name, r in results.items() if r.statistics is not None and r.values}
    parts = [(statistics, _keys(metrics[name], results[name])) for name, statistics in known.items()]
    ends = dict(zip(known, intervals(parts, against.clusters), strict=True))
    for name, result in results.items():
        low_K, high_K = ends.get(name) or (np.full(len(result.values), np.nan),) * 2
        for key, low, high in zip(_keys(metrics[name], result), low_K, high_K, strict=True):
            yield Score(
                key=key.name,
                metric=metrics[name].id,
                value=_defined(result.values[key.name]),
                low=_defined(low),
                high=_defined(high),
                n=n,
                signature=signed(metrics[name].signature, against.cleaning),
                higher_is_better=key.higher_is_better,
            )


def _keys(metric: Metric, result: MetricResult) -> list[Key]:
    """The keys that have a value, in the order of the statistics' columns."""
    known = {key.name: key for key in metric.keys}
    return [known[name] for name in result.values]


def _defined(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def score_files(
    references: Path,
    predictions: Sequence[Path],
    names: Sequence[str],
    chosen: ChosenMetrics,
    by: Sequence[str] = (),
    *,
    partial: bool = False,
    cleaning: str = NO_CLEANING,
    tell: Callable[[float], None] | None = None,
) -> list[Scored]:
    """Score several files of predictions against one file of references.

    Args:
        references: a suite file.
        predictions: F files of answers.
        names: F names of models.
        chosen: the metrics.
        by: fields to stratify by.
        partial: leave out samples without a reference, and count them.
        cleaning: how the answers are cleaned before they are scored.
        tell: called with the share that is done (0 to 1), over all files.

    Raises:
        SuiteError: ids that don't match, or samples without a reference. UnknownNameError: no such cleaning.
    """
    samples = read_references(references)
    matched = [match_answers(read_answers(path, samples), samples, where=path) for path in predictions]
    metrics = list(chosen.metrics.values())
    on_scored = ScoringProgress(metrics, [len(answers) for answers in matched], tell) if tell else untold
    with shared_workers():
        return [
            score_answers(
                samples,
                answers,
                chosen,
                suite=references.stem,
                model=name,
                by=by,
                partial=partial,
                cleaning=cleaning,
                on_scored=on_scored,
            )
            for name, answers in zip(names, matched, strict=True)
        ]


def score(
    *,
    predictions: str | Path | Sequence[str],
    references: str | Path | Sequence[str] | Sequence[Sequence[str]],
    metrics: str | Sequence[str] | None = None,
    cleaning: str = NO_CLEANING,
) -> ScoredTexts:
    """Score predictions against references.

    Args:
        predictions: a file of answers (see `read_answers`), or N texts.
        references: a suite file, or N texts or lists of alternative texts.
        metrics: names, or "all"; None: the default ones (`DEFAULT_METRICS`) that can run here.
        cleaning: how predictions are cleaned before they are scored: "none", or "report-1" of chat tokens, Markdown and
            headings (docs/models.md).

    Returns:
        The content of scores.json; a dict, which notebooks show as a table, and whose `frame` is a DataFrame.

    Raises:
        SuiteError: ids that don't match, or samples without a reference.
        UnknownNameError, MetricUnavailableError: see `choose_metrics`.
    """
    chosen = choose_metrics(metrics)
    if isinstance(references, str | Path):
        name, samples = Path(references).stem, read_references(references)
    else:
        name, samples = "texts", [_sample(number, texts) for number, texts in enumerate(references)]
    if isinstance(predictions, str | Path):
        model, answers = Path(predictions).stem, read_answers(Path(predictions), samples)
    elif len(predictions) == len(samples):
        model = "texts"
        answers = [Answer(sample.question_id, "", text) for sample, text in zip(samples, predictions, strict=True)]
    else:
        raise InputError(f"{len(predictions)} predictions, but {len(samples)} references", hint="give one per study")
    matched = match_answers(answers, samples, where=model)
    scored = score_answers(samples, matched, chosen, suite=name, model=model, cleaning=cleaning)
    return ScoredTexts(scored.scores.as_json())


def _sample(number: int, texts: str | Sequence[str]) -> Sample:
    return Sample(number, (), "", references=(texts,) if isinstance(texts, str) else tuple(texts))

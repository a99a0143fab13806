"""What answers are scored against, checked before any is generated: references, fields, patients, strata."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.errors import SuiteError
from benchmarks.files.stored import Picked, View, stored
from benchmarks.predictions import match_answers
from benchmarks.predictions.cleaning import NO_CLEANING, rule_named
from benchmarks.schema import Answer, Sample
from benchmarks.wording import first_few
from libra_bench.scores.strata import Strata, strata


@dataclass(frozen=True, slots=True)
class ScoringInput:
    """N samples that can be scored. All sequences are in their order."""

    samples: Sequence[Sample]
    references: Sequence[Sequence[str]]
    """Never empty: where a sample has only labels, they are its reference, joined by commas."""
    fields: Sequence[Mapping[str, Any]]
    """What a metric may know of a sample besides."""
    clusters: Sequence[Any] | None
    """The patient of each sample; None where the suite knows none."""
    strata: Strata
    by: Sequence[str]
    """The fields of the strata that were asked for; none: the built-in ones."""
    n_without_reference: int = 0
    """Samples that were left out."""
    cleaning: str = NO_CLEANING
    """How the answers are cleaned before they are scored (`benchmarks.predictions.cleaning`)."""


def scoring_input(
    samples: Sequence[Sample],
    suite: str,
    by: Sequence[str] = (),
    *,
    partial: bool = False,
    cleaning: str = NO_CLEANING,
) -> ScoringInput:
    """Make sure that samples can be scored.

    Args:
        samples: with references, or with labels.
        suite: the suite's name, for messages.
        by: fields to stratify by; none: the built-in strata that the suite has.
        partial: leave out samples without a reference, and count them.
        cleaning: how the answers will be cleaned.

    Raises:
        SuiteError: samples without a reference, or no sample with one; names them.
        UnknownNameError: no sample has a field of `by`. InputError: it has too many levels.
    """
    bare = [sample.question_id for sample in samples if not _can_be_scored(sample)]
    if len(bare) == len(samples) or (bare and not partial):
        some = "" if len(bare) == len(samples) else "; --references partial scores the others"
        raise SuiteError(
            f"{len(bare)} of {len(samples)} samples have no reference ({first_few([*map(repr, bare)])})",
            where=suite,
            hint=f"scoring needs one under reference, findings, impression or answer, or labels{some}",
        )
    if bare:
        samples = stored(sample for sample in samples if _can_be_scored(sample))
    return ScoringInput(
        samples=samples,
        references=View(references_of, samples),
        fields=View(metric_fields, samples),
        clusters=patients(samples),
        strata=strata(samples, by),
        by=by,
        n_without_reference=len(bare),
        cleaning=rule_named(cleaning),
    )


def _can_be_scored(sample: Sample) -> bool:
    return bool(sample.references) or sample.labels is not None


def answers_to(against: ScoringInput, answers: Sequence[Answer]) -> Sequence[Answer]:
    """The answers to the samples that are scored, in their order; others are left out."""
    if not against.n_without_reference:
        return match_answers(answers, against.samples, where="answers")
    places = {str(answer.question_id): place for place, answer in enumerate(answers)}
    order = array("Q", (places[str(sample.question_id)] for sample in against.samples))
    return Picked(answers, order)


def references_of(sample: Sample) -> list[str]:
    """What an answer is scored against; the labels, joined by commas, where there is nothing else."""
    return list(sample.references) or [", ".join(sample.labels or ())]


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
    same: dict[Any, Any] = {}  # one object per patient
    names = [same.setdefault(name, name) for name in (sample.fields.get("subject_id") for sample in samples)]
    return names if any(name is not None for name in names) else None

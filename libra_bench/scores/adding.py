"""Scoring again adds: new scores beside those that are there, of the same texts, references and fields.

A score is its key and its signature. The same signature again replaces nothing that means something else; another
signature under the same key would, and is refused unless the user says `--replace`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.errors import RunConflictError
from benchmarks.predictions.cleaning import signed
from benchmarks.records.scores import ReferencePoint, Scores, Stratum, signature_difference
from benchmarks.records.statistics import StoredStatistics
from libra_bench.metrics.metric import Metric

T = TypeVar("T")
_SHOWN = 3
"""Keys named in an error."""


def refuse_replacing(there: Scores, metrics: Mapping[str, Metric], folder: Path, cleaning: str) -> None:
    """Make sure that no score would be replaced by one that was computed in another way.

    Args:
        there: the scores of the folder.
        metrics: what it is to be scored with.
        folder: the run folder, for the message.
        cleaning: how the texts will be cleaned; part of the signatures.

    Raises:
        RunConflictError: a key is there with another signature; names it.
    """
    found = clashes(there, metrics, cleaning)
    if found:
        first, (old, new) = next(iter(found.items()))
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise RunConflictError(
            f"{first}{more} is there with {signature_difference(old, new)}",
            where=folder,
            hint="add --replace to replace it",
        )


def clashes(there: Scores, metrics: Mapping[str, Metric], cleaning: str) -> dict[str, tuple[str, str]]:
    """Key -> (signature there, signature to come) of the scores that are there with another signature."""
    known = {score.key: score.signature for score in there.scores}
    return {
        key.name: (known[key.name], signature)
        for metric in metrics.values()
        for key in metric.keys
        if known.get(key.name, signature := signed(metric.signature, cleaning)) != signature
    }


def added(there: Scores, new: Scores) -> Scores:
    """The scores of both; where both have a key, the new one's count.

    A metric that comes again with another signature takes all keys of the old one with it.
    """
    computed = {score.key: score for score in new.scores}
    gone = _replaced_keys(there, new)
    kept = [computed.pop(score.key, score) for score in there.scores if score.key not in gone]
    scores = (*kept, *computed.values())
    present = {score.metric for score in scores}
    lacking = {entry.metric: entry for entry in (*there.unavailable, *new.unavailable)}
    details = {name: part for name, part in there.details.items() if name in present}
    return new.model_copy(
        update={
            **(there.model_extra or {}),
            "scores": scores,
            "details": details | new.details,
            "strata": _joined(
                _without(there.strata, gone), new.strata, lambda part: (part.by, part.level), _both_levels
            ),
            "reference_points": _joined(
                _points_without(there.reference_points, gone),
                new.reference_points,
                lambda point: point.name,
                _both_points,
            ),
            "unavailable": tuple(entry for name, entry in lacking.items() if name not in present),
            "metrics": tuple(dict.fromkeys((*there.metrics, *new.metrics))),
            "not_comparable": tuple(dict.fromkeys((*there.not_comparable, *new.not_comparable))),
        }
    )


def added_statistics(there: StoredStatistics, new: StoredStatistics) -> StoredStatistics:
    """The statistics of both, where they are over the same studies; of one key only the new ones."""
    if there.ids != new.ids:
        return new
    taken = {key for metric in new.metrics.values() for key in metric.keys}
    kept = {name: metric for name, metric in there.metrics.items() if not taken & set(metric.keys)}
    return StoredStatistics(new.ids, new.clusters, new.digests, {**kept, **new.metrics})


def _replaced_keys(there: Scores, new: Scores) -> set[str]:
    """The old keys that go: those whose signature some new key of the same name does not have."""
    computed = {score.key: score.signature for score in new.scores}
    stale = {score.signature for score in there.scores if computed.get(score.key, score.signature) != score.signature}
    return {score.key for score in there.scores if score.signature in stale}


def _without(strata: Iterable[Stratum], gone: set[str]) -> list[Stratum]:
    found = [
        part.model_copy(update={"scores": tuple(score for score in part.scores if score.key not in gone)})
        for part in strata
    ]
    return [part for part in found if part.scores]


def _points_without(points: Iterable[ReferencePoint], gone: set[str]) -> list[ReferencePoint]:
    return [
        point.model_copy(update={"scores": {key: value for key, value in point.scores.items() if key not in gone}})
        for point in points
    ]


def _joined(
    there: Sequence[T], new: Sequence[T], name: Callable[[T], object], both: Callable[[T, T], T]
) -> tuple[T, ...]:
    """The parts of both by name, in the old order, then the new ones."""
    parts = {name(part): part for part in there}
    for part in new:
        parts[name(part)] = both(parts[name(part)], part) if name(part) in parts else part
    return tuple(parts.values())


def _both_levels(there: Stratum, new: Stratum) -> Stratum:
    scores = {score.key: score for score in (*there.scores, *new.scores)}
    return new.model_copy(update={"scores": tuple(scores.values())})


def _both_points(there: ReferencePoint, new: ReferencePoint) -> ReferencePoint:
    return new.model_copy(update={"scores": there.scores | new.scores})

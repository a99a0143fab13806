"""scores.json: every score of a run, with intervals, strata, reference points and what could not be computed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from benchmarks.records.json_record import VERSION_KEY, Record, read_record, write_record

SCORES_FILE = "scores.json"
SCORES_VERSION = 1
MOVED_BY_EMPTY_TEXTS = "RadCliQ"
"""Keys that begin so say more of the empty texts than of the others: 5 % of them add about 0.5."""

NOT_APPLICABLE = "not_applicable"
"""Key of a metric's details: why the suite gives it nothing to measure."""


class Score(Record):
    """One number of the leaderboard, with what it means.

    `value`, `low` and `high` are in the unit of the column: x100 for everything but RadCliQ and CIDEr.
    """

    key: str
    """The CSV column, e.g. "BLEU1"."""
    metric: str
    """The metric's id, e.g. "bleu"."""
    value: float | None
    """None where it is undefined: there was nothing to average over."""
    low: float | None = None
    """Lower end of the 95 % interval, or None where there is none."""
    high: float | None = None
    n: int
    """The number of samples in the denominator."""
    signature: str
    """What exactly was computed: implementation, parameters, versions."""
    higher_is_better: bool


class StratumScore(Record):
    """One number of one stratum."""

    key: str
    value: float | None
    low: float | None = None
    high: float | None = None


class Stratum(Record):
    """The scores of the studies of one level of a field."""

    by: str
    """The field, or the name of a built-in stratum, e.g. "prior"."""
    level: str
    n: int
    n_empty: int | None = None
    """Empty texts, failed answers among them; None where an older version scored."""
    scores: tuple[StratumScore, ...]

    def empty_share_in(self, key: str) -> float | None:
        """As of `Scores`."""
        return _share_in(key, self.n_empty or 0, self.n)


CEILING = "leave-one-out-references"
"""The reference point that is another reader."""


class ReferencePoint(Record):
    """What no model scores ("empty", "shuffled-references", "constant"), or another reader does."""

    name: str
    n: int
    """Studies that it is over: fewer than the suite's where only some have several references."""
    scores: dict[str, float]
    """Key -> value."""


class Unavailable(Record):
    """A metric that could not run."""

    metric: str
    reason: str
    remedy: str


class Scores(Record):
    """The scores of one model on one suite."""

    schema_version: int = SCORES_VERSION
    suite: str
    model: str
    n: int
    n_failed: int = 0
    n_empty: int = 0
    n_truncated: int = 0
    n_clusters: int | None = None
    """Patients, where the suite knows them."""
    scores: tuple[Score, ...]
    details: dict[str, Any] = Field(default_factory=dict)
    """Metric -> what has no column: scores per class with support, confusion tables."""
    strata: tuple[Stratum, ...] = ()
    reference_points: tuple[ReferencePoint, ...] = Field(
        default=(), validation_alias="floors", serialization_alias="floors"
    )
    unavailable: tuple[Unavailable, ...] = ()
    not_comparable: tuple[str, ...] = ()
    """Metrics whose statistics could not be stored, so that `compare` cannot use them."""
    n_without_reference: int = 0
    """Studies that were left out (`--references partial`)."""
    metrics: tuple[str, ...] = ()
    """What was scored with, as the user wrote it; empty where an older version scored."""
    scored_sha256: str | None = None
    """Of the texts, references and fields that were scored; None where an older version scored."""

    def empty_share_in(self, key: str) -> float | None:
        """The share of empty texts, failed answers among them, where there are any and they dominate this score."""
        return _share_in(key, self.n_empty + self.n_failed, self.n)

    @property
    def not_applicable(self) -> Mapping[str, str]:
        """Metric -> why this suite gives it nothing to measure."""
        parts = {metric: part for metric, part in self.details.items() if isinstance(part, dict)}
        return {metric: str(part[NOT_APPLICABLE]) for metric, part in parts.items() if NOT_APPLICABLE in part}

    @property
    def defined(self) -> tuple[Score, ...]:
        """The scores that have a value."""
        return tuple(score for score in self.scores if score.value is not None)

    def score(self, key: str) -> Score | None:
        """The score of a key, where it has a value."""
        return next((score for score in self.defined if score.key == key), None)


def signature_difference(there: str, new: str) -> str:
    """What tells two signatures apart, for a message: `stem:no, not stem:yes`."""
    old, other = there.split("|"), new.split("|")
    parts = [", ".join(part for part in ours if part not in theirs) for ours, theirs in ((old, other), (other, old))]
    return f"{parts[0] or there}, not {parts[1] or new}"


def _share_in(key: str, n_empty: int, n: int) -> float | None:
    return n_empty / n if n and n_empty and key.startswith(MOVED_BY_EMPTY_TEXTS) else None


def read_scores(folder: Path) -> Scores | None:
    """The scores of a run folder; None where it has not been scored.

    Raises:
        InputError: they cannot be read, or are from a newer version.
    """
    return read_record(
        folder / SCORES_FILE,
        Scores,
        version=SCORES_VERSION,
        hint=f"move it away and score again: libra-bench score {folder}",
        upgrade=lambda content: {**content, VERSION_KEY: SCORES_VERSION},
    )


def write_scores(folder: Path, scores: Scores) -> None:
    """Write the scores of a run folder atomically.

    Raises:
        StorageError: they cannot be written; the old file stays.
    """
    write_record(folder / SCORES_FILE, scores)

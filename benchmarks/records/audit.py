"""`audit.json` in the folder of a run that is the baseline of an audit: what a report shows of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.records.json_record import Record, read_record

AUDIT_FILE = "audit.json"
AUDIT_VERSION = 1


class ShownScore(Record):
    """One key of one arm."""

    key: str
    difference: float | None
    """Arm minus baseline, in the key's unit; None: not a number."""


class ShownArm(Record):
    """One arm."""

    arm: str
    n: int
    identical_texts: float | None
    """Share of the texts that are the baseline's."""
    scores: tuple[ShownScore, ...]

    def difference(self, key: str) -> float | None:
        """Of a key; None where the arm has none."""
        return next((score.difference for score in self.scores if score.key == key), None)


class ShownAudit(Record):
    """What was found."""

    verdicts: tuple[str, ...]
    baseline: Mapping[str, float | None]
    arms: tuple[ShownArm, ...]


def read_audit(folder: Path) -> ShownAudit | None:
    """The audit of a run's folder; None where there is none.

    Raises:
        InputError: its file is damaged.
    """
    hint = "run the audit again, or remove the file"
    return read_record(folder / AUDIT_FILE, ShownAudit, version=AUDIT_VERSION, hint=hint)

"""Patients who do not exist: which findings each visit shows, and what changed since the visit before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from benchmarks.phantoms.recognition import SUBJECT_PREFIX
from benchmarks.phantoms.stream import Stream

Direction: TypeAlias = Literal["new", "larger", "smaller", "resolved", "unchanged", "none"]

SIDES = ("right", "left")
MAX_SIZE = 3
SIZES = {
    "pleural effusion": ("small", "moderate", "large"),
    "lung opacity": ("small", "moderate", "large"),
    "pneumothorax": ("small", "moderate", "large"),
    "cardiomegaly": ("mild", "moderate", "severe"),
}
"""Findings that have a size, and the words for sizes 1 to 3. The PICC is there or not."""

INDICATIONS = (
    "Shortness of breath.",
    "Chest pain.",
    "Cough and fever.",
    "Follow up.",
    "Evaluate for interval change.",
    "Weakness.",
)
"""Why a study was made: drawn without a look at the findings, so that it gives nothing away."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a chest may show, at its place."""

    kind: str
    """"pleural effusion", "lung opacity", "pneumothorax", "cardiomegaly" or "PICC"."""
    side: str = ""
    """The patient's side: "left" is on the right of the picture. Empty for the heart."""
    zone: str = ""
    """"upper" or "mid" for an opacity."""

    @property
    def name(self) -> str:
        """As a radiologist says it, e.g. "left upper lung opacity"."""
        return " ".join(word for word in (self.side, self.zone, self.kind) if word)

    @property
    def article(self) -> str:
        """ "a", or nothing before cardiomegaly."""
        return "" if self.kind == "cardiomegaly" else "a"

    def size(self, level: int) -> str:
        """The word for a size of 1 to 3; empty for what has no size."""
        return SIZES[self.kind][level - 1] if self.kind in SIZES else ""


@dataclass(frozen=True, slots=True)
class Visit:
    """One study of a patient: the size (0 absent, 1 to 3) of every finding that the patient ever has."""

    number: int
    """From 1."""
    levels: dict[Finding, int]
    indication: str

    @property
    def present(self) -> list[Finding]:
        """What this study shows."""
        return [finding for finding, level in self.levels.items() if level]


@dataclass(frozen=True, slots=True)
class Patient:
    """A phantom patient."""

    seed: int
    number: int
    view: str
    visits: tuple[Visit, ...]

    @property
    def subject_id(self) -> str:
        """Differs between seeds, so that no patient is in two splits."""
        return f"{SUBJECT_PREFIX}{self.seed}-{self.number:05d}"

    def study_id(self, visit: Visit) -> str:
        """Unique over all seeds."""
        return f"{self.subject_id}-{visit.number}"


def direction(before: int, after: int) -> Direction:
    """What happened to a finding between two visits, from its sizes."""
    if not before and not after:
        return "none"
    if not before:
        return "new"
    if not after:
        return "resolved"
    if after == before:
        return "unchanged"
    return "larger" if after > before else "smaller"


def draw_patient(seed: int, number: int) -> Patient:
    """Invent a patient with two to five visits; the same seed and number give the same patient."""
    stream = Stream(seed, number, 0)
    findings = _susceptible(stream)
    levels = {finding: _first_level(finding, stream) for finding in findings}
    visits = []
    for visit in range(1, stream.weighted((2, 3, 4, 5), (1, 2, 3, 2)) + 1):
        if visit > 1:
            levels = {finding: _next_level(finding, level, stream) for finding, level in levels.items()}
        visits.append(Visit(visit, levels, stream.choice(INDICATIONS)))
    return Patient(seed, number, stream.choice(("PA", "AP")), tuple(visits))


def _susceptible(stream: Stream) -> list[Finding]:
    """What this patient ever has, in the order in which a report speaks of it; nothing hides anything else."""
    air_side = stream.choice(SIDES) if stream.chance(0.55) else ""
    fluid_sides = stream.weighted((("right",), ("left",), SIDES, ()), (0.28, 0.28, 0.22, 0.22))
    findings = []
    if stream.chance(0.5):
        findings.append(Finding("PICC", stream.choice(SIDES)))
    if stream.chance(0.7):
        # A collapsed lung would hide an opacity, a large effusion one in the mid lung.
        side = stream.choice([side for side in SIDES if side != air_side])
        zone = "upper" if side in fluid_sides else stream.choice(("upper", "mid"))
        findings.append(Finding("lung opacity", side, zone))
    findings += [Finding("pleural effusion", side) for side in fluid_sides]
    if air_side:
        findings.append(Finding("pneumothorax", air_side))
    if stream.chance(0.6):
        findings.append(Finding("cardiomegaly"))
    return findings


def _first_level(finding: Finding, stream: Stream) -> int:
    level = stream.choice((1, 2, 3)) if stream.chance(0.65) else 0
    return level if finding.kind in SIZES else min(level, 1)


def _next_level(finding: Finding, level: int, stream: Stream) -> int:
    """The next visit's size; the weights make no direction common enough to be guessed."""
    if finding.kind not in SIZES:
        return int(stream.chance(0.6)) if level else int(stream.chance(0.5))
    match level:
        case 0:
            return stream.weighted((0, 1, 2, 3), (0.4, 0.2, 0.2, 0.2))
        case 1:
            return stream.weighted((0, 1, 2, 3), (0.3, 0.25, 0.25, 0.2))
        case 2:
            return stream.weighted((0, 1, 2, 3), (0.2, 0.27, 0.23, 0.3))
        case _:
            return stream.weighted((0, 1, 2, 3), (0.2, 0.25, 0.3, 0.25))

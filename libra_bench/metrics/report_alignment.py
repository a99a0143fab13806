"""What two reports agree on: the statements of one aligned with those of the other, and the errors between them.

A report's statements are gathered into findings: every statement that a finding is present or uncertain, with its
sides, degrees and changes. A finding is matched with the same finding of the other report; remaining ones with related
findings (`FAMILIES`), unless their sides exclude each other; what still remains is false (in the prediction) or missing
(in the reference), unless it only describes a finding that the other report has, too (`DESCRIBES`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import get_args

from libra_bench.metrics.clinical_significance import NOT_COUNTED
from libra_bench.metrics.finding_relations import DESCRIBES, FAMILIES
from libra_bench.metrics.finding_sizes import sizes_in_mm
from libra_bench.metrics.statements.reader import report_statements
from libra_bench.metrics.statements.statement import Severity, Statement

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""From mild to severe."""
SAME_SIZE = 0.1
"""Sizes that differ by less, as a share of the greater one, are the same."""
WHOLE = "study"
"""The finding of statements about the examination as a whole ("no acute abnormality", "no interval change")."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding that a report has, however often it mentions it."""

    name: str
    statements: tuple[Statement, ...]
    """All present or uncertain; never empty."""
    size: float | None = None
    """In mm, if stated; of several, the largest."""

    @property
    def sides(self) -> frozenset[str]:
        """The sides that are stated; empty: none."""
        return frozenset(said.side for said in self.statements if said.side)

    @property
    def certainty(self) -> float:
        """1 if it is said to be present, 0.5 if it is only uncertain."""
        return 1.0 if any(said.presence == "present" for said in self.statements) else 0.5

    @property
    def degree(self) -> Severity | None:
        """The greatest stated degree."""
        return _greatest(self.statements)

    def on(self, sides: frozenset[str]) -> tuple[Statement, ...]:
        """The statements that hold on some of these sides, those that tell no side included; no sides: all."""
        return tuple(said for said in self.statements if not sides or said.side is None or said.side in sides)


@dataclass(frozen=True, slots=True)
class Report:
    """A report as what it asserts and what it denies."""

    statements: tuple[Statement, ...]
    findings: dict[str, Finding]
    """By name."""
    denied: dict[str, tuple[Statement, ...]]
    """Finding -> the statements that it is absent, where nothing says that it is there; the study included."""

    def changes_elsewhere(self, findings: Set[str]) -> dict[str, set[str]]:
        """What is said to have changed besides `findings`: what has resolved, the examination, what is not counted."""
        changes: dict[str, set[str]] = {}
        for said in self.statements:
            if said.change and said.finding not in findings and _changes_alone(said):
                changes.setdefault(said.finding, set()).add(said.change)
        return changes


def _changes_alone(said: Statement) -> bool:
    return said.finding == WHOLE or said.finding in NOT_COUNTED or said.change == "resolved"


@lru_cache(maxsize=8192)
def report_of(text: str) -> Report:
    """Read a report."""
    statements = report_statements(text)
    return gather(statements, sizes_in_mm(text, statements))


def gather(statements: tuple[Statement, ...], sizes: Mapping[Statement, float] | None = None) -> Report:
    """Make findings of the statements of a report, and of their sizes in mm."""
    positive: dict[str, list[Statement]] = {}
    denied: dict[str, list[Statement]] = {}
    for said in statements:
        if said.finding in NOT_COUNTED or (said.finding == WHOLE and said.change):
            continue  # "no interval change" does not say that nothing is there
        if said.presence == "absent":
            denied.setdefault(said.finding, []).append(said)
        elif said.finding != WHOLE:
            positive.setdefault(said.finding, []).append(said)
    return Report(
        statements,
        {name: Finding(name, tuple(found), _largest(found, sizes or {})) for name, found in positive.items()},
        {name: tuple(found) for name, found in denied.items() if name not in positive},
    )


@dataclass(frozen=True, slots=True)
class Pair:
    """A finding of the prediction and the finding of the reference that it is matched with."""

    said: Finding
    true: Finding

    @property
    def is_same(self) -> bool:
        """Whether both are the same finding, not only related ones."""
        return self.said.name == self.true.name

    @property
    def is_vaguer(self) -> bool:
        """Whether one only describes the other (an opacity for a pneumonia)."""
        names = self.said.name, self.true.name
        return any(b in DESCRIBES.get(a, ()) for a, b in (names, names[::-1]))

    @property
    def location_error(self) -> float:
        """0 (the same sides, or a report tells none), to 1 (no side in common); 0.5: one of two sides."""
        said, true = self.said.sides, self.true.sides
        return 1 - len(said & true) / len(said | true) if said and true else 0.0

    @property
    def severity_error(self) -> float:
        """0 (the same, or a report tells none) to 1: the worst side's degrees (neighbours: 0.5), or the sizes."""
        sides = self._shared_sides() or [frozenset()]
        degrees = max(_degrees_apart(self.said.on(side), self.true.on(side)) for side in sides)
        return max(degrees, _sizes_apart(self.said.size, self.true.size))

    @property
    def changes(self) -> tuple[set[str], set[str]]:
        """(the changes that only the prediction tells, those that only the reference tells), on shared sides."""
        said, true = set[str](), set[str]()
        for side in self._shared_sides() or [frozenset()]:
            said_here = {s.change for s in self.said.on(side) if s.change}
            true_here = {s.change for s in self.true.on(side) if s.change}
            said |= said_here - true_here
            true |= true_here - said_here
        return said, true

    def _shared_sides(self) -> list[frozenset[str]]:
        """Each side that both tell; the sides of the one that tells any, where the other does not."""
        said, true = self.said.sides, self.true.sides
        return [frozenset({side}) for side in sorted(said & true if said and true else said | true)]


@dataclass(slots=True)
class Alignment:
    """Which findings of a prediction and of a reference belong together."""

    prediction: Report
    reference: Report
    pairs: list[Pair] = field(default_factory=list)
    false: list[Finding] = field(default_factory=list)
    missing: list[Finding] = field(default_factory=list)
    described: list[Finding] = field(default_factory=list)
    """Of either report: what only describes a finding that the other one has."""


def align(prediction: Report, reference: Report) -> Alignment:
    """Match the findings of two reports."""
    said, true = dict(prediction.findings), dict(reference.findings)
    aligned = Alignment(prediction, reference)
    for name in [name for name in true if name in said]:
        aligned.pairs.append(Pair(said.pop(name), true.pop(name)))
    for pair in _relatives(said.values(), true.values()):
        if pair.said.name in said and pair.true.name in true:
            aligned.pairs.append(Pair(said.pop(pair.said.name), true.pop(pair.true.name)))
    for left, others, unmatched in (
        (said, reference.findings, aligned.false),
        (true, prediction.findings, aligned.missing),
    ):
        for one in left.values():
            (aligned.described if _describes(one, others.values()) else unmatched).append(one)
    return aligned


def _relatives(said: Iterable[Finding], true: Iterable[Finding]) -> list[Pair]:
    """Candidate matches, the most likely first; whatever their order, and whichever report they are in."""
    pairs = {}
    for one, other in product(said, true):
        family = next((i for i, names in enumerate(FAMILIES) if one.name in names and other.name in names), None)
        if family is not None and _can_meet(one, other):
            shared_sides = len(one.sides & other.sides)
            pairs[(family, -shared_sides, *sorted((one.name, other.name)))] = Pair(one, other)
    return [pairs[key] for key in sorted(pairs)]


def _can_meet(one: Finding, other: Finding) -> bool:
    """Whether they can be in one place."""
    return not one.sides or not other.sides or bool(one.sides & other.sides)


def _describes(one: Finding, others: Iterable[Finding]) -> bool:
    described = DESCRIBES.get(one.name, frozenset())
    return any(other.name in described and _can_meet(one, other) for other in others)


def _sizes_apart(said: float | None, true: float | None) -> float:
    """By how much of the greater one two sizes differ; 0 within the error of measuring."""
    if not said or not true:
        return 0.0
    apart = 1 - min(said, true) / max(said, true)
    return apart if apart > SAME_SIZE else 0.0


def _largest(statements: Iterable[Statement], sizes: Mapping[Statement, float]) -> float | None:
    return max((sizes[said] for said in statements if said in sizes), default=None) if sizes else None


def _greatest(statements: Iterable[Statement]) -> Severity | None:
    told = {said.severity for said in statements}
    return next((degree for degree in reversed(SEVERITIES) if degree in told), None)


def _degrees_apart(said: Iterable[Statement], true: Iterable[Statement]) -> float:
    """How far the greatest degrees of two lots of statements are apart, in the unit mild to severe."""
    one, other = _greatest(said), _greatest(true)
    return abs(SEVERITIES.index(one) - SEVERITIES.index(other)) / 2 if one and other else 0.0

"""Controlled edits of a report: proposals, and the check by reading that each did what it should.

An edit counts only if the statement reader, given the edited text, finds the intended statements changed and all others
as they were. Texts that cannot be edited in this way are left out and counted.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from libra_bench.metrics.statements.reader import report_statements

Fact: TypeAlias = tuple[str, str, str | None, str | None, str | None]
"""finding, presence, side, severity, change."""
Facts: TypeAlias = Counter[Fact]
Kind: TypeAlias = Literal["harmful", "harmless", "gaming"]

MAX_PROPOSALS = 40
"""Of one text; a longer one is edited at its beginning."""
ATTEMPTS = 5
"""Combinations of edits that are tried before a text is left out."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """One piece of a text and what takes its place."""

    start: int
    end: int
    words: str


@dataclass(frozen=True, slots=True)
class Outside:
    """What an edit may use in addition to the text."""

    others: Sequence[str]
    """The reports of other studies."""
    generator: random.Random


Propose: TypeAlias = Callable[[str, Outside], Iterable[Replacement]]
"""Places of a text where an error may be made, and how."""
Accept: TypeAlias = Callable[[Facts, Facts], bool]
"""(what is gone, what is new) -> whether that is what the edit was meant to do."""


@dataclass(frozen=True, slots=True)
class LocalEdit:
    """An error made at one place of a text; several can be made at once."""

    name: str
    propose: Propose
    accept: Accept
    kind: Kind = "harmful"

    def apply(self, text: str, edits: int, outside: Outside) -> str | None:
        """The text with so many errors; None where it cannot have them."""
        before = facts_of(text)
        usable: list[tuple[Replacement, Facts, Facts]] = []
        for proposal, _ in zip(self.propose(text, outside), range(MAX_PROPOSALS), strict=False):
            gone, new = _changes(before, facts_of(replaced(text, [proposal])))
            if self.accept(gone, new):
                usable.append((proposal, gone, new))
        for _ in range(ATTEMPTS):
            outside.generator.shuffle(usable)
            chosen = _apart(usable, edits)
            if len(chosen) < edits:
                return None
            edited = replaced(text, [proposal for proposal, _, _ in chosen])
            gone, new = _changes(before, facts_of(edited))
            if gone == _total(gone for _, gone, _ in chosen) and new == _total(new for _, _, new in chosen):
                return edited
        return None


@dataclass(frozen=True, slots=True)
class TextEdit:
    """A change of the whole text; once per text."""

    name: str
    change: Callable[[str, Outside], str | None]
    """None if the text cannot be changed in this way."""
    kind: Kind
    keeps_facts: bool = False
    """Whether the edited text must say the same."""

    def apply(self, text: str, edits: int, outside: Outside) -> str | None:
        """The changed text; None where it cannot be changed, or would say something else."""
        if edits != 1:
            return None
        edited = self.change(text, outside)
        if edited is None or edited == text or (self.keeps_facts and facts_of(edited) != facts_of(text)):
            return None
        return edited


Edit: TypeAlias = LocalEdit | TextEdit


def facts_of(text: str) -> Facts:
    """What a text states, without where."""
    return Counter((one.finding, one.presence, one.side, one.severity, one.change) for one in report_statements(text))


def replaced(text: str, replacements: Sequence[Replacement]) -> str:
    """The text with some pieces replaced; the pieces do not overlap."""
    for one in sorted(replacements, key=lambda one: one.start, reverse=True):
        text = text[: one.start] + one.words + text[one.end :]
    return text


def only_differs_in(field: int, allowed: Callable[[str | None, str | None], bool]) -> Accept:
    """Accept edits after which the same statements are there, but for one field of some of them."""

    def accept(gone: Facts, new: Facts) -> bool:
        if not gone or gone.total() != new.total():
            return False
        waiting = list(new.elements())
        for old in gone.elements():
            match = next(
                (one for one in waiting if _same_but(one, old, field) and allowed(old[field], one[field])), None
            )
            if match is None:
                return False
            waiting.remove(match)
        return True

    return accept


def _same_but(one: Fact, other: Fact, field: int) -> bool:
    return all(a == b for place, (a, b) in enumerate(zip(one, other, strict=True)) if place != field)


def _changes(before: Facts, after: Facts) -> tuple[Facts, Facts]:
    return before - after, after - before


def _total(counts: Iterable[Facts]) -> Facts:
    total: Facts = Counter()
    for one in counts:
        total += one
    return total


def _apart(usable: Sequence[tuple[Replacement, Facts, Facts]], edits: int) -> list[tuple[Replacement, Facts, Facts]]:
    """As many edits as asked that touch different statements at different places."""
    chosen: list[tuple[Replacement, Facts, Facts]] = []
    for candidate in usable:
        if len(chosen) == edits:
            break
        if all(_independent(candidate, other) for other in chosen):
            chosen.append(candidate)
    return chosen


def _independent(one: tuple[Replacement, Facts, Facts], other: tuple[Replacement, Facts, Facts]) -> bool:
    overlaps = one[0].start <= other[0].end and other[0].start <= one[0].end and one[0].start != one[0].end
    return not overlaps and not (one[1] & other[1]) and not (one[2] & other[2])

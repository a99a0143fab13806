"""Sides and places: of the noun to come, of the noun just named, or of what was just said of it."""

from __future__ import annotations

from dataclasses import replace

from libra_bench.metrics.statements.lexicon.entry import Entry
from libra_bench.metrics.statements.lexicon.structures import LUNGS
from libra_bench.metrics.statements.rules.changes import change
from libra_bench.metrics.statements.rules.clauses import PREDICATES
from libra_bench.metrics.statements.rules.nouns import name
from libra_bench.metrics.statements.rules.reading import Reading
from libra_bench.metrics.statements.statement import Side
from libra_bench.metrics.statements.tokens import Token

_AFTER_BOTH = frozenset({"place", "mask", "stem", "head"})


def side(reading: Reading, index: int, token: Token) -> None:
    """Left, right or both."""
    sides: list[Side] = ["left", "right"] if token.value == "both" else [token.value]
    reading.placed = reading.placed or _follows_finding(reading, index)
    placed = reading.placed and bool(reading.latest)
    ahead = reading.ahead.head[index + 1] >= 0
    if token.words == "both" and not ahead and reading.kind(index + 1) not in _AFTER_BOTH:  # "have both increased"
        return
    if (ahead and not placed) or _starts_elision(reading, index):
        reading.before.sides.extend(sides)
        return
    if reading.predicate is not None:
        reading.predicate.sides.extend(sides)
    elif (
        (reading.latest and reading.open_list)
        or (reading.latest and reading.placed)
        or (reading.latest and token.value == "both")
    ):
        for mention in reversed(reading.latest):
            if mention.sides and mention is not reading.latest[-1]:
                break
            mention.sides.extend(sides)
    else:
        reading.before.sides.extend(sides)


def _follows_finding(reading: Reading, index: int) -> bool:
    """ "Atelectasis left lung base": a place without its preposition."""
    head = reading.ahead.head[index + 1]
    if reading.compound is None or reading.compound.is_structure or reading.before.said or head < 0:
        return False
    entry: Entry = reading.tokens[head].value
    return entry.kind == "structure" and reading.kind(head + 1) not in PREDICATES


def _starts_elision(reading: Reading, index: int) -> bool:
    """Whether a side means its finding: "the left is unchanged", "right and left effusion"."""
    following = reading.kind(index + 1)
    if reading.placed:  # "on the right has increased and on the left has decreased"
        return reading.joint == "and" and following in {"be", "have"}
    if reading.ahead.listed[index] >= 0 and following in {"and", "or", "hard"}:
        return True
    if index and reading.kind(index - 1) not in {"article", "hard", "comma", "and", "stop", "relative"}:
        return False
    i = index + 1
    while reading.kind(i) in {"adverb", "place", "not", "grade"} and i < index + 4:
        i += 1
    return reading.kind(i) in {"be", "have", "cue", "earlier"}


def preposition(reading: Reading, index: int, token: Token) -> None:
    """What follows is a place."""
    if not reading.before.wants_object:
        reading.placed = True


def of(reading: Reading, index: int, token: Token) -> None:
    """What follows is a place of the noun in front, or the object of a noun of change."""
    if not reading.before.wants_object and reading.latest:
        reading.placed = True


def place(reading: Reading, index: int, token: Token) -> None:
    """ "Lower" compares volumes; "improvement in the right base" speaks of the lung."""
    if reading.before.of_lung and reading.kind(index + 1) not in {"place", "adverb"}:
        name(reading, index, token, LUNGS)
        return
    if not token.words.startswith("lower"):
        return
    head = reading.ahead.head[index + 1]
    entry: Entry | None = reading.tokens[head].value if head == index + 1 else None
    if head < 0 and reading.verb and reading.subject:
        entry = reading.subject[-1].entry
    if entry is not None and entry.quantity:
        change(reading, index, replace(token, kind="cue", value=("smaller", "auto")))

"""From the text of a report to its statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from libra_bench.metrics.statements.lexicon.entry import Entry
from libra_bench.metrics.statements.lexicon.study import WHOLE_STUDY
from libra_bench.metrics.statements.mention import Mention
from libra_bench.metrics.statements.parser import parse
from libra_bench.metrics.statements.sentences import sentences
from libra_bench.metrics.statements.statement import Side, Statement


@dataclass(frozen=True, slots=True)
class Antecedent:
    """What "it" in the next sentence refers to."""

    entry: Entry
    sides: tuple[Side, ...]


@lru_cache(maxsize=8192)
def report_statements(text: str) -> tuple[Statement, ...]:
    """What a report says, in the order of its words: one Statement per finding and side."""
    found: list[Statement] = []
    antecedents: list[Antecedent] = []
    for start, words in sentences(text):
        mentions = parse(words)
        for mention in mentions:
            found.extend(_statements(mention, start, antecedents))
        antecedents = _antecedents(mentions) or antecedents
    return tuple(found)


def _statements(mention: Mention, start: int, antecedents: Sequence[Antecedent]) -> Iterator[Statement]:
    if mention.elided and not mention.said:
        return
    if mention.entry is not None:
        inherited: tuple[Side, ...] = ()
        if (
            mention.neighbour is not None
            and mention.neighbour.entry is None
            and antecedents
            and not mention.entry.takes_no_side
        ):
            inherited = antecedents[-1].sides
        yield from mention.statements(start, mention.entry, inherited)
    else:
        for antecedent in antecedents:
            yield from mention.statements(start, antecedent.entry, antecedent.sides)
        if not antecedents and not mention.sides and mention.has("change", "change-weak"):
            yield from mention.statements(start, WHOLE_STUDY)


def _antecedents(mentions: Sequence[Mention]) -> list[Antecedent]:
    return [
        Antecedent(mention.entry, tuple(mention.all_sides()))
        for mention in mentions
        if mention.entry is not None and not mention.explains and not mention.has("denied")
    ][-4:]

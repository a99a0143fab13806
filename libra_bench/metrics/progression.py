"""How a finding progressed since the prior study: read from a label, and from the statements of a report.

A label is a text `finding: progression` ("pleural effusion: worse", "left pneumothorax: resolved"). The words of
MS-CXR-T (improving, stable, worsening), of CheXTemporal (new, worse, stable, improved, resolved), of PadChest-GR and of
the reader of reports (larger, smaller, unchanged) are understood.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias, get_args

from libra_bench.metrics.report_alignment import WHOLE
from libra_bench.metrics.statements.reader import report_statements
from libra_bench.metrics.statements.statement import CATEGORIES, Category, Side, Statement

Progression: TypeAlias = Literal["new", "worse", "stable", "improved", "resolved"]
PROGRESSIONS: tuple[Progression, ...] = get_args(Progression)
Reading: TypeAlias = Progression | Literal["mixed", "not mentioned", "no change stated", "denied"]
"""What a report says of a labelled finding; mixed: worse on one side and better on the other, where the label has no
side. The last three are kinds of silence."""

_WORDS: Mapping[Progression, Sequence[str]] = {
    "new": ("new",),
    "worse": ("worse", "worsening", "worsened", "larger"),
    "stable": ("stable", "unchanged"),
    "improved": ("improved", "improving", "smaller"),
    "resolved": ("resolved",),
}
WORDS: Mapping[str, Progression] = {word: progression for progression, words in _WORDS.items() for word in words}
"""How a label, or the reader of reports, says it -> the progression."""
REVERSED: Mapping[Reading, Progression] = {
    "new": "resolved",
    "worse": "improved",
    "stable": "stable",
    "improved": "worse",
    "resolved": "new",
}
"""What a label becomes when the two images change places."""
COARSE: Mapping[Reading, Progression] = {"new": "worse", "resolved": "improved"}
"""In a suite whose labels tell only worse, stable and improved."""
_CATEGORIES: Mapping[str, Category] = {category.lower(): category for category in CATEGORIES}
_SIDES: Mapping[str, Side] = {side: side for side in get_args(Side)}


@dataclass(frozen=True, slots=True)
class TemporalLabel:
    """What is known to be true of one finding of one pair of images."""

    finding: str
    """Without its side: one of CheXpert's observations in lower case, else the reader's name."""
    side: Side | None
    progression: Progression

    def concerns(self, said: Statement) -> bool:
        """Whether a statement is about this finding, on this side or without telling one."""
        category = _CATEGORIES.get(self.finding)
        same = said.finding == self.finding if category is None else said.category == category
        return same and (self.side is None or said.side in (self.side, None))


@lru_cache(maxsize=4096)
def temporal_label(text: str) -> TemporalLabel | None:
    """A label as it is stored in a suite; None: it is none of a progression, or its finding is not in the lexicon."""
    name, _, word = text.lower().replace("_", " ").rpartition(":")
    words = name.split()
    progression = WORDS.get(word.strip())
    if not words or progression is None:
        return None
    side = _SIDES.get(words[0])
    finding = " ".join(words[1:] if side else words)
    if finding not in _CATEGORIES:
        said = report_statements(f"{finding} is unchanged.")
        if not said or said[0].finding == WHOLE:
            return None
        finding = said[0].finding
    return TemporalLabel(finding, side, progression)


def stated_progression(text: str, label: TemporalLabel) -> Reading:
    """What a report says of a label's finding, or how it is silent about it.

    A change outweighs "unchanged" (one effusion larger, the other unchanged: worse). Where the finding's own statements
    tell no change, "no interval change" of the whole examination says that it is stable.
    """
    statements = report_statements(text)
    own = [said for said in statements if label.concerns(said)]
    told = {WORDS[said.change] for said in own if said.change}
    if told:
        return _combined(told)
    if any(said.finding == WHOLE and said.change == "unchanged" for said in statements):
        return "stable"
    if not own:
        return "not mentioned"
    return "denied" if all(said.presence == "absent" for said in own) else "no change stated"


def _combined(told: Iterable[Progression]) -> Reading:
    ways = set(told)
    if len(ways) == 1:
        return ways.pop()
    up, down = bool(ways & {"new", "worse"}), bool(ways & {"improved", "resolved"})
    if up and down:
        return "mixed"
    return "worse" if up else "improved"


def is_reversed(before: str, after: str, label: TemporalLabel) -> bool | None:
    """Whether what one text says of a labelled finding is the reverse of what another one says.

    Args:
        before: the text about the two images in their order.
        after: the text about the two images in reverse order.
        label: the finding.

    Returns:
        None where `before` tells no change of it: there is nothing to reverse. "Worse" reverses to anything that is
        better, resolved included.
    """
    said, now = (stated_progression(text, label) for text in (before, after))
    expected = REVERSED.get(said)
    if expected is None or expected == "stable":
        return None
    return COARSE.get(now, now) == COARSE.get(expected, expected)

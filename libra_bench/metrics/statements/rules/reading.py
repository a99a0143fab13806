"""The state of a sentence that is being read, and the questions that the rules ask of it.

Modifiers gather in front of a noun (`before`) and become its own when it comes. What follows a noun is said of the
subject: the findings that the clause began with. Denial, doubt and explanation reach over a list until the
clause turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from libra_bench.metrics.statements.lexicon.entry import Entry
from libra_bench.metrics.statements.lookahead import Lookahead
from libra_bench.metrics.statements.mention import Mention, Said, What
from libra_bench.metrics.statements.statement import Side
from libra_bench.metrics.statements.tokens import Token

MAX_LIST = 64
"""What is said behind a longer list is said of its last findings, so that time stays linear."""


@dataclass(slots=True)
class Before:
    """Modifiers that wait for their noun."""

    sides: list[Side] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    article: bool = False
    interval: bool = False
    """ "Interval sternotomy": a device or an operation is new."""
    seen_before: bool = False
    """Holds "previously seen"."""
    wants_object: bool = False
    """Holds a noun that speaks of the next finding: "increase in", "widening of"."""
    of_lung: bool = False
    """Holds a word of change that speaks of a place in the lungs: "improvement (in the right base)"."""
    masked: bool = False
    """Holds a word that was removed from the report; it may have been a side."""


class Reading:
    """What is known so far, while the tokens of a sentence are read from left to right."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        """Before the first token."""
        self.tokens = tokens
        self.ahead = Lookahead(tokens)
        self.mentions: list[Mention] = []
        self.before = Before()
        self.elided: list[Before] = []
        """Modifiers whose noun is left out: "(unchanged right) and slightly increased left effusion"."""
        self.subject: list[Mention] = []
        """What the clause speaks of."""
        self.shown: list[Mention] = []
        """What the subject, a structure, shows: "the lungs show (opacities), unchanged"."""
        self.described: list[Mention] = []
        """The structures that the last finding was told of: "(the lungs) are hyperinflated but clear"."""
        self.told_structure = False
        """Whether the last finding was told of a structure: "the lungs are (hyperinflated)"."""
        self.latest: list[Mention] = []
        """The list of findings that was named last."""
        self.reasons: list[Mention] = []
        """The list that explains the subject."""
        self.known: Entry | None = None
        """The finding that was named last."""
        self.compound: Mention | None = None
        """The noun just named, while the next word may still belong to it."""
        self.predicate: Said | None = None
        """What was just said of the subject; a side behind it narrows it."""
        self.carried: list[Said] = []
        """What precedes a list and applies to all of it: "stable (cardiomegaly and left effusion)"."""
        self.setting: list[Side] = []
        """The side that a sentence begins with: "(at the right apex), there is a lucency"."""
        self.verb = ""
        """ "be", "have" or "show", since the last noun."""
        self.joint = ""
        """ "and", "or", "comma" or "slash", since the last noun."""
        self.when = ""
        """ "was" or "now", for the next degree."""
        self.unit = 1.0
        """Millimetres that the last size counted in."""
        self.negated = False
        self.negation_used = False
        """Whether the denial has met its first finding."""
        self.not_next = self.lapsed = False
        """Behind "not": denies the next predicate; behind "no longer": has lapsed."""
        self.doubting = self.explaining = self.suppressed = False
        self.aside = False
        """Behind "with"."""
        self.placed = False
        """Behind a preposition: structures are places, sides are of what was named."""
        self.part_named = False
        """Behind the part of a device: "the tip is ..."."""
        self.open_list = self.list_has_and = False
        self.or_adds = False
        """Behind "no change in": an "or" joins, and doubts nothing."""
        self.unbound: Token | None = None
        """A word of change that has found nothing to speak of."""

    def kind(self, index: int) -> str:
        """The kind of the token at `index`, "" outside the sentence."""
        return self.tokens[index].kind if 0 <= index < len(self.tokens) else ""

    def belongs_ahead(self, index: int, structures_only: bool = True) -> bool:
        """Whether a modifier belongs to the noun behind it, not to the subject in front."""
        head = self.ahead.head[index + 1]
        if head < 0 and (not self.subject or self.fresh()):
            head = self.ahead.listed[index + 1]
        if head < 0:
            return False
        if structures_only and self.compound is not None and self.compound.is_structure and not self.compound.said:
            return False
        return self.verb not in {"be", "have"} or not self.subject or bool(self.joint) or head == index + 1

    def names_structure(self, index: int) -> bool:
        """Whether the noun behind a modifier is a structure."""
        head = self.ahead.listed[index + 1]
        return head >= 0 and self.tokens[head].value.kind in {"structure", "study"}

    def fresh(self) -> bool:
        """Whether a new noun is due: behind "with", "shows", a comma."""
        return self.compound is None and (self.aside or self.verb == "show" or bool(self.joint))

    def say_before(self, what: What, value: str | float = "", wants_object: bool = False) -> None:
        """Said of the noun to come."""
        if len(self.before.said) < MAX_LIST:
            self.before.said.append(Said(what, value))
        self.before.wants_object = self.before.wants_object or wants_object

    def say(self, what: What, value: str | float, targets: Iterable[Mention]) -> None:
        """Says it of each target; a side that follows narrows it."""
        said, told = Said(what, value), False
        for mention in targets:
            mention.tell(said)
            told = True
        if told:
            self.predicate, self.open_list, self.placed = said, False, False

    def deny(self) -> None:
        """A denial begins."""
        self.negated, self.negation_used, self.not_next = True, False, False

    def turn(self) -> None:
        """The clause turns: denial, doubt and explanation end; the subject stays."""
        self.negated = self.not_next = self.doubting = self.explaining = self.aside = self.placed = False
        self.open_list, self.carried, self.predicate, self.or_adds = False, [], None, False
        self.verb = self.joint = self.when = ""

    def explain(self) -> None:
        """A list of reasons begins or continues."""
        if not self.explaining:
            self.explaining, self.reasons = True, []
        self.before, self.elided = Before(), []
        self.open_list, self.placed, self.carried, self.aside = False, False, [], False

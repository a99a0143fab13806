"""Where a clause, a list or a side remark begins and ends."""

from __future__ import annotations

from libra_bench.metrics.statements.lexicon.entry import Entry
from libra_bench.metrics.statements.rules.nouns import name_elided, refer
from libra_bench.metrics.statements.rules.reading import Before, Reading
from libra_bench.metrics.statements.tokens import Token

PREDICATES = frozenset({"be", "have", "show", "earlier", "normal", "sign", "sign-noun", "cue", "adverb", "borderline"})


def article(reading: Reading, index: int, token: Token) -> None:
    """An article: behind a comma it begins a new statement."""
    reading.before.article = token.words in {"a", "an", "the"}


def adverb(reading: Reading, index: int, token: Token) -> None:
    """ "Previously seen": what is named was there before; other adverbs say nothing."""
    if token.words.startswith("previously "):
        reading.before.seen_before = True


def verb(reading: Reading, index: int, token: Token) -> None:
    """A verb: the list before it becomes the subject, and denial in front of the subject ends."""
    if reading.before.sides and reading.ahead.head[index] < 0 and reading.compound is None:
        name_elided(reading, index)
    if reading.negation_used:
        reading.negated = False
    if token.kind == "be":
        _bind_ahead(reading)
    singular = token.words in {"is", "has", "was"}
    if (
        singular
        and reading.open_list
        and not reading.list_has_and
        and len(reading.latest) > 1
        and reading.latest is reading.subject
    ):
        reading.subject = reading.latest[-1:]
    reading.verb, reading.placed, reading.open_list, reading.predicate = token.kind, False, False, None
    if token.kind in {"not", "earlier"}:
        reading.verb = "be"


def _bind_ahead(reading: Reading) -> None:
    """ "Again seen are ...", "once again there is ...": the word of change in front speaks of what comes."""
    if reading.unbound is not None and not reading.mentions:
        direction, form = reading.unbound.value
        reading.say_before("change-weak" if form == "weak" else "change", direction)
        reading.unbound = None


def side_remark(reading: Reading, index: int, token: Token) -> None:
    """ "With": another finding, of which the words around the first say nothing."""
    reading.turn()
    reading.aside = bool(reading.subject)


def join_comma(reading: Reading, index: int, token: Token) -> None:
    """A comma, a bracket or a dash."""
    if reading.ahead.versus_follows[index + 1] and reading.subject and not reading.negated:  # ", scar versus effusion"
        reading.explain()
    if reading.kind(0) == "preposition" and not reading.mentions and not reading.setting:
        reading.setting = reading.before.sides
    _join(reading, index, "comma")
    reading.placed = False


def join_slash(reading: Reading, index: int, token: Token) -> None:
    """ "Atelectasis/consolidation"."""
    _join(reading, index, "slash")


def join_and(reading: Reading, index: int, token: Token) -> None:
    """ "And"."""
    _join(reading, index, "and")
    reading.placed = reading.placed and _goes_on_with_place(reading, index)


def join_or(reading: Reading, index: int, token: Token) -> None:
    """ "Or", "versus"."""
    _join(reading, index, "or")
    reading.placed = reading.placed and _goes_on_with_place(reading, index)


def _goes_on_with_place(reading: Reading, index: int) -> bool:
    """ "In the right base and (left lung base)", not "in the right base and (the heart is enlarged)"."""
    head = reading.ahead.head[index + 1]
    if head < 0:
        return True
    entry: Entry = reading.tokens[head].value
    return entry.kind == "structure" and reading.kind(head + 1) not in PREDICATES


def _join(reading: Reading, index: int, joint: str) -> None:
    if reading.before.sides and reading.ahead.listed[index] >= 0:
        reading.elided.append(reading.before)
        reading.before = Before()
    elif reading.ahead.listed[index] < 0 and not reading.before.wants_object:
        reading.before = Before()
    reading.joint = joint if joint != "comma" or not reading.joint else reading.joint


def hard_break(reading: Reading, index: int, token: Token) -> None:
    """ "But", "while": all turns, and the subject stays."""
    if reading.before.sides and reading.ahead.listed[index] >= 0:
        reading.elided.append(reading.before)
        reading.before = Before()
    reading.turn()
    reading.suppressed = False


def full_stop(reading: Reading, index: int, token: Token) -> None:
    """A semicolon: a new sentence."""
    reading.turn()
    reading.setting = []
    reading.subject, reading.before, reading.suppressed = [], Before(), False
    reading.elided = []


def existential(reading: Reading, index: int, token: Token) -> None:
    """ "There is": a new clause without a subject."""
    reading.turn()
    reading.subject, reading.elided = [], []
    _bind_ahead(reading)


def colon(reading: Reading, index: int, token: Token) -> None:
    """ "Lungs: clear"."""
    reading.turn()
    reading.verb = "be"


def relative(reading: Reading, index: int, token: Token) -> None:
    """ "Which": the findings just named become the subject; behind a side remark or a reason, the finding before it."""
    subject = reading.subject[-1:] if reading.aside or reading.explaining else reading.latest
    reading.turn()
    reading.subject = subject or reading.subject


def pronoun(reading: Reading, index: int, token: Token) -> None:
    """ "It is", "these are": the subject, or what the sentence before spoke of."""
    i = index + 1
    while reading.kind(i) in {"adverb"} and i < index + 4:
        i += 1
    if reading.kind(i) not in {
        "be",
        "have",
        "cue",
        "doubt",
        "explains",
        "visible",
        "not",
        "show",
        "earlier",
        "post-doubt",
    }:
        article(reading, index, token)
        return
    reading.turn()
    if not reading.mentions:
        refer(reading, token)

"""Words of change: whether they belong to the noun behind them or to the subject, and what they state."""

from __future__ import annotations

from dataclasses import replace

from libra_bench.metrics.statements.lexicon.change import DESCRIBE
from libra_bench.metrics.statements.lexicon.entry import Entry
from libra_bench.metrics.statements.lexicon.study import WHOLE_STUDY
from libra_bench.metrics.statements.mention import Mention, Said, What
from libra_bench.metrics.statements.rules.descriptions import describe, sign_noun
from libra_bench.metrics.statements.rules.nouns import name_elided
from libra_bench.metrics.statements.rules.reading import Reading
from libra_bench.metrics.statements.tokens import Token

_EMPTY = frozenset({
    "cue", "adverb", "compare", "article", "be", "have", "not", "negation", "exists", "comma", "now", "earlier", "of",
    "preposition", "and", "visible", "pronoun", "number", "mark", "normal", "grade", "colon", "hard", "sign-noun",
})  # fmt: skip
"""A sentence of these alone speaks of what was spoken of before, or of the whole study."""


def change(reading: Reading, index: int, token: Token) -> None:
    """A word of change: it belongs to the noun behind it, or is said of the subject."""
    direction, form = token.value
    if form == "perfect" and reading.verb != "have":
        if token.words in DESCRIBE:
            describe(reading, index, DESCRIBE[token.words])
        return
    if token.words == "changes" and reading.compound is not None and reading.compound.is_structure:
        sign_noun(reading, index, replace(token, kind="sign-noun", value="abnormal"))  # "no bony changes"
        return
    if direction in {"larger", "smaller", "worse", "better"} and _compares_sides(reading, index):
        return
    in_front = _cue_belongs_ahead(reading, index, form)
    if direction in {"increased", "decreased"} and only_described(reading, index, in_front):
        describe(reading, index, "high" if direction == "increased" else "reduced")
        return
    what: What = "change-weak" if form == "weak" else "change"
    if form == "noun" and reading.negated and not reading.negation_used:
        direction, reading.negated, reading.or_adds = "unchanged", False, True
    elif direction == "changed" and not (reading.not_next and not in_front):
        reading.unbound = reading.unbound or token
        return
    if in_front:
        reading.placed = False
        reading.say_before(what, direction, wants_object=form == "noun")
        return
    if form == "before" or (form == "done" and not (reading.verb or direction == "resolved")):
        return
    if reading.before.sides:
        name_elided(reading, index)
    targets = reading.latest if reading.aside and reading.compound is not None else reading.subject
    if reading.not_next:
        direction, reading.not_next = "unchanged", False
    reading.say(what, direction, [mention for mention in targets if _can_change(reading, mention, token, form)])
    if not targets:
        reading.unbound = token
    if form == "weak":
        reading.verb = "be"


def _compares_sides(reading: Reading, index: int) -> bool:
    """ "Opacities, worse on the left" tells the sides apart; "larger on the right and smaller on the left" does not."""
    if reading.compares or reading.verb == "have" or not _placed_side(reading, index):
        return False
    around = (i for i in range(max(0, index - 12), index + 13) if i != index and reading.kind(i) == "cue")
    return not any(_placed_side(reading, i) for i in around)


def _placed_side(reading: Reading, index: int) -> bool:
    kinds = [reading.kind(i) for i in range(index + 1, index + 4)]
    return kinds[:2] == ["preposition", "side"] or kinds == ["preposition", "article", "side"]


def _cue_belongs_ahead(reading: Reading, index: int, form: str) -> bool:
    if form in {"behind", "done", "perfect"}:
        return False
    if form == "noun":
        return reading.ahead.object[index + 1] >= 0
    if reading.kind(index + 1) == "compare" and reading.subject:  # "larger than before, and a small effusion"
        return False
    return reading.belongs_ahead(index, structures_only=False)


def only_described(reading: Reading, index: int, in_front: bool) -> bool:
    """Whether "increased" describes: "increased interstitial markings", "lung volumes are decreased"."""
    if reading.compares or (reading.verb == "have" and not in_front):
        return False
    head = reading.ahead.head[index + 1]
    if in_front and head >= 0:
        entry: Entry | None = reading.tokens[head].value
        graded = any(reading.kind(i) == "grade" for i in range(index + 1, min(head, index + 8)))
        if entry is not None and entry.kind == "finding" and (graded or reading.tokens[index].value[0] == "decreased"):
            return False  # "increased moderate left opacity"
    else:
        entry = reading.subject[-1].entry if reading.subject else None
    return entry is not None and (entry.described or entry.kind == "structure")


def _can_change(reading: Reading, mention: Mention, token: Token, form: str) -> bool:
    """What is denied has not changed; but "no pneumothorax remains" says that it has resolved."""
    if mention.has("denied"):
        if form == "weak" and token.words.startswith("remain"):
            mention.add("change", "resolved")
        return False
    return True


def interval(reading: Reading, index: int, token: Token) -> None:
    """A word of comparison: "interval sternotomy" is new."""
    if token.words in {"interval", "interim"}:
        reading.before.interval = True


def unknown(reading: Reading, index: int, token: Token) -> None:
    """A word that is not known: "interval advancement of the tube" does not place it."""
    reading.before.interval = False


def speak_of_before(reading: Reading) -> None:
    """A sentence without a subject: "Unchanged.", "No interval change."."""
    token = reading.unbound
    if token is None or reading.mentions:
        return
    direction, form = token.value
    denied = any(it.kind in {"negation", "not"} for it in reading.tokens)
    at = reading.tokens.index(token) if form == "noun" and denied else 0
    if (direction == "changed" and not denied) or any(it.kind not in _EMPTY for it in reading.tokens[at:]):
        return
    said = Said("change-weak" if form == "weak" else "change", "unchanged" if denied else direction)
    entry = WHOLE_STUDY if form == "noun" else None
    reading.mentions.append(Mention(entry, token.start, token.end, said=[said]))

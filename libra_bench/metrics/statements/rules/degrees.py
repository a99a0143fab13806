"""Grades and sizes, and which of two is the earlier one."""

from __future__ import annotations

from libra_bench.metrics.statements.lexicon.change import EARLIER_VERBS
from libra_bench.metrics.statements.lexicon.modifiers import LARGE
from libra_bench.metrics.statements.mention import What
from libra_bench.metrics.statements.rules.changes import only_described
from libra_bench.metrics.statements.rules.clauses import verb
from libra_bench.metrics.statements.rules.descriptions import describe
from libra_bench.metrics.statements.rules.places import preposition
from libra_bench.metrics.statements.rules.reading import Reading
from libra_bench.metrics.statements.tokens import Token


def grade(reading: Reading, index: int, token: Token) -> None:
    """A grade, of the noun to come or of the subject; "slightly improved" grades no finding."""
    following = reading.kind(index + 1)
    if _grades_change(reading, index, token):
        return
    if following == "cue":
        direction, form = reading.tokens[index + 1].value
        if form == "perfect" and reading.verb != "have":
            following = "sign"
        elif direction in {"increased", "decreased"} and only_described(reading, index + 1, reading.verb != "have"):
            following = "adverb"
        elif not (form == "weak" or direction in {"unchanged", "new"}):
            return
    in_front = _belongs_ahead(reading, index, following)
    structure = reading.names_structure(index) if in_front else any(it.is_structure for it in reading.subject)
    if structure and token.words in LARGE:
        describe(reading, index, "high")
        return
    what: What = "grade-was" if reading.when == "was" else "grade-now" if reading.when == "now" else "grade"
    if in_front:
        reading.say_before(what, token.value)
    else:  # "improved edema with increased cardiomegaly, now moderate"
        beside = reading.aside and not reading.verb and what == "grade-now"
        reading.say(what, token.value, reading.latest if beside else reading.subject)
    reading.when = ""


def _grades_change(reading: Reading, index: int, token: Token) -> bool:
    """ "Has increased slightly", "slightly better seen"."""
    if not token.words.endswith("ly") or reading.ahead.head[index + 1] >= 0:
        return False
    behind = reading.tokens[index + 1].words if reading.kind(index + 1) == "adverb" else ""
    told = reading.kind(index - 1) == "cue" and reading.tokens[index - 1].value[0] not in {"unchanged", "new"}
    return told or behind.startswith("better ")


def _belongs_ahead(reading: Reading, index: int, following: str) -> bool:
    if reading.belongs_ahead(index, structures_only=False):
        return True
    return following != "sign" and reading.ahead.head[index + 1] >= 0 and not reading.when


def number(reading: Reading, index: int, token: Token) -> None:
    """A size; of "2.3 x 1.8 cm" the first."""
    if index and reading.tokens[index - 1].words == "x":
        return
    unit = index + 1
    while unit < index + 5 and (reading.kind(unit) == "number" or _is_times(reading, unit)):
        unit += 1
    if reading.kind(unit) == "unit":
        reading.unit = reading.tokens[unit].value
    elif not reading.when:
        return
    what: What = "size-was" if reading.when == "was" else "size-now" if reading.when == "now" else "size"
    value = token.value * reading.unit
    if reading.belongs_ahead(index, structures_only=False):
        reading.say_before(what, value)
    else:
        reading.say(what, value, reading.subject)
    reading.when = ""


def _is_times(reading: Reading, index: int) -> bool:
    return reading.kind(index) != "" and reading.tokens[index].words in {"x", "by"}


def earlier(reading: Reading, index: int, token: Token) -> None:
    """ "Previously", "was": the next degree is the earlier one."""
    if token.words == "from" and reading.kind(index + 1) not in {"grade", "number"}:
        preposition(reading, index, token)
        return
    if token.words in EARLIER_VERBS:
        verb(reading, index, token)
        if not any(it.kind in {"now", "compare"} for it in reading.tokens[index : index + 12]):
            return  # "was" tells the time only beside a "now", or of an earlier picture
    reading.when = "was"


def now(reading: Reading, index: int, token: Token) -> None:
    """ "Now": the next degree is the later one."""
    reading.when = "now"

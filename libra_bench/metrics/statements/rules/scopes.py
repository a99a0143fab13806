"""Denial, doubt and explanation."""

from __future__ import annotations

from libra_bench.metrics.statements.rules.clauses import side_remark, verb
from libra_bench.metrics.statements.rules.reading import Before, Reading
from libra_bench.metrics.statements.tokens import Token


def negation(reading: Reading, index: int, token: Token) -> None:
    """A denial: of the list that follows."""
    if token.words in {"neither", "nor"} and reading.kind(index + 1) == "cue":  # "neither better nor worse"
        reading.not_next = True
        return
    if reading.subject and not reading.verb:
        side_remark(reading, index, token)
    reading.negated, reading.negation_used = True, False
    reading.doubting = reading.explaining = reading.open_list = False
    reading.carried = []


def deny_next(reading: Reading, index: int, token: Token) -> None:
    """ "Not": denies the next predicate or noun."""
    if token.words not in {"not", "no longer"}:
        verb(reading, index, token)
    reading.not_next, reading.lapsed = True, token.words == "no longer"


def visible(reading: Reading, index: int, token: Token) -> None:
    """ "Seen": with "not" a denial, or new where the earlier picture did not show it."""
    if not reading.not_next:
        if reading.negation_used and reading.ahead.head[index + 1] < 0:  # "no effusion seen, mild atelectasis"
            reading.negated = reading.open_list = False
        return
    reading.not_next = False
    past = any(it.words in {"was", "were"} for it in reading.tokens[max(0, index - 3) : index])
    dated = past and reading.kind(index + 1) == "preposition" and reading.kind(index + 2) == "mask"
    if dated or any(reading.kind(i) in {"compare", "earlier"} for i in range(index + 1, index + 4)):
        reading.say("change", "new", reading.subject)
    elif not reading.part_named:
        known = any(it.words.startswith("previously") for it in reading.tokens[max(0, index - 12) : index])
        if known:  # "the previously seen nodule is not identified"
            reading.say("change", "resolved", reading.subject)
        reading.say("denied", "", reading.subject)


def part(reading: Reading, index: int, token: Token) -> None:
    """The tip of a tube."""
    reading.part_named = True


def post_negation(reading: Reading, index: int, token: Token) -> None:
    """ "Absent", "ruled out"."""
    reading.say("denied", "", reading.latest)


def post_doubt(reading: Reading, index: int, token: Token) -> None:
    """ "Is possible", "cannot be excluded"; not "is likely unchanged"."""
    nothing_named = all(it.elided for it in reading.latest)
    if nothing_named and reading.ahead.head[index + 1] >= 0:  # "it is difficult to exclude a small effusion"
        doubt(reading, index, token)
        return
    behind = index + 1
    while reading.kind(behind) in {"adverb", "grade"} and behind < index + 4:
        behind += 1
    if reading.kind(behind) == "cue":
        verb(reading, index, token)
        return
    reading.say("doubted", "", reading.latest)
    reading.not_next = False


def not_well_seen(reading: Reading, index: int, token: Token) -> None:
    """Neither shown nor denied; of the earlier picture it says nothing."""
    if reading.kind(index + 1) not in {"compare", "earlier"}:
        reading.say("open", "", [mention for mention in reading.subject if not mention.is_structure])


def doubt(reading: Reading, index: int, token: Token) -> None:
    """ "Possible", "may represent": of the list that follows, often a reason of the subject."""
    if token.kind == "doubt" and token.words.startswith("xxxx") and not reading.mentions:
        return  # "the study of XXXX from elsewhere": the mask is a date
    if reading.negated and reading.joint == "and":  # "no effusion and probable atelectasis"
        reading.negated = reading.open_list = False
    if reading.negated:
        return
    if reading.not_next:
        reading.deny()
    else:
        reading.doubting = True
    reading.carried = []  # "stable cardiomegaly and possible edema"
    if token.value == "verb":
        reading.before = Before()  # what was gathered belongs to a noun that is not known
    if reading.subject and (token.value == "verb" or not _joint_is_new(reading, index)):
        reading.explain()


def _joint_is_new(reading: Reading, index: int) -> bool:
    """Whether a doubt begins another finding ("and possible effusion") instead of a reason."""
    return reading.kind(index - 1) in {"and", "with", "exists", "negation", "article", "slash", "or"} or (
        reading.kind(index - 1) in {"comma"} and reading.list_has_and
    )


def explains(reading: Reading, index: int, token: Token) -> None:
    """ "Consistent with": a reason of the subject."""
    if reading.negated:
        return
    if reading.not_next:
        reading.deny()
    if reading.subject:
        reading.explain()


def suppress(reading: Reading, index: int, token: Token) -> None:
    """ "Recommend", "evaluate for": the rest of the clause states nothing."""
    reading.suppressed, reading.before = True, Before()


def mask(reading: Reading, index: int, token: Token) -> None:
    """A word that was removed from the report."""
    reading.before.masked = True
    ahead = reading.ahead
    if (
        reading.kind(index - 1) == "comma"
        and ahead.head[index] >= 0
        and (ahead.or_follows[index] or not ahead.list_goes_on[index])
    ):
        doubt(reading, index - 1, token)  # ", XXXX chronic atelectasis": the mask hides a "likely"

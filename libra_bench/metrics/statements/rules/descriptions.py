"""Words that describe a structure: signs of disease, and that nothing is wrong."""

from __future__ import annotations

from libra_bench.metrics.statements.lexicon.structures import STRUCTURE_OF_SIGN
from libra_bench.metrics.statements.lexicon.study import WHOLE_STUDY
from libra_bench.metrics.statements.mention import Mention, Said
from libra_bench.metrics.statements.rules.nouns import name, take
from libra_bench.metrics.statements.rules.reading import Before, Reading
from libra_bench.metrics.statements.tokens import Token


def sign_noun(reading: Reading, index: int, token: Token) -> None:
    """ "Enlargement", "abnormality": of a structure in front, behind ("of the ..."), or of the subject."""
    compound = reading.compound
    if compound is not None and compound.entry and compound.entry.kind in {"structure", "study"}:
        for mention in reading.latest:
            if (
                mention.entry
                and mention.entry.kind == compound.entry.kind
                and not mention.has("sign", "no-sign", "normal")
            ):
                mention.add("no-sign" if reading.negated else "sign", token.value)
        take(reading, compound, reading.before, joined=True)
        compound.end, reading.before = token.end, Before()
    elif reading.ahead.structure[index + 1] >= 0:
        if reading.before.interval and token.value == "enlarged":
            reading.say_before("change", "larger")
        reading.say_before("sign", token.value, wants_object=True)
    elif _tells_subject(reading, token.value):
        denied = reading.negated or reading.not_next
        for mention in reading.subject:
            if mention.is_structure and denied and token.value == "abnormal":
                mention.add("normal")
            elif mention.is_structure:
                mention.add("no-sign" if denied else "sign", token.value)
        reading.negated = reading.not_next = False
    elif token.value in STRUCTURE_OF_SIGN:
        reading.say_before("sign", token.value)
        name(reading, index, token, STRUCTURE_OF_SIGN[token.value])
    elif token.words == "findings" and not (reading.negated or reading.mentions):  # "findings are unchanged"
        name(reading, index, token, WHOLE_STUDY)
    elif token.value == "abnormal" and reading.negated and not reading.negation_used:
        reading.say_before("sign", "abnormal")
        name(reading, index, token, WHOLE_STUDY)


def _tells_subject(reading: Reading, sign: str) -> bool:
    """Whether a sign is told of the subject; what "without disease" is told of is not the enlarged heart."""
    if not (reading.verb or reading.aside) or not any(_has_sign(mention, sign) for mention in reading.subject):
        return False
    apart = reading.aside and sign == "abnormal"
    return not (apart and any(mention.has("sign", "open", "change") for mention in reading.subject))


def _has_sign(mention: Mention, sign: str) -> bool:
    """Whether a structure can show the sign: a heart is not tortuous; every structure can be abnormal."""
    entry = mention.entry
    return mention.is_structure and entry is not None and (sign == "abnormal" or bool({sign, "*"} & {*entry.signs}))


def sign(reading: Reading, index: int, token: Token) -> None:
    """ "Enlarged", "tortuous"."""
    describe(reading, index, str(token.value))


def describe(reading: Reading, index: int, sign: str) -> None:
    """An adjective that says what is wrong with a structure."""
    if reading.belongs_ahead(index):
        reading.say_before("sign", sign)
        return
    targets = [mention for mention in _told_of(reading) if mention.is_structure or mention.entry is None]
    if reading.joint == "or" and any(mention.has("normal") for mention in targets):
        reading.say("open", "", targets)  # "normal or slightly enlarged"
    else:
        reading.say("no-sign" if reading.not_next else "sign", sign, targets)
        if reading.not_next and reading.lapsed:  # "is no longer shifted"
            reading.say("change", "resolved", targets)
    reading.not_next = False


def _told_of(reading: Reading) -> list[Mention]:
    """The subject, or the structure that a side remark has just named: "with vascularity within normal limits"."""
    latest = reading.latest
    fresh = reading.aside and not reading.verb and all(it.is_structure and not it.said for it in latest)
    return latest if fresh and latest else reading.subject


def normal(reading: Reading, index: int, token: Token) -> None:
    """ "Normal", "clear"; denied, the structure is abnormal."""
    if reading.belongs_ahead(index):
        if not reading.negated:
            reading.say_before("normal")
        return
    targets = [mention for mention in _told_of(reading) if mention.entry is None or mention.is_structure]
    if not targets:
        targets = reading.described or (reading.subject if reading.verb == "be" else [])
    elif reading.verb == "be":  # "heart size and vascular engorgement are normal"
        targets = reading.subject
    if reading.not_next:
        reading.say("sign", "abnormal", targets)
    else:
        reading.say("normal", "", [mention for mention in targets if mention.entry is None or not mention.is_device])
    if not targets and (len(reading.tokens) == 1 or reading.kind(index - 1) == "hard"):  # "otherwise unremarkable"
        reading.mentions.append(Mention(WHOLE_STUDY, token.start, token.end, said=[Said("normal")]))
    reading.not_next = False


def borderline(reading: Reading, index: int, token: Token) -> None:
    """ "Borderline"."""
    if reading.belongs_ahead(index):
        reading.say_before("open")
    else:
        reading.say("open", "", reading.subject)

"""Nouns: a finding is named, takes the modifiers in front of it, and its place in a list."""

from __future__ import annotations

from collections.abc import Sequence

from libra_bench.metrics.statements.lexicon.entry import Entry
from libra_bench.metrics.statements.lexicon.modifiers import LUNG_PLACES
from libra_bench.metrics.statements.lexicon.structures import LUNGS
from libra_bench.metrics.statements.mention import Mention, Said
from libra_bench.metrics.statements.rules.reading import MAX_LIST, Before, Reading
from libra_bench.metrics.statements.tokens import Token

_CARRIED = frozenset({"change", "change-weak", "normal"})


def head(reading: Reading, index: int, token: Token) -> None:
    """A finding, a structure or a device."""
    entry: Entry = token.value
    if reading.placed and entry.kind in {"structure", "study"} and not reading.before.wants_object:
        reading.placed = reading.kind(index + 1) in {"and", "or", "slash"}
        return
    target = reading.ahead.structure[index + 1]
    if entry.sign and target >= 0 and entry.sign in reading.tokens[target].value.signs:
        reading.say_before("sign", entry.sign, wants_object=True)
    elif entry.sign == "fractured" and _breaks_device(reading, index):
        return
    elif reading.compound is not None and _absorbs(reading.compound, entry):
        reading.compound.entry, reading.compound.end = entry, token.end
        if reading.compound.neighbour is None and not reading.negated:
            _borrow_side(reading, reading.compound)
        take(reading, reading.compound, reading.before, joined=False)
        reading.before = Before()
    else:
        name(reading, index, token, entry)


def _breaks_device(reading: Reading, index: int) -> bool:
    """ "Fracture of the sternal wires"."""
    target = reading.ahead.object[index + 1]
    return target >= 0 and reading.tokens[target].value.kind == "device"


def _absorbs(mention: Mention, second: Entry) -> bool:
    """Whether two nouns are one compound: "lung nodule", not "heart size, mediastinal contours"."""
    first = mention.entry
    if first is None or first.kind not in {"structure", "study"} or mention.has("sign", "no-sign"):
        return False
    return first.kind == "study" or second.kind in {"finding", "device"} or second.quantity


def stem(reading: Reading, index: int, token: Token) -> None:
    """An adjective that means its structure: "mediastinal (widening)", "hilar (and mediastinal contours)"."""
    if reading.ahead.names[index]:
        if reading.placed and not reading.before.wants_object and not _denies_or_lists(reading, index):
            return
        name(reading, index, token, token.value)


def _denies_or_lists(reading: Reading, index: int) -> bool:
    return reading.negated or reading.kind(index + 1) == "sign-noun"


def name(reading: Reading, index: int, token: Token, entry: Entry) -> None:
    """A finding is named: it takes what was gathered in front of it, and its place in a list."""
    before = reading.before
    if reading.not_next:
        reading.deny()
        if reading.lapsed:
            before.said.append(Said("change", "resolved"))
    if _continues_list(reading, index, entry):
        reading.joint = "and"
    joined = _joins(reading, index)
    if joined and reading.joint == "slash" and reading.latest[-1].entry is entry:  # "effusion/hemothorax"
        return
    if reading.negated and reading.negation_used and _turns_positive(reading, index):
        reading.negated, joined = False, False
    groups = [*reading.elided[-MAX_LIST:], before]
    if reading.elided and not _differ_in_side(groups):
        for group in reading.elided:  # "mild and stable left effusion": one noun, all its modifiers
            before.sides = [*group.sides, *before.sides]
            before.said = [*group.said, *before.said]
        groups = [before]
    for group in groups:
        mention = Mention(entry, token.start, token.end)
        _place_in_list(reading, mention, joined)
        take(reading, mention, group, joined)
        joined = True
    reading.before, reading.elided, reading.known = Before(), [], entry
    reading.part_named = reading.part_named and not (reading.joint or reading.verb)  # "the tip of the tube"
    reading.compound, reading.predicate = reading.latest[-1], None
    reading.verb = reading.joint = ""
    reading.open_list, reading.placed, reading.not_next = True, False, False
    reading.negation_used = True


def _continues_list(reading: Reading, index: int, entry: Entry) -> bool:
    """ "Atelectasis infiltrate and effusion": a list that lacks its comma."""
    previous = reading.compound
    adjacent = previous is not None and previous.is_finding and reading.kind(index - 1) == "head"
    return adjacent and not reading.joint and entry.kind == "finding" and reading.ahead.list_goes_on[index]


def _differ_in_side(groups: Sequence[Before]) -> bool:
    """Whether one noun means several findings: "right and left effusion", not "left mid and left basilar"."""
    return all(group.sides for group in groups) and any(set(group.sides) != set(groups[0].sides) for group in groups)


def _joins(reading: Reading, index: int) -> bool:
    """Whether a finding continues the list; after a comma only if the list still has an "and" to come."""
    if not (reading.joint and reading.open_list and reading.latest):
        return False
    bare = not (reading.before.said or reading.before.sides) and reading.kind(index + 1) == ""
    if bare and reading.latest[-1].is_structure and reading.tokens[index].value.kind == "structure":
        return True  # "stable heart size, mediastinal contours"
    if reading.joint == "and" and reading.before.article and reading.told_structure:
        return False  # "the lungs are better aerated and the edema has decreased"
    return reading.joint != "comma" or reading.negated or reading.explaining or reading.ahead.list_goes_on[index]


def _turns_positive(reading: Reading, index: int) -> bool:
    """Whether a denied list has ended: "no pneumothorax, stable cardiomegaly"."""
    if reading.joint == "or" or reading.ahead.or_follows[index]:
        return False
    before = reading.before
    changed = any(it.what.startswith("change") and it.value not in {"new", "increased"} for it in before.said)
    graded = any(it.what == "grade" and it.value not in {"severe"} for it in before.said)
    normal = any(it.what == "normal" for it in before.said)
    return bool(reading.joint) and (changed or normal or before.article or graded)


def _place_in_list(reading: Reading, mention: Mention, joined: bool) -> None:
    reading.mentions.append(mention)
    previous = reading.latest[-1] if reading.latest else None
    if reading.explaining:
        mention.explains = True
        mention.neighbour = reading.subject[-1] if reading.subject else None
        reading.reasons = reading.latest = [*reading.reasons[-MAX_LIST:], mention]
        if reading.joint == "or" and not reading.negated:
            reading.doubting = True
            for reason in reading.reasons:
                reason.add("doubted")
        return
    alternatives = joined and reading.joint == "or" and not (reading.negated or reading.or_adds)
    if alternatives and previous is not None and previous.is_finding and mention.is_finding:
        previous.add("doubted")
        mention.add("doubted")
    if joined:
        mention.neighbour = previous if mention.is_finding and not reading.before.masked else None
        reading.latest.append(mention)
        reading.latest[:] = reading.latest[-MAX_LIST:]
        reading.list_has_and = reading.list_has_and or reading.joint in {"and", "or"}
        return
    reading.latest, reading.list_has_and, reading.carried = [mention], False, []
    lender = reading.subject[-1] if reading.subject else None
    if lender is not None and lender.is_structure and reading.verb:
        reading.described = reading.subject
    reading.told_structure = lender is not None and lender.is_structure and reading.verb == "be"
    borrowed_from = reading.subject
    shows = reading.verb == "show" and bool(reading.subject)
    if not (shows or (reading.aside and reading.subject)):
        reading.subject = reading.latest
    if not reading.aside:
        reading.shown = reading.latest if shows else []
    if reading.setting and not reading.before.sides and _takes_side(mention):
        mention.sides.extend(reading.setting)
    if not (reading.negated or reading.before.masked):
        _borrow_side(reading, mention, reading.shown if reading.aside and reading.shown else borrowed_from)


def _takes_side(mention: Mention) -> bool:
    return mention.is_finding and mention.entry is not None and not mention.entry.takes_no_side


def _borrow_side(reading: Reading, mention: Mention, subject: Sequence[Mention] | None = None) -> None:
    """A finding is where the one is that it is "with", or the structure that it is told of."""
    lenders = reading.subject if subject is None else subject
    borrows = mention.is_finding or (mention.entry is not None and mention.entry.change is not None)
    if not lenders or lenders[-1] is mention or not borrows:
        return
    if _lends_side(lenders[-1], "with" if reading.aside else reading.verb):
        mention.neighbour = lenders[-1]


def _lends_side(mention: Mention, verb: str) -> bool:
    """A finding lends its side to what is "with" it; a structure to what it is or shows."""
    if verb == "with":
        return mention.is_finding or mention.has("sign") or (mention.entry is not None and mention.entry.lends_side)
    return bool(verb) and (mention.is_structure or mention.elided)


def take(reading: Reading, mention: Mention, before: Before, joined: bool) -> None:
    """What was gathered in front of a noun becomes its own, with what the list carries."""
    mention.sides.extend(before.sides)
    own = any(it.what.startswith("change") or it.what == "normal" for it in before.said)
    plain = not any(it.what in {"normal", "sign"} for it in before.said)
    for it in before.said:
        if it.what == "sign" and reading.negated:
            it.what = "no-sign"
        denied_change = reading.negated and it.what.startswith("change") and it.value != "resolved"
        idle = it.what == "normal" and not mention.is_structure
        if not (denied_change or idle):
            mention.tell(it)
    if before.interval and not own and mention.entry and mention.entry.kind == "device" and not reading.negated:
        mention.tell(Said("change", "new"))
    if joined and not reading.explaining:
        own = own or before.masked  # "increased effusion and XXXX atelectasis": the mask hides its own change
        carried = [it for it in reading.carried if (not own if it.what.startswith("change") else plain)]
        mention.tell(*(it for it in carried if it.what != "normal" or mention.is_structure))
        reading.carried = [it for it in before.said if it.what in _CARRIED] or carried
    elif not reading.explaining:
        reading.carried = [it for it in mention.said if it.what in _CARRIED]
    if reading.negated and mention.entry and mention.entry.kind not in {"structure", "study"}:
        mention.add("denied")
        if before.seen_before:  # "no evidence of the previously seen nodule"
            mention.add("change", "resolved")
    if reading.doubting and not reading.negated:
        mention.add("doubted")


def refer(reading: Reading, token: Token) -> None:
    """ "It", "this": what the sentence before spoke of."""
    mention = Mention(None, token.start, token.end, elided=True)
    reading.mentions.append(mention)
    reading.subject = reading.latest = [mention]


def name_elided(reading: Reading, index: int) -> None:
    """ "The left is unchanged": the finding of before, on this side; "the left base is clear": the lung."""
    token = reading.tokens[index]
    entry = LUNGS if _describes_lung(reading, index) else reading.known
    mention = Mention(entry, token.start, token.end, elided=True)
    mention.sides.extend(reading.before.sides)
    mention.said.extend(reading.before.said)
    reading.mentions.append(mention)
    reading.subject = reading.latest = [mention]
    reading.before = Before()


def _describes_lung(reading: Reading, index: int) -> bool:
    place = reading.tokens[index - 1].words.rpartition(" ")[2] if index else ""
    behind = index + 1
    while reading.kind(behind) in {"adverb", "grade", "not", "compare"} and behind < index + 4:
        behind += 1
    told = {"normal", "sign", "head"} if reading.known else {"normal", "sign", "head", "cue"}
    return place in LUNG_PLACES and reading.kind(behind) in told

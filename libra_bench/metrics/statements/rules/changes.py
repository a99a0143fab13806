"""Words of change: whether they belong to the noun behind them or to the subject, and what they state."""

from __future__ import annotations

from dataclasses import replace

from libra_bench.metrics.statements.lexicon.change import DESCRIBE
from libra_bench.metrics.statements.lexicon.entry import Entry
from libra_bench.metrics.statements.lexicon.modifiers import LUNG_PLACES
from libra_bench.metrics.statements.lexicon.study import WHOLE_STUDY
from libra_bench.metrics.statements.mention import Mention, Said
from libra_bench.metrics.statements.rules.descriptions import describe, sign_noun
from libra_bench.metrics.statements.rules.nouns import name_elided
from libra_bench.metrics.statements.rules.reading import Reading
from libra_bench.metrics.statements.tokens import Token

_EMPTY = frozenset({
    "cue", "adverb", "compare", "article", "be", "have", "not", "negation", "exists", "comma", "now", "earlier", "of",
    "preposition", "and", "visible", "pronoun", "number", "mark", "normal", "grade", "colon", "hard", "sign-noun",
})  # fmt: skip
"""A clause of these alone speaks of what was spoken of before, or of the whole study."""
_OF_WHAT_IS_THERE = frozenset({"larger", "smaller", "worse", "better", "unchanged"})
"""Directions of what was there before, and still is."""
_CLAUSE_ENDS = frozenset({"comma", "stop", "hard", "and"})
_PLACE_ENDS = frozenset({"", "comma", "stop", "hard", "with", "compare", "visible"})


def change(reading: Reading, index: int, token: Token) -> None:
    """A word of change: it belongs to the noun behind it, or is said of the subject."""
    if _states_no_change(reading, index, token):
        return
    direction, form = token.value
    in_front = _cue_belongs_ahead(reading, index, form)
    if direction in {"increased", "decreased"} and only_described(reading, index, in_front):
        describe(reading, index, "high" if direction == "increased" else "reduced")
        return
    direction = {"more": "larger", "less": "smaller"}.get(direction, direction)
    denied = reading.negated and not reading.negation_used
    if form == "noun" and direction == "new" and denied and in_front:
        return  # "no interval development of pneumonia" denies the pneumonia
    if (form == "noun" and (denied or reading.not_next)) or (denied and not in_front and reading.subject):
        direction, reading.negated, reading.or_adds, reading.not_next = "unchanged", False, True, False
    elif direction == "changed" and reading.negated and reading.joint == "or" and form == "noun" and not in_front:
        reading.mentions.append(Mention(WHOLE_STUDY, token.start, token.end, said=[Said("change", "unchanged")]))
        return  # "no acute disease or interval change"
    elif direction == "changed" and not (reading.not_next and not in_front):
        reading.unbound = reading.unbound or token
        return
    if not in_front and _speaks_of_the_rest(reading, index):
        said = Said("change-weak" if form == "weak" else "change", direction)
        reading.mentions.append(Mention(WHOLE_STUDY, token.start, token.end, said=[said]))
    elif not reading.subject and _speaks_of_lung(reading, index):
        reading.say_before("change-weak" if form == "weak" else "change", direction, wants_object=True)
        reading.before.of_lung = True
    elif in_front:
        reading.placed = False
        reading.say_before("change-weak" if form == "weak" else "change", direction, wants_object=form == "noun")
        doubted = not reading.explaining and (form == "noun" or _doubted(reading, index))
        if doubted and direction in _OF_WHAT_IS_THERE:
            reading.doubting = False  # "there may be an increase in the effusion" doubts the increase
        if token.words.startswith("remain") and reading.subject:  # "the right hemithorax remains opacified"
            reading.verb = "be"
    elif form == "before" and reading.kind(index + 1) == "sign" and reading.verb:  # "are less engorged"
        _say_of_subject(reading, index, token, direction)
    elif direction == "replaced":
        _say_of_subject(reading, index, token, "resolved")
        reading.turn()
        reading.subject, reading.aside = [], False
        reading.say_before("change", "new")
    elif form != "before" and (form != "done" or reading.verb or direction == "resolved"):
        if reading.not_next:  # "no longer persists", "has not improved"
            direction = "resolved" if form == "weak" else "unchanged"
        _say_of_subject(reading, index, token, direction)


def _say_of_subject(reading: Reading, index: int, token: Token, direction: str) -> None:
    _, form = token.value
    reading.not_next = False
    if reading.before.sides:
        name_elided(reading, index)
    targets = reading.latest if reading.aside and reading.compound is not None else reading.subject
    if reading.shown and not any(mention.said for mention in targets):
        targets = reading.shown
    told = [mention for mention in targets if _can_change(mention, token, form)]
    reading.say("change-weak" if form == "weak" and direction == "unchanged" else "change", direction, told)
    if not targets:
        reading.unbound = token
    if form == "weak":
        reading.verb = "be"


def _states_no_change(reading: Reading, index: int, token: Token) -> bool:
    """Words of change that describe, or compare places: "no acute changes", "larger than 5 mm", "worse on the left"."""
    direction, form = token.value
    if form == "perfect" and reading.verb != "have" and not _compared(reading, index):
        if token.words in DESCRIBE:
            describe(reading, index, DESCRIBE[token.words])
        return True
    of_structure = reading.compound is not None and reading.compound.is_structure
    before = index - 1
    while reading.kind(before) == "stem" and before > index - 4:
        before -= 1
    acute = before >= 0 and reading.tokens[before].words in {"acute", "active"}
    if token.words in {"change", "changes"} and (acute or (of_structure and token.words == "changes")):
        sign_noun(reading, index, replace(token, kind="sign-noun", value="abnormal"))
        return True
    if direction in {"larger", "smaller"} and reading.kind(index + 2) == "number":
        return True
    attributive = token.words.startswith(("more ", "less ")) and reading.before.article
    if attributive and reading.ahead.head[index + 1] >= 0 and not _compared(reading, index):
        return True  # "a slightly more confluent opacity"
    if direction in {"more", "less"} and not _compared(reading, index) and not _compares_sign(reading, index):
        return True
    happens = token.words.endswith(("ing", "ed")) and not token.words.startswith(("more", "less"))
    if direction in {"larger", "smaller", "worse", "better"} and not happens and _compares_places(reading, index):
        reading.predicate = None
        return True
    return False


def _compared(reading: Reading, index: int) -> bool:
    """Whether an earlier picture is meant: behind the word, up to the next word of change, or in front of it."""
    for i in range(index + 1, index + 16):
        if reading.kind(i) in {"compare", "now"}:
            return True
        if reading.kind(i) in {"comma", "stop", "hard", "cue", ""}:
            break
    for i in range(index - 1, index - 16, -1):
        if reading.kind(i) in {"compare", "now"}:
            return True
        if reading.kind(i) in {"head", "stop", "cue", ""}:
            break
    return False


def _doubted(reading: Reading, index: int) -> bool:
    """Whether the word of change is what is doubted: "potentially slightly smaller"."""
    before = index - 1
    while reading.kind(before) in {"adverb", "grade"} and before > index - 4:
        before -= 1
    return reading.kind(before) == "doubt"


def _compares_sign(reading: Reading, index: int) -> bool:
    """ "The vessels are less engorged"; not "more prominent in the bases"."""
    ends = {"", "comma", "stop", "hard", "and"}
    return reading.kind(index + 1) == "sign" and bool(reading.verb) and reading.kind(index + 2) in ends


def _speaks_of_the_rest(reading: Reading, index: int) -> bool:
    """ "Small effusion, otherwise unchanged", not "enlarged but otherwise unchanged"."""
    if not reading.mentions:
        return False
    before = index - 1
    while reading.kind(before) in {"adverb", "compare", "negation"} and before > index - 5:
        before -= 1
    return before > 0 and reading.tokens[before].words == "otherwise" and reading.kind(before - 1) in {"comma", "stop"}


def _speaks_of_lung(reading: Reading, index: int) -> bool:
    """Whether nothing but a place in the lungs follows: "stable appearance of the left upper lobe"."""
    if reading.ahead.head[index + 1] >= 0:
        return False
    behind = f"{reading.tokens[index].words} {reading.tokens[index + 1].words}" if reading.kind(index + 1) else ""
    if reading.ahead.listed[index + 1] >= 0 and not {"of", "in", "at"} & {*behind.split()}:
        return False  # "stable right lower lobe, lingular and left base opacities"
    last = index
    while last < index + 12 and reading.kind(last + 1) in {"of", "preposition", "article", "adverb", "side", "place"}:
        last += 1
    word = reading.tokens[last].words.rpartition(" ")[2]
    return word in LUNG_PLACES and reading.kind(last) == "place" and reading.kind(last + 1) in _PLACE_ENDS


def _compares_places(reading: Reading, index: int) -> bool:
    """ "Worse on the left", "more prominent in the bases"; not "larger on the right and smaller on the left"."""
    if _compared(reading, index) or reading.verb == "have" or not _placed(reading, index):
        return False
    around = (i for i in range(max(0, index - 12), index + 13) if i != index and reading.kind(i) == "cue")
    return not any(_placed(reading, i) for i in around)


def _placed(reading: Reading, index: int) -> bool:
    """Whether a place follows at once: "(larger) on the right"."""
    at = index + 2 if reading.kind(index + 2) != "article" else index + 3
    if reading.kind(index + 1) != "preposition":
        return False
    place = reading.kind(at) == "head" and reading.tokens[at].value.kind == "structure"
    return place or reading.kind(at) in {"side", "place", "stem"}


def _cue_belongs_ahead(reading: Reading, index: int, form: str) -> bool:
    if form in {"behind", "done", "perfect"}:
        return False
    if form == "noun":
        return reading.ahead.object[index + 1] >= 0
    said_behind = bool(reading.subject or reading.joint)
    if said_behind and reading.kind(index + 1) == "compare":  # "larger than before, and a small effusion"
        return False
    return reading.belongs_ahead(index, structures_only=False)


def only_described(reading: Reading, index: int, in_front: bool) -> bool:
    """Whether "increased" describes: "increased interstitial markings", "lung volumes are decreased"."""
    if _compared(reading, index) or (reading.verb == "have" and not in_front):
        return False
    if not in_front and any(it.has("change", "change-weak") for it in reading.subject):
        return False  # "is again seen and appears increased"
    head = reading.ahead.head[index + 1]
    if reading.kind(index + 1) == "sign-noun":  # "increased elevation of the diaphragm"
        return False
    if in_front and head >= 0:
        entry: Entry | None = reading.tokens[head].value
        graded = any(reading.kind(i) == "grade" for i in range(index + 1, min(head, index + 8)))
        if entry is not None and entry.kind == "finding" and (graded or reading.tokens[index].value[0] == "decreased"):
            return False  # "increased moderate left opacity"
    else:
        entry = reading.subject[-1].entry if reading.subject else None
    if entry is None or entry.described:
        return entry is not None
    if entry.kind == "structure" and reading.tokens[index].value[0] == "decreased":
        return "reduced" in entry.signs or "high" not in entry.signs  # not "decreased heart size"
    return entry.kind == "structure"


def _can_change(mention: Mention, token: Token, form: str) -> bool:
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
    sized = reading.kind(index + 1) == "number" and reading.kind(index + 2) == "unit"
    if sized and token.words.endswith((" to", " with")) and reading.subject:  # "measures 4 cm compared to 3 cm"
        reading.when = "was"


def _says_nothing_else(reading: Reading, at: int, denied: bool) -> bool:
    """Whether the clause around a word of change has no words of its own."""
    first = last = at
    while last + 1 < len(reading.tokens) and reading.kind(last + 1) not in _CLAUSE_ENDS | {"negation"}:
        last += 1
    while first > 0 and reading.kind(first - 1) not in _CLAUSE_ENDS and not denied:
        first -= 1
    if not denied and any(_names_something(reading, i) for i in range(first)):
        return False  # "a masked subject, stable"
    return not any(_names_something(reading, i) for i in range(first, last + 1))


def _names_something(reading: Reading, index: int) -> bool:
    """Whether a token may be a subject; a mask may be a date: "since XXXX"."""
    before = reading.tokens[index - 1].words.rpartition(" ")[2] if index else ""
    dated = before in {"since", "from", "to", "with"} or (
        before in {"in", "of"} and reading.kind(index - 2) == "compare"  # "with the study of XXXX"
    )
    return reading.kind(index) not in _EMPTY and not (reading.kind(index) == "mask" and dated)


def unknown(reading: Reading, index: int, token: Token) -> None:
    """A word that is not known: "interval advancement of the tube" does not place it."""
    reading.before.interval = False


def speak_of_before(reading: Reading) -> None:
    """A clause without a subject: "Unchanged.", "No interval change.", "Stable, no acute disease"."""
    token = reading.unbound
    if token is None or any(mention.start < token.start for mention in reading.mentions):
        return
    direction, form = token.value
    at = reading.tokens.index(token)
    denied = any(it.kind in {"negation", "not"} for it in reading.tokens[:at])
    if direction == ("new" if denied else "changed") or not _says_nothing_else(reading, at, denied and form == "noun"):
        return
    said = Said("change-weak" if form == "weak" else "change", "unchanged" if denied else direction)
    entry = WHOLE_STUDY if form == "noun" or reading.tokens[0].words == "otherwise" else None
    reading.mentions.insert(0, Mention(entry, token.start, token.end, said=[said]))

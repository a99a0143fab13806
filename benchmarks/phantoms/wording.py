"""What a radiologist would say of a phantom: findings, impression, questions and answers, all from the drawn sizes.

Each fact has a few wordings. The first is used most often, so that a model has one best answer to learn, and the
others keep it from being a single string to memorise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.phantoms.history import SIDES, SIZES, Direction, Finding, Visit, direction
from benchmarks.phantoms.stream import Stream

FIRST_WORDING = 0.7
"""How often the first wording is taken; the others share the rest."""

SENTENCES: dict[str, Sequence[str]] = {
    "present": ("There is {a} {size} {name}.", "{size} {name} is seen.", "{size} {name}."),
    "new": ("There is {a} new {size} {name}.", "New {size} {name}.", "{size} {name} is new since the prior study."),
    "larger": (
        "{size} {name} has increased since the prior study.",
        "{size} {name} is larger than before.",
        "Increased {size} {name}.",
    ),
    "smaller": (
        "{size} {name} has decreased since the prior study.",
        "{size} {name} is smaller than before.",
        "Decreased {size} {name}.",
    ),
    "resolved": ("{the} {name} has resolved.", "Resolved {name}.", "{the} prior {name} has cleared."),
    "unchanged": ("{size} {name} is unchanged.", "Unchanged {size} {name}.", "{size} {name} is stable."),
}
"""What became of a finding that has a size; {a} and {the} are empty for cardiomegaly, which is not counted."""

LINE_SENTENCES: dict[str, Sequence[str]] = {
    "present": ("{name} ends in the superior vena cava.", "{name} tip is in the superior vena cava."),
    "new": ("New {name} ends in the superior vena cava.", "New {name} tip is in the superior vena cava."),
    "resolved": ("The {name} has been removed.", "Interval removal of the {name}."),
    "unchanged": ("{name} is unchanged.", "Unchanged {name} ends in the superior vena cava."),
}
"""What became of a PICC."""

IMPRESSIONS: dict[str, Sequence[str]] = {
    "present": ("{size} {name}.",),
    "new": ("New {size} {name}.",),
    "larger": ("Increased {size} {name}.", "Worsening {size} {name}."),
    "smaller": ("Decreased {size} {name}.", "Improving {size} {name}."),
    "resolved": ("Resolved {name}.",),
    "unchanged": ("Unchanged {size} {name}.", "Stable {size} {name}."),
}

CLEAR_LUNGS = ("The lungs are clear.", "No focal lung opacity.")
NO_FLUID_OR_AIR = ("No pleural effusion or pneumothorax.", "There is no pleural effusion or pneumothorax.")
NO_FLUID = ("No pleural effusion.", "There is no pleural effusion.")
NO_AIR = ("No pneumothorax.", "There is no pneumothorax.")
NORMAL_HEART = ("The heart size is normal.", "Normal heart size.")
NOTHING_ACUTE = ("No acute cardiopulmonary abnormality.", "No acute findings.")

NO_CHANGE = "Nothing has changed."
ASKED = [
    *(Finding("pleural effusion", side) for side in SIDES),
    *(Finding("pneumothorax", side) for side in SIDES),
    *(Finding("PICC", side) for side in SIDES),
    Finding("cardiomegaly"),
]
"""What a question about presence may ask for when it is not there."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its answer."""

    text: str
    answer: str
    labels: tuple[str, ...]
    question_type: str
    semantic_type: str
    """"verify" (yes or no), "choose" (one of the given) or "query" (open)."""


def change_of(finding: Finding, visit: Visit, prior: Visit | None) -> str:
    """What is to be said of a finding: a direction, or "present" or "none" where there is no prior study."""
    level = visit.levels[finding]
    if prior is None:
        return "present" if level else "none"
    return direction(prior.levels[finding], level)


def changes(visit: Visit, prior: Visit | None) -> list[tuple[Finding, Direction]]:
    """What changed since the prior study; a finding that is in neither is left out. Empty without a prior study."""
    if prior is None:
        return []
    found = [(finding, direction(prior.levels[finding], level)) for finding, level in visit.levels.items()]
    return [(finding, way) for finding, way in found if way != "none"]


def findings_text(visit: Visit, prior: Visit | None, stream: Stream) -> str:
    """The findings section: lines, lungs, pleura, heart; what is in neither study is said to be absent."""
    said: dict[str, list[str]] = {"PICC": [], **{kind: [] for kind in SIZES}}
    for finding in visit.levels:
        change = change_of(finding, visit, prior)
        if change != "none":
            table = SENTENCES if finding.kind in SIZES else LINE_SENTENCES
            said[finding.kind].append(_say(table[change], finding, visit, stream))
    fluid, air = said["pleural effusion"], said["pneumothorax"]
    pleura = fluid + air
    if not pleura:
        pleura = [_pick(NO_FLUID_OR_AIR, stream)]
    elif not fluid:
        pleura = [*air, _pick(NO_FLUID, stream)]
    elif not air:
        pleura = [*fluid, _pick(NO_AIR, stream)]
    lungs = said["lung opacity"] or [_pick(CLEAR_LUNGS, stream)]
    heart = said["cardiomegaly"] or [_pick(NORMAL_HEART, stream)]
    return " ".join([*said["PICC"], *lungs, *pleura, *heart])


def impression_text(visit: Visit, prior: Visit | None, stream: Stream) -> str:
    """The impression section: what is there and what became of it, the new first; lines are left to the findings."""
    order = ("new", "larger", "smaller", "resolved", "unchanged", "present")
    stated = [(change_of(finding, visit, prior), finding) for finding in visit.levels if finding.kind in SIZES]
    stated = sorted((pair for pair in stated if pair[0] != "none"), key=lambda pair: order.index(pair[0]))
    if not stated:
        return _pick(NOTHING_ACUTE, stream)
    return " ".join(_say(IMPRESSIONS[change], finding, visit, stream) for change, finding in stated)


def questions(visit: Visit, stream: Stream) -> list[Asked]:
    """Questions about one picture: what is there, whether something is, how large and on which side."""
    names = tuple(finding.name for finding in visit.present)
    asked = [Asked("Which findings are present?", ", ".join(names) or "none", names, "abnormality", "query")]
    asked.append(_presence(visit, stream))
    sized = [finding for finding in visit.present if finding.kind in SIZES]
    if sized:
        finding = stream.choice(sized)
        options = SIZES[finding.kind]
        size = finding.size(visit.levels[finding])
        text = f"Is the {finding.name} {options[0]}, {options[1]} or {options[2]}?"
        asked.append(Asked(text, size, (size,), "level", "choose"))
    kinds = [finding.kind for finding in visit.present]
    one_sided = [finding for finding in visit.present if finding.side and kinds.count(finding.kind) == 1]
    if one_sided:
        finding = stream.choice(one_sided)
        text = f"On which side is the {finding.kind}?"
        asked.append(Asked(text, finding.side, (finding.side,), "location", "choose"))
    return asked


def difference_questions(visit: Visit, prior: Visit, stream: Stream) -> list[Asked]:
    """Questions about a picture and the prior one: every difference, the way of one finding, what is there now."""
    found = changes(visit, prior)
    told = " ".join(_difference(finding, way) for finding, way in found if way != "unchanged")
    ways = tuple(f"{finding.name} {way}" for finding, way in found if way != "unchanged")
    asked = [Asked("What has changed since the prior image?", told or NO_CHANGE, ways, "difference", "query")]
    if found:
        finding, way = stream.choice(found)
        text = f"Is the {finding.name} new, larger, smaller, resolved or unchanged?"
        asked.append(Asked(text, way, (way,), "level", "choose"))
    asked.append(_presence(visit, stream))
    return asked


def _presence(visit: Visit, stream: Stream) -> Asked:
    """A yes or no question; as many of the one as of the other where possible."""
    present = visit.present
    absent = [finding for finding in ASKED if not visit.levels.get(finding)]
    finding = stream.choice(present) if present and stream.chance(0.5) else stream.choice(absent)
    answer = "yes" if finding in present else "no"
    text = " ".join(f"Is there {finding.article} {finding.name}?".split())
    return Asked(text, answer, (answer,), "presence", "verify")


def _difference(finding: Finding, way: Direction) -> str:
    verb = "has" if way == "resolved" else "is"
    text = f"{'the ' if finding.article else ''}{finding.name} {verb} {way}."
    return text[0].upper() + text[1:]


def _pick(wordings: Sequence[str], stream: Stream) -> str:
    others = len(wordings) - 1
    if not others:
        return wordings[0]
    return stream.weighted(wordings, [FIRST_WORDING, *[(1 - FIRST_WORDING) / others] * others])


def _say(wordings: Sequence[str], finding: Finding, visit: Visit, stream: Stream) -> str:
    """A wording with the finding's name and size in it, and a capital at its start."""
    level = visit.levels[finding]
    text = _pick(wordings, stream).format(
        a=finding.article,
        the="the" if finding.article else "",
        size=finding.size(level) if level else "",
        name=finding.name,
    )
    text = " ".join(text.split())
    return text[0].upper() + text[1:]

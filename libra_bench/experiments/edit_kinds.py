"""The errors that a metric should see, the changes it should ignore, and the tricks it should not reward."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from libra_bench.experiments.edits import (
    Accept,
    Edit,
    Facts,
    LocalEdit,
    Outside,
    Propose,
    Replacement,
    TextEdit,
    facts_of,
    only_differs_in,
)
from libra_bench.metrics.statements.reader import report_statements

FINDING, PRESENCE, SIDE, SEVERITY, CHANGE = range(5)
"""Places in a fact."""

SIDES = {"left": "right", "right": "left", "leftward": "rightward", "rightward": "leftward"}
SEVERITIES = {
    "mild": "severe",
    "mildly": "severely",
    "minimal": "extensive",
    "minimally": "markedly",
    "small": "large",
    "slight": "marked",
    "slightly": "markedly",
    "trace": "large",
    "tiny": "large",
    "severe": "mild",
    "large": "small",
    "severely": "mildly",
    "marked": "slight",
    "markedly": "slightly",
    "extensive": "minimal",
    "moderate": "minimal",
    "massive": "small",
    "moderately": "minimally",
    "moderate-sized": "tiny",
}
DIRECTIONS = {
    "increased": "decreased",
    "decreased": "increased",
    "increasing": "decreasing",
    "decreasing": "increasing",
    "increase": "decrease",
    "decrease": "increase",
    "worsened": "improved",
    "improved": "worsened",
    "worsening": "improving",
    "improving": "worsening",
    "worse": "better",
    "better": "worse",
    "larger": "smaller",
    "smaller": "larger",
    "progressed": "improved",
    "improvement": "worsening",
    "progression": "improvement",
    "new": "resolved",
    "resolved": "new",
    "enlarging": "decreasing",
    "more": "less",
    "less": "more",
}
OPPOSITE = {"new": "resolved", "resolved": "new", "larger": "smaller", "smaller": "larger"}
SWAPPED_FINDINGS = (
    frozenset({"atelectasis", "consolidation", "edema", "pneumonia", "emphysema", "scarring"}),
    frozenset({"pleural effusion", "effusion", "pneumothorax", "nodule", "opacity", "infiltrate", "granuloma", "mass"}),
)
"""Findings that occur in the same places of a sentence: those without an article, and those with one."""
CRITICAL = (
    "There is a large right pneumothorax.",
    "There is free air under the diaphragm.",
    "There is a large mass in the left upper lobe.",
    "There is widening of the mediastinum.",
)
COMPARISON = ", increased since the prior study"
GENERIC_NORMAL = (
    "The heart is normal in size. The mediastinal contours are normal. The lungs are clear. There is no pleural "
    "effusion or pneumothorax. The bones are intact."
)
STUFFING = (
    "Unchanged, stable, new, increased, decreased, improved, worsened, resolved, again, interval, compared. Effusion, "
    "pneumothorax, consolidation, atelectasis, edema, opacity, cardiomegaly, pneumonia, nodule, fracture, catheter."
)
SYNONYMS: Mapping[str, str] = {
    "cardiomegaly": "enlargement of the heart",
    "no evidence of": "no sign of",
    "there is no": "no",
    "is seen": "is noted",
    "are seen": "are noted",
    "is noted": "is present",
    "is identified": "is seen",
    "is present": "is seen",
    "unchanged": "not significantly changed",
    "stable": "unchanged",
    "within normal limits": "normal",
    "is normal in size": "is of normal size",
    "heart size is normal": "the heart is normal in size",
    "the heart is normal in size": "heart size is normal",
    "pleural effusion": "pleural fluid",
    "chest x-ray": "radiograph",
    "both lungs": "the lungs",
    "ng tube": "nasogastric tube",
    "et tube": "endotracheal tube",
    "nasogastric tube": "NG tube",
    "endotracheal tube": "ET tube",
    "acute": "active",
    "lungs are clear": "lungs are free of opacities",
    "osseous structures": "bones",
    "mediastinal silhouette": "mediastinal contour",
}
"""Paraphrases; a replacement counts only if the reader reads the same statements."""
_SENTENCE = re.compile(r"[^.!?\n]*[.!?]+(?=\s|$)|[^.!?\n]+(?=\n|$)")
_ARTICLE = re.compile(r"\b(an?) $", re.IGNORECASE)
_NUMBER = re.compile(r"\b(\d+(?:\.\d+)?)(?=\s*(?:-\s*)?(?:cm|mm|centimeters?|millimeters?)\b)", re.IGNORECASE)
_DENIALS = (
    (re.compile(r"\b(there (?:is|are)) no(?: evidence of| sign of| signs of)? ", re.IGNORECASE), r"\1 "),
    (re.compile(r"(?:(?<=^)|(?<=[.\n] )|(?<=\n))no(?: evidence of| sign of)? (?=[a-z])", re.IGNORECASE), "There is "),
    (re.compile(r"\bwithout(?: evidence of| sign of)? ", re.IGNORECASE), "with "),
    (re.compile(r"\b(there is) (?:an? )?(?=[a-z])(?!no\b)", re.IGNORECASE), r"\1 no "),
    (re.compile(r"\b(there are) (?=[a-z])(?!no\b)", re.IGNORECASE), r"\1 no "),
)
_SAID_CHANGES = (
    (
        re.compile(r"\b(is|are|remains?|appears?) (?:stable|unchanged|increased|decreased|improved|worsened)\b", re.I),
        r"\1 seen",
    ),
    (re.compile(r"\b(?:has|have) (?:slightly |mildly )?(?:increased|decreased|improved|worsened)\b", re.I), "is seen"),
    (re.compile(r"\b(?:stable|unchanged|persistent|new|interval|increased|decreased|again) ", re.I), ""),
    (
        re.compile(
            r",? (?:again|unchanged|(?:since|compared (?:to|with)) (?:the )?prior(?: study| exam)?)\b",
            re.I,
        ),
        "",
    ),
    (re.compile(r"\b(remains|remain)\b", re.I), "is"),
)


def _swap(table: Mapping[str, str]) -> re.Pattern[str]:
    words = "|".join(sorted(map(re.escape, table), key=len, reverse=True))
    return re.compile(rf"\b(?:{words})\b", re.IGNORECASE)


def _from_table(table: Mapping[str, str]) -> Propose:
    pattern = _swap(table)

    def propose(text: str, outside: Outside) -> Iterator[Replacement]:
        for match in pattern.finditer(text):
            yield Replacement(match.start(), match.end(), _cased(match.group(), table[match.group().lower()]))

    return propose


def _from_patterns(patterns: Sequence[tuple[re.Pattern[str], str]]) -> Propose:
    def propose(text: str, outside: Outside) -> Iterator[Replacement]:
        for pattern, words in patterns:
            for match in pattern.finditer(text):
                new = match.expand(words)
                yield Replacement(match.start(), match.end(), _cased(match.group(), new) if new else new)

    return propose


def _cased(old: str, new: str) -> str:
    """The new words, with a capital where the old ones had one."""
    return new[:1].upper() + new[1:] if old[:1].isupper() else new


def _swap_findings(text: str, outside: Outside) -> Iterator[Replacement]:
    said = {statement.finding for statement in report_statements(text)}
    for statement in report_statements(text):
        words = text[statement.start : statement.end]
        group = next((names for names in SWAPPED_FINDINGS if words.lower() in names), frozenset())
        others = sorted(name for name in group if name not in said and name not in text.lower())
        if not others:
            continue
        new = outside.generator.choice(others)
        article = _ARTICLE.search(text, 0, statement.start)
        if article is None:
            yield Replacement(statement.start, statement.end, _cased(words, new))
        else:
            fitting = _cased(article.group(1), "an" if new[0] in "aeiou" else "a")
            yield Replacement(article.start(1), statement.end, f"{fitting} {new}")


def _of_present(accept: Accept) -> Accept:
    """Only of what the text says is there."""
    return lambda gone, new: all(fact[PRESENCE] == "present" for fact in gone) and accept(gone, new)


def _omit_sentences(text: str, outside: Outside) -> Iterator[Replacement]:
    for match in _SENTENCE.finditer(text):
        is_first = not text[: match.start()].strip()
        after = text[match.end() :]
        end = match.end() + (len(after) - len(after.lstrip()) if is_first else 0)
        yield Replacement(match.start(), end, "")


def _omitted(gone: Facts, new: Facts) -> bool:
    return not new and any(fact[PRESENCE] == "present" for fact in gone)


def _insert_critical(text: str, outside: Outside) -> Iterator[Replacement]:
    present = {fact[FINDING] for fact in facts_of(text) if fact[PRESENCE] == "present"}
    for sentence in CRITICAL:
        if not present & {fact[FINDING] for fact in facts_of(sentence)}:
            yield Replacement(len(text), len(text), f" {sentence}")


def _inserted(gone: Facts, new: Facts) -> bool:
    return not gone and any(fact[PRESENCE] == "present" for fact in new)


def _compare_falsely(text: str, outside: Outside) -> Iterator[Replacement]:
    for match in _SENTENCE.finditer(text):
        end = match.start() + len(match.group().rstrip(".!? "))
        yield Replacement(end, end, COMPARISON)


def _measure_wrongly(text: str, outside: Outside) -> Iterator[Replacement]:
    for match in _NUMBER.finditer(text):
        yield Replacement(match.start(), match.end(), f"{3 * float(match.group()):g}")


def _nothing_changed(gone: Facts, new: Facts) -> bool:
    return not gone and not new


def _flipped_presence(gone: Facts, new: Facts) -> bool:
    """The same findings on the same sides, present for absent; a finding that is absent has no severity or change."""
    old = sorted((fact[FINDING], str(fact[SIDE]), fact[PRESENCE]) for fact in gone.elements())
    now = sorted((fact[FINDING], str(fact[SIDE]), fact[PRESENCE]) for fact in new.elements())
    return (
        bool(old)
        and len(old) == len(now)
        and all(a[:2] == b[:2] and {a[2], b[2]} == {"present", "absent"} for a, b in zip(old, now, strict=True))
    )


def _shuffled(text: str, outside: Outside) -> str | None:
    pieces = [match.group().strip() for match in _SENTENCE.finditer(text) if match.group().strip()]
    if len(pieces) < 3:
        return None
    outside.generator.shuffle(pieces)
    return " ".join(pieces)


def _paraphrased(text: str, outside: Outside) -> str | None:
    pattern, before = _swap(SYNONYMS), facts_of(text)
    place, edited = 0, text
    while (match := pattern.search(edited, place)) is not None:
        new = _cased(match.group(), SYNONYMS[match.group().lower()])
        candidate = edited[: match.start()] + new + edited[match.end() :]
        if facts_of(candidate) == before:
            edited, place = candidate, match.start() + len(new)
        else:
            place = match.end()
    return edited


def _other_case(text: str, outside: Outside) -> str | None:
    return re.sub(r"\s+", " ", re.sub(r",(?=\s)", "", text)).strip().upper().rstrip(".")


def _repeated(text: str, outside: Outside) -> str | None:
    pieces = [match.group().strip() for match in _SENTENCE.finditer(text) if match.group().strip()]
    return " ".join(piece for piece in pieces for _ in range(2)) if pieces else None


EDITS: tuple[Edit, ...] = (
    LocalEdit("negation", _from_patterns(_DENIALS), _flipped_presence),
    LocalEdit("side", _from_table(SIDES), only_differs_in(SIDE, lambda old, new: {old, new} == {"left", "right"})),
    LocalEdit("severity", _from_table(SEVERITIES), only_differs_in(SEVERITY, lambda old, new: None not in (old, new))),
    LocalEdit(
        "direction", _from_table(DIRECTIONS), only_differs_in(CHANGE, lambda old, new: OPPOSITE.get(old or "") == new)
    ),
    LocalEdit("finding", _swap_findings, _of_present(only_differs_in(FINDING, lambda old, new: old != new))),
    LocalEdit("omission", _omit_sentences, _omitted),
    LocalEdit("insertion", _insert_critical, _inserted),
    LocalEdit("false-comparison", _compare_falsely, _of_present(only_differs_in(CHANGE, lambda old, new: old is None))),
    LocalEdit(
        "missing-comparison", _from_patterns(_SAID_CHANGES), only_differs_in(CHANGE, lambda old, new: new is None)
    ),
    LocalEdit("measurement", _measure_wrongly, _nothing_changed),
    TextEdit("shuffle", _shuffled, "harmless", keeps_facts=True),
    TextEdit("paraphrase", _paraphrased, "harmless", keeps_facts=True),
    TextEdit("case-and-punctuation", _other_case, "harmless", keeps_facts=True),
    TextEdit("repetition", _repeated, "gaming"),
    TextEdit("stuffing", lambda text, outside: f"{text} {STUFFING}", "gaming"),
    TextEdit("generic-normal", lambda text, outside: GENERIC_NORMAL, "gaming"),
    TextEdit(
        "copied-other",
        lambda text, outside: outside.generator.choice(outside.others) if outside.others else None,
        "gaming",
    ),
)
"""In the order in which they are shown."""

"""What looks wrong in a text that should be a report: what people look for before they trust a long run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from benchmarks.predictions.cleaning import clean
from benchmarks.records.run import RunRecord
from benchmarks.schema import Answer

ECHOED_WORDS = 8
"""So many words of the prompt in a row are an echo."""
REPEATED_WORDS, REPEATS = 6, 4
"""So many words in a row, so many times, are a loop."""
FOREIGN_SHARE = 0.1
"""Of letters outside the Latin alphabet."""

_MARKDOWN = re.compile(r"\*\*\S|^#{1,6} |^\s*[-*•] |```|^\s*\|.*\|", re.MULTILINE)
_CHAT_TOKENS = re.compile(r"<\|[^|<>]{1,40}\|>|</?s>|<(?:end|start)_of_turn>|<eos>|</?think>")
_JSON = re.compile(r"\A\s*(?:```(?:json)?\s*)?[{\[]\s*[\"{\[]")
_HEADING = re.compile(r"\A\W*(?:findings?|impressions?|report)\W*:", re.IGNORECASE)
_REFUSAL = re.compile(
    r"\b(?:"
    r"I(?:'m| am) (?:sorry|unable|not able)"
    r"|I can(?:not|'t) (?:view|see|provide|analy|interpret|assist|help|give|diagnos|access)"
    r"|as an AI|as a language model"
    r"|(?:cannot|can't|unable to) (?:provide|offer|give) (?:a )?(?:medical|diagnos)"
    r"|not a (?:doctor|radiologist|substitute for)"
    r"|consult (?:a|your|with a) (?:qualified |healthcare |medical )?(?:doctor|physician|radiologist|professional)"
    r"|no image (?:was|is|has been) (?:provided|attached)"
    r")",
    re.IGNORECASE,
)
_OTHER_WORDS = frozenset(
    [
        "der",
        "die",
        "das",
        "und",
        "ist",
        "nicht",
        "kein",
        "keine",
        "mit",
        "eine",
        "les",
        "des",
        "est",
        "pas",
        "une",
        "sans",
        "avec",
        "dans",
        "los",
        "las",
        "una",
        "sin",
        "con",
        "del",
        "por",
        "derrame",
        "pulmones",
        "corazón",
        "não",
        "sem",
        "com",
        "pulmão",
        "coração",
        "il",
        "gli",
        "della",
        "senza",
        "sono",
        "polmoni",
    ]
)
"""Frequent words of German, French, Spanish, Portuguese and Italian that English does not have."""


def suspicions(text: str, *, prompt: str = "", finish: str | None = None) -> tuple[str, ...]:
    """What looks wrong in a text, in a fixed order; empty where nothing does.

    Args:
        text: as the model wrote it, or cleaned.
        prompt: what was asked.
        finish: how generation ended; "length": it was cut off.
    """
    if not text.strip():
        return ("empty",)
    found = {
        "truncated": finish == "length",
        "prompt echoed": _echoes(text, prompt),
        "JSON": bool(_JSON.match(text)),
        "Markdown": bool(_MARKDOWN.search(text)),
        "heading": bool(_HEADING.match(text)) and not _JSON.match(text),
        "chat tokens": bool(_CHAT_TOKENS.search(text)),
        "refusal": bool(_REFUSAL.search(text)),
        "other language": _is_foreign(text),
        "repeats itself": _loops(text),
    }
    return tuple(name for name, is_there in found.items() if is_there)


def count_suspicions(answers: Iterable[Answer], cleaning: str) -> dict[str, int]:
    """How many cleaned texts have what looks wrong; failures, empty and truncated texts are counted elsewhere."""
    counts: Counter[str] = Counter()
    for answer in answers:
        if not answer.failed and not answer.empty:
            found = suspicions(clean(answer.text, cleaning), prompt=answer.prompt)
            counts.update(name for name in found if name != "empty")
    return dict(counts)


def recleaned(record: RunRecord, answers: Iterable[Answer], cleaning: str) -> RunRecord:
    """The record of a run whose texts are cleaned by this rule."""
    counts = count_suspicions(answers, cleaning) if record.model.kind == "model" else {}
    return record.model_copy(update={"cleaning": cleaning, "suspicious": counts})


def _echoes(text: str, prompt: str) -> bool:
    asked = prompt.lower().split()
    written = f" {' '.join(text.lower().split())} "
    runs = range(len(asked) - ECHOED_WORDS + 1)
    return any(f" {' '.join(asked[at : at + ECHOED_WORDS])} " in written for at in runs)


def _is_foreign(text: str) -> bool:
    letters = [letter for letter in text if letter.isalpha()]
    if sum(letter > "\u024f" for letter in letters) > FOREIGN_SHARE * len(letters):
        return True
    words = re.findall(r"\w+", text.lower())
    return sum(word in _OTHER_WORDS for word in words) > max(2, 0.1 * len(words))


def _loops(text: str) -> bool:
    words = text.lower().split()
    runs = Counter(tuple(words[at : at + REPEATED_WORDS]) for at in range(len(words) - REPEATED_WORDS + 1))
    return any(count >= REPEATS for count in runs.values())

"""Texts as models write them, cleaned of what is no report before they are scored. What was written is never changed.

A rule has a name with a version, which is recorded with a run and stands in the signature of its scores: another rule
is another score. `none` leaves a text as it is.
"""

from __future__ import annotations

import re
from typing import Any

from benchmarks.errors import UnknownNameError
from benchmarks.files.json_text import shallow_json

NO_CLEANING = "none"
RULES = {
    NO_CLEANING: "the text as it was written",
    "report-1": "without thinking, chat tokens, Markdown, JSON and the headings Findings and Impression",
    "findings-1": "as report-1; of a text with both headings the findings alone",
    "impression-1": "as report-1; of a text with both headings the impression alone",
}
"""Name -> what is left."""

END_TOKENS = ("<|end|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<end_of_turn>", "<eos>", "</s>")
"""What follows one of these is no longer the answer."""
_END = re.compile("|".join(map(re.escape, END_TOKENS)))
_CHAT_TOKEN = re.compile(r"<\|[^|<>]{1,40}\|>|<start_of_turn>(?:model)?|<bos>|<s>")
_THINKING = re.compile(r"\A(?:.*?<think>)?.*?</think>", re.DOTALL)
_FENCE = re.compile(r"\A\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
_LINE_MARK = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|[-*+•][ \t]+|\d{1,2}[.)][ \t]+|>[ \t]*)", re.MULTILINE)
_RULER = re.compile(r"^[ \t]*(?:-{3,}|\*{3,}|_{3,}|={3,})[ \t]*$", re.MULTILINE)
_EMPHASIS = re.compile(r"(\*\*\*|\*\*|\*|__)(?=\S)(.+?)(?<=\S)\1")
_HEADING = re.compile(r"(?:\A|\n|(?<=[.!?])[ \t]+)[ \t]*(findings?|impressions?|conclusions?)[ \t]*:", re.IGNORECASE)
_SECTION = {"finding": "findings", "impression": "impression", "conclusion": "impression"}


def rule_named(name: str) -> str:
    """The name, if there is such a rule.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in RULES:
        raise UnknownNameError("cleaning", name, RULES)
    return name


def rule_for_section(rule: str, sections: tuple[str, ...]) -> str:
    """The rule that keeps the section that a suite asks for, where `rule` is `report-1` and there is one."""
    if rule == "report-1" and sections in (("findings",), ("impression",)):
        return f"{sections[0]}-1"
    return rule


def signed(signature: str, rule: str) -> str:
    """The signature of a metric over cleaned texts."""
    return signature if rule == NO_CLEANING else f"{signature}|clean:{rule}"


def clean(text: str, rule: str) -> str:
    """A text as it is scored."""
    if rule_named(rule) == NO_CLEANING:
        return text
    wanted = rule.removesuffix("-1")
    text = _CHAT_TOKEN.sub(" ", _END.split(_THINKING.sub("", text), maxsplit=1)[0])
    if fenced := _FENCE.match(text):
        text = fenced[1]
    if (parts := _json_sections(text)) is not None:
        return _one_line(parts.get(wanted) or " ".join(parts.values()))
    text = _EMPHASIS.sub(r"\2", _LINE_MARK.sub("", _RULER.sub("", text)))
    pieces = _HEADING.split(text)
    sections: dict[str, str] = {}
    for heading, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        name = _SECTION[heading.lower().removesuffix("s")]
        sections[name] = f"{sections.get(name, '')} {piece}"
    if len(sections) > 1 and wanted in sections:
        return _one_line(sections[wanted])
    return _one_line(" ".join([pieces[0], *pieces[2::2]]))


def _json_sections(text: str) -> dict[str, str] | None:
    """The texts of a JSON object, by section or else by key; None where the text is none."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = shallow_json(text)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    parts: dict[str, str] = {}
    for key, value in found.items():
        name = _SECTION.get(str(key).lower().removesuffix("s"), str(key))
        parts[name] = f"{parts.get(name, '')} {_text_of(value)}".strip()
    return parts


def _text_of(value: Any) -> str:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return " ".join(filter(None, map(_text_of, value)))
    return value if isinstance(value, str) else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())

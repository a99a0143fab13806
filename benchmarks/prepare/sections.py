"""Split a MIMIC-CXR free-text report into its sections, by the published rules.

A header is a line break, a space, capitals and a colon. Kept as published: the last section of a name wins, a header
on the line right after another header's is text of that one, and studies that were cut by hand have no sections.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.prepare.section_rules import (
    COLUMNS,
    CONCLUSION_SECTION,
    CONCLUSION_SPAN,
    FINDINGS_WORDS,
    SECTION_OF_HEADER,
    SECTION_WORDS,
)

_HEADER = re.compile(r"\n ([A-Z ()/,-]+):\s")
_PARAGRAPH = "\n \n"


@dataclass(frozen=True, slots=True)
class SectionedReport:
    """One report, cut."""

    study: str
    """The study as the file is named: "s50414267"."""
    conclusion: str
    """The most telling section: what a labeller would read."""
    sections: tuple[str | None, ...] | None
    """One text per column of COLUMNS, None where the report has none; None for a study that was cut by hand."""


def section_text(text: str) -> tuple[list[str], list[str], list[int]]:
    """Cut a report's text.

    Returns:
        The sections' texts (not stripped), their normalised names, and where each starts in `text`.
    """
    texts, names, starts = _cut(text)
    names = [section_name(name) for name in names]
    for index in reversed(range(len(names))):
        if names[index] in ("impression", "findings") and not texts[index].strip():
            del texts[index], names[index], starts[index]
    if "impression" not in names and "findings" not in names and _PARAGRAPH in texts[-1]:
        texts[-1], rest = texts[-1].split(_PARAGRAPH, maxsplit=1)
        names.append("last_paragraph")
        starts.append(starts[-1] + len(texts[-1]))
        texts.append(rest)
    return texts, names, starts


def _cut(text: str) -> tuple[list[str], list[str], list[int]]:
    header = _HEADER.search(text)
    if header is None:
        return [text], ["full report"], [0]
    texts, names, starts = [text[: header.start(1)]], ["preamble"], [0]
    while header is not None:
        start = header.end()
        line_end = text.find("\n", start)
        following = _HEADER.search(text, max(start, line_end))
        texts.append(text[start : following.start() if following else len(text)])
        names.append(header[1])
        starts.append(start)
        header = following
    return texts, names, starts


def section_name(header: str) -> str:
    """The section that a header means; an unknown header is its own section, in lower case."""
    header = header.lower().strip()
    if header in SECTION_OF_HEADER:
        return SECTION_OF_HEADER[header]
    for word in SECTION_WORDS:
        if word in header:
            return word
    return "findings" if any(word in header for word in FINDINGS_WORDS) else header


def section_report(study: str, text: str) -> SectionedReport:
    """Cut one report, whose line ends are plain newlines, with the rules for single studies.

    Args:
        study: "s50414267".
        text: the whole report.
    """
    if study in CONCLUSION_SPAN:
        start, end = CONCLUSION_SPAN[study]
        return SectionedReport(study, text[start:end], None)
    texts, names, _ = section_text(text)
    if study in CONCLUSION_SECTION:
        return SectionedReport(study, _last(texts, names, CONCLUSION_SECTION[study]) or "", None)
    sections = tuple(_last(texts, names, column) for column in COLUMNS)
    return SectionedReport(study, next((section for section in sections if section is not None), ""), sections)


def _last(texts: Sequence[str], names: Sequence[str], wanted: str) -> str | None:
    return next((texts[i].strip() for i in reversed(range(len(names))) if names[i] == wanted), None)

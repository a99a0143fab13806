"""From the text of a report to its sentences: sections, lists, line breaks, markup.

Offsets are those of the text as it was given: what is no prose (tags, headings) is blanked out, never cut out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_BLOCK_TAG = re.compile(r"</?(?:br|p|div|li|ul|ol|tr|td|table|h\d|section)\b[^<>]{0,200}>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>|&(?:nbsp|lt|gt|amp|quot|#\d{1,5});", re.IGNORECASE)
_INLINE = "(?i:findings|impression|conclusion|comparison|technique|indication|history|exam|examination)"
"""Headings that are found inside a line, too: "Comparison: none Findings: clear lungs"."""
_HEADING = re.compile(
    r"(?:^|(?<=[.!?\n])|(?<=\s)(?=" + _INLINE + r":))[ \t#*>-]*(?:\d{1,2}[.)][ \t]*)?([A-Za-z][A-Za-z /&]{2,40}):",
    re.MULTILINE,
)
_NO_FINDINGS = re.compile(
    r"(?:\w+ )?(?:indications?|history|technique|comparisons?|reason for (?:this |the )?(?:exam|examination|study)"
    r"|clinical (?:information|data|details|question)|exam(?:ination)?|procedure|study|recommendations?|notifications?"
    r"|signed|dictated|attending|views?|date|patient|protocol)",
    re.IGNORECASE,
)
"""Sections that state no findings of this examination."""
_SECTION = re.compile(
    r"(?:final |preliminary )?(?:findings?|impressions?|report|conclusions?|results?|opinion|interpretation|summary"
    r"|addendum)(?: and \w+)?",
    re.IGNORECASE,
)
"""Headings that are no words of their first sentence; "Lungs:" is."""
_END = re.compile(
    r"[.!?]+(?=\s|$|[\"')\]]|(?<=[a-z]\.)[A-Z][a-z])"
    r"|\n[ \t]*\n"
    r"|\n(?=[ \t]*(?:\d{1,2}[.)]|[-•*–])[ \t])"
    r"|\n(?=[ \t]*[A-Z][a-z]+)"
)
_NO_END = re.compile(
    r"(?:\b(?:dr|mr|mrs|ms|vs|approx|e\.g|i\.e|a\.m|p\.m|no|st)|(?:^|[\n.:;])\s*\(?\d{1,2})$", re.IGNORECASE
)
"""A full stop behind these ends no sentence: abbreviations, the number of a list item."""
_PARAGRAPH = re.compile(r"\n\s*\n")
_SENTENCE_OR_PARAGRAPH = re.compile(r"[.!?](?=\s)|\n\s*\n")
_LINE_END = re.compile(r"\n")
_SHORT_LINE = 50
"""Characters; a longer line that ends without a stop is wrapped prose."""
_HANGS = re.compile(
    r"(?:,|\b(?:and|or|of|the|a|an|in|with|without|no|to|at|on|is|are|left|right|both|for|from|by))\s*$", re.IGNORECASE
)


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield (where it starts, its words) of each sentence that may state a finding."""
    prose = _prose(text)
    unpunctuated = not re.search(r"[.!?;](?:\s|$)", prose) and len(re.findall(r"\S+", prose)) >= 2 * (
        prose.count("\n") + 1
    )
    start = 0
    for match in re.compile(r"\n").finditer(prose) if unpunctuated else _END.finditer(prose):
        if match.start() < start or not (unpunctuated or _ends(prose, start, match)):
            continue
        yield from _trimmed(prose, start, match.end())
        start = match.end()
    yield from _trimmed(prose, start, len(prose))


def _trimmed(prose: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    words = prose[start:end]
    body = words.strip()
    if body:
        yield start + len(words) - len(words.lstrip()), body


def _ends(prose: str, start: int, match: re.Match[str]) -> bool:
    before = prose[max(start, match.start() - 60) : match.start()]
    if match.group()[0] != "\n":
        return not _NO_END.search(before[-12:])
    if "\n" in match.group()[1:] or not re.match(r"[ \t]*[A-Z]", prose[match.end() : match.end() + 20]):
        return True
    line = before.rpartition("\n")[2]
    return len(line) < _SHORT_LINE and " " in line.strip() and not _HANGS.search(line)


def _prose(text: str) -> str:
    """The text with tags, headings and sections without findings blanked out, of the same length."""
    text = _BLOCK_TAG.sub(lambda tag: "\n" * len(tag.group()), text) if "<" in text else text
    text = _TAG.sub(lambda tag: " " * len(tag.group()), text) if "<" in text or "&" in text else text
    if ":" not in text:
        return text
    headings = list(_HEADING.finditer(text))
    pieces, done = [], 0
    for index, heading in enumerate(headings):
        name = " ".join(heading.group(1).split())
        if _SECTION.fullmatch(name):
            end = heading.end()
        elif _NO_FINDINGS.fullmatch(name):
            following = headings[index + 1].start() if index + 1 < len(headings) else None
            end = _section_end(text, heading.end(), following)
        else:
            continue
        pieces += [text[done : heading.start()], _blank(text[heading.start() : end])]
        done = end
    return "".join([*pieces, text[done:]])


def _section_end(text: str, start: int, following: int | None) -> int:
    """A section ends with the next heading or an empty line; the last one with its sentence."""
    limit = len(text) if following is None else following
    content = limit - len(text[start:limit].lstrip())
    end = (_SENTENCE_OR_PARAGRAPH if following is None else _PARAGRAPH).search(text, content, limit)
    return end.end() if end else limit


def _blank(piece: str) -> str:
    return "\n" * len(piece)

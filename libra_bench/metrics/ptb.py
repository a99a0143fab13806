"""Penn-Treebank words as the caption evaluation (coco) prepares them: lower case, most punctuation dropped.

After Stanford's PTBTokenizer 3.4.1 (`-lowerCase`) with coco's list of dropped punctuation, for English reports; the
tokenizer itself is a Java program. As in its lexer, the longest match of several patterns counts at each place. Its
quirks are kept: brackets stay, as ``-lrb-`` and ``-rrb-``, since coco drops their capital spelling and the tokenizer
gives the small one; "cxr.," keeps its full stop; "v76.12" is "v76" and ".12". Equal to the Java program on 7,383 texts
of real de-identified reports, on made-up chains of report words in 99 % (docs/metrics.md says what differs).
"""

from __future__ import annotations

import re
from functools import lru_cache

VERSION = 2
"""Part of the signature of every metric that reads these words."""
_BRACKETS = str.maketrans({"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"})
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
_DROPPED = re.compile(r"[`'\"?!,:;]|``|''|&quot;|\.|\.\.\.|-+")
_SPELLED = str.maketrans({"’": "'", "‘": "`", "“": "``", "”": "''", "–": "--", "—": "--", "…": "...", "½": "1/2"})

_NUMBER = r"(?:\d*(?:[.:,]\d+)+|\d+)"
_ELISION = r"(?:[dol]'(?=[a-z0-9]))?"
_HYPHENATED = rf"(?:-{_ELISION}(?:[^\W_]+|{_NUMBER}))*"
_SLASHED = r"[^\W_]+(?:-[^\W\d_]+){0,2}"
_ALWAYS = (
    r"jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|mon|tues?|wed|thu(?:rs)?|fri|ala|ariz|calif|colo|conn|ct|dak|fla|ga|"
    r"ind|kans?|ky|md|mich|minn|mo|mont|neb|nev|okla|penn|tenn|va|vt|wisc?|wyo|inc|cos?|corp|ltd|plc|assn|univ|intl|tel|"
    r"est|ext|sq|jr|sr|bros|esq|etc|al|bldg|mrs?|ms|drs?|profs?|sens?|reps?|lt|col|gen|messrs|govs?|adm|rev|maj|sgt|cpl|"
    r"pvt|capt|st[ae]?|ave|pres|lieut|hon|cmdr|mt|ft|mlle|mme|natl|dept|blvd|rd|cf|vs|[a-z](?:\.[a-z])*"
)
_BEFORE_NUMBERS = r"ca|figs?|nos?|vols?|sect?s?|arts?|pp|op|chs?"
_SPLIT = re.compile(r"can(?=not\b)|(?:gon|got|lem|gim|wan)(?=(?:na|ta|me)\b)|[^\W\d_]+(?=n't)", re.IGNORECASE)
_PATTERNS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"</?[a-z][\w:.-]*(?: +[\w:.-]+(?: *= *(?:'[^']*'|\"[^\"]*\"|[\w.-]+))?)* */?>|<[!?][a-z-][^>]*>",
        r"&(?:lt|gt|quot|apos|#\d+|[aeiou](?:acute|grave|uml));|&(?:amp;)?",
        rf"(?:{_ALWAYS})\.",
        rf"(?:{_BEFORE_NUMBERS})\.(?=\s*\d)",
        r"[^\W\d_][^\W_]*\.(?=[,;:])|\d+\.(?=[,;:])",
        r"n't[a-z]*|'(?:s|m|d|re|ve|ll)(?![a-z])",
        r"[^\W\d_][^\W_]*(?:[.!?][^\W\d_][^\W_]*)*",
        rf"{_ELISION}[^\W_]+{_HYPHENATED}",
        rf"[-+]?{_NUMBER}",
        rf"{_SLASHED}(?:/{_SLASHED}){{1,2}}",
        r"[^\W_](?:[^\W_]|[.,]){0,100}(?:[-_][^\W_]+)+",
        r"(?:\d{1,4}[- \xa0])?\d{1,4}/\d{1,4}",
        r"\d{1,2}[-/]\d{1,2}[-/]\d{2,4}",
        r"(?-i:[A-Z]+(?:&[A-Z]+)+)",
        r"[<>]?[:;=][-o*']?[()dpo\\{@|\[\]](?![a-z0-9])|[#@][a-z]\w*[^\W_]",
        r"o'clock|'t(?=is\b)",
        r"[\w.%+-]+@[\w-][\w.-]*\w|https?://\S+|www\.[\w-]+(?:\.[\w-]+)+",
        r"\.{3}|-{2,}|[!?]+|_+|\*+|#+|@+|``|''|<<|>>",
        r"\S",
    )
]


@lru_cache(maxsize=1 << 14)
def ptb_words(text: str) -> tuple[str, ...]:
    """The lower-cased words of a text, without the punctuation that coco drops.

    A mixed number ("1 1/2") is one word with a non-breaking space in it, as from the Java program.
    """
    found = []
    text = text.translate(_SPELLED)
    place, end = 0, len(text)
    while place < end:
        if text[place].isspace():
            place += 1
            continue
        match = _SPLIT.match(text, place)
        token = match.group() if match else max((m.group() for p in _PATTERNS if (m := p.match(text, place))), key=len)
        place += len(token)
        found.append(token)
    words = (_ENTITIES.get(token, token).translate(_BRACKETS).lower().replace(" ", "\xa0") for token in found)
    return tuple(word for word in words if not _DROPPED.fullmatch(word))

"""How large the findings of a report are, where it says so in millimetres or centimetres."""

from __future__ import annotations

import re
from collections.abc import Sequence

from libra_bench.metrics.statements.sentences import sentences
from libra_bench.metrics.statements.statement import Statement

_NUMBER = r"\d{1,3}(?:\.\d+)?"
_SIZE = re.compile(
    rf"(?<![\d.])({_NUMBER})(?:\s*(?:cm|mm)?\s*[x×]\s*{_NUMBER})*[\s-]*(cm|mm|centimet\w+|millimet\w+)\b"
    r"(?!\s+(?:above|below|from|proximal|distal|beyond|past|inferior|superior|short))",  # where a tube ends
    re.IGNORECASE,
)


def sizes_in_mm(text: str, statements: Sequence[Statement]) -> dict[Statement, float]:
    """The size of each statement that has one, in mm: a size belongs to the nearest statement of its sentence.

    Of "3 x 2 cm" the first number counts; of several sizes of a statement the first ("now 14 mm, previously 9 mm").
    """
    found: dict[Statement, float] = {}
    if not statements or not _SIZE.search(text):
        return found
    for start, words in sentences(text):
        own = [said for said in statements if start <= said.start < start + len(words)]
        for match in _SIZE.finditer(words) if own else ():
            at = start + match.start(), start + match.end()
            gaps = [max(at[0] - said.end, said.start - at[1]) for said in own]
            unit = 10 if match[2].lower().startswith("c") else 1
            found.setdefault(own[gaps.index(min(gaps))], float(match[1]) * unit)
    return found

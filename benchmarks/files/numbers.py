"""Numbers among texts: ids, sizes, steps."""

from __future__ import annotations

import re

from benchmarks.files.json_text import MAX_INTEGER, MIN_INTEGER

_WHOLE = re.compile("0|-?[1-9][0-9]{0,19}")


def whole_number(text: str) -> int | None:
    """The number of at most 64 bits that a text plainly writes (-3; not 007, ², 1e3); None where it does not."""
    if not _WHOLE.fullmatch(text):
        return None
    return number if MIN_INTEGER <= (number := int(text)) <= MAX_INTEGER else None


def as_id(text: str) -> int | str:
    """An id as a number if it is written as one, else unchanged."""
    return text if (number := whole_number(text)) is None else number

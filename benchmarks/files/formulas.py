"""Cells that stay text: a spreadsheet runs any cell that begins like a formula."""

from __future__ import annotations

import re
import unicodedata
from typing import TypeVar

T = TypeVar("T")
SIGNS = "=+-@"
BREAKS = "\t\r\n"
_NUMBER = re.compile(r"-(\d+(\.\d*)?(e[+-]?\d+)?|inf)", re.ASCII)
MARK = "'"
"""In front of a cell, it tells a spreadsheet that text follows."""


def guarded(value: T) -> T | str:
    """The value as a CSV cell: text that a spreadsheet would run gets an apostrophe in front; numbers stay numbers."""
    return MARK + value if isinstance(value, str) and _needs_mark(value) else value


def unguarded(cell: str) -> str:
    """The text that `guarded` was given."""
    return cell[1:] if cell.startswith(MARK) and _needs_mark(cell[1:]) else cell


def _needs_mark(text: str) -> bool:
    """Whether it begins like a formula, or like one that is guarded already, so that `unguarded` gives back the same.

    Spaces of all kinds and characters without width are skipped, and full-width signs count as the ordinary ones:
    some spreadsheets do either.
    """
    begin = text.lstrip(MARK)
    if begin.startswith(tuple(BREAKS)):
        return True
    first = next((character for character in begin if not _is_blank(character)), "")
    return unicodedata.normalize("NFKC", first)[:1] in tuple(SIGNS) and not _NUMBER.fullmatch(text)


def _is_blank(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf", "Zs")

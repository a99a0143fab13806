"""Cells that stay text: a spreadsheet runs a cell that begins like a formula, whoever wrote it."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def guarded(value: T) -> T | str:
    """The value as a CSV cell: text that a spreadsheet would run gets an apostrophe in front; numbers stay numbers."""
    if not isinstance(value, str) or not value.startswith(STARTS) or _is_number(value):
        return value
    return "'" + value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

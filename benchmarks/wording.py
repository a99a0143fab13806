"""Words that many messages need: the nearest name, the first few of a list, the first line of an error."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

SHOWN = 5
"""Ids or names of a long list that a message names."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that a mistyped one most likely means."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)), None)


def first_few(items: Sequence[object], shown: int = SHOWN) -> str:
    """The first of a list, and how many more there are: "1, 2, 3, 4, 5 and 17 more"."""
    rest = len(items) - shown
    return ", ".join(map(str, items[:shown])) + (f" and {rest:,} more" if rest > 0 else "")


def first_line(error: BaseException | str) -> str:
    """The first line of an error that has any words; the error's type where it has none."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)

"""Words that many messages need: the nearest name, the first few of a list, a number with its noun."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

MAX_RATE = 100_000
"""Per minute; no model is faster."""
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


def error_in_words(error: BaseException) -> str:
    """An error's type and the first line of what it says; the type alone where it says nothing."""
    said, kind = first_line(error), type(error).__name__
    return kind if said == kind else f"{kind}: {said}"


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun: "1 study", "2,461 studies".

    Args:
        number: how many.
        singular: the noun.
        plural: None: the noun with an s.
    """
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def studies(number: int) -> str:
    """ "1 study", "2 studies"."""
    return counted(number, "study", "studies")


def rate_in_words(per_minute: float) -> str:
    """A rate in three digits; one that only baselines reach, which generate nothing, is "over 10,000"."""
    if per_minute > MAX_RATE:
        return f"over {MAX_RATE:,}"
    return f"{per_minute:,.0f}" if per_minute >= 100 else f"{per_minute:.3g}"

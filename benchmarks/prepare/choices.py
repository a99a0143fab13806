"""A name that the user typed, as one of the names there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from benchmarks.errors import UnknownNameError

Name = TypeVar("Name", bound=str)


def one_of(kind: str, name: str, names: Sequence[Name]) -> Name:
    """The name itself, typed.

    Raises:
        UnknownNameError: it is not one of them.
    """
    for known in names:
        if known == name:
            return known
    raise UnknownNameError(kind, name, names)

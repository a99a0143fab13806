"""Which words are in which cases: a page finds words among 100,000 cases without their texts."""

from __future__ import annotations

import base64
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

AT_ONCE = 1 << 18
"""Numbers of cases that are written together."""


class WordIndex:
    """The words of cases, in lower case; a word is what lies between spaces."""

    def __init__(self) -> None:
        self._cases: dict[str, array[int]] = {}
        self._n = 0

    def add(self, texts: Iterable[str]) -> None:
        """The texts of the next case."""
        for word in dict.fromkeys(" ".join(texts).lower().split()):
            if (cases := self._cases.get(word)) is None:
                cases = self._cases[word] = array("i")
            cases.append(self._n)
        self._n += 1

    def as_json(self) -> dict[str, Any]:
        """As the page has it: the words, one per line; how many bytes each has of `cases`; and these, in base64.

        The bytes of a word are the differences of the numbers of its cases (the first: from -1), seven bits per byte,
        the lowest first; all but the last byte of a number have the eighth bit set.
        """
        if not self._cases:
            return {"words": "", "lengths": [], "cases": ""}
        coded = [_coded(some) for some in _groups(self._cases.values())]
        return {
            "words": "\n".join(self._cases),
            "lengths": [length for _, lengths in coded for length in lengths],
            "cases": base64.b64encode(b"".join(code for code, _ in coded)).decode(),
        }


def _groups(lists: Iterable[array[int]]) -> Iterator[list[array[int]]]:
    """The lists in groups of a bounded number of numbers, or of one list."""
    group: list[array[int]] = []
    numbers = 0
    for one in lists:
        if group and numbers + len(one) > AT_ONCE:
            yield group
            group, numbers = [], 0
        group.append(one)
        numbers += len(one)
    yield group


def _coded(lists: Sequence[array[int]]) -> tuple[bytes, list[int]]:
    """The bytes of some words' cases one after another, and how many each word has."""
    columns = [np.frombuffer(cases, dtype=np.intc) for cases in lists]
    steps = np.concatenate([np.diff(cases, prepend=np.intc(-1)) for cases in columns])
    widths = 1 + (steps >= 1 << 7).astype(int) + (steps >= 1 << 14) + (steps >= 1 << 21) + (steps >= 1 << 28)
    ends = np.cumsum(widths)
    written = np.empty(ends[-1], dtype=np.uint8)
    for byte in range(int(widths.max())):
        has = widths > byte
        more = (widths[has] > byte + 1).astype(np.uint8) << 7
        written[ends[has] - widths[has] + byte] = (steps[has] >> (7 * byte)) & 0x7F | more
    lasts = np.cumsum([len(cases) for cases in columns]) - 1
    return written.tobytes(), np.diff(ends[lasts], prepend=0).tolist()

"""The notation of the lexicon's phrases, and the trie that finds them in a list of words.

    effusion/s              one word with and without an ending
    opacit/y/ies            one word with either ending
    sharp|clear             either word
    [pleural] effusion      words in brackets may be missing
    (heart|cardiac shadow)  either of several words

A phrase is matched word by word, without regard to case; the longest phrase wins, and of two meanings of one phrase the
one that was added first. Matching is linear in the number of words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_PART = re.compile(r"\[[^\]]*\]|\([^)]*\)|\S+")


def expand(phrase: str) -> Iterator[tuple[str, ...]]:
    """Every sequence of words that a phrase of the notation means."""
    for choice in product(*(list(_alternatives(part)) for part in _PART.findall(phrase))):
        words = tuple(word for words in choice for word in words)
        if words:
            yield words


def _alternatives(part: str) -> Iterator[tuple[str, ...]]:
    if part.startswith("["):
        yield ()
    if part[0] in "[(":
        part = part[1:-1]
    for alternative in part.split("|"):
        yield from product(*(_endings(word) for word in alternative.split()))


def _endings(word: str) -> list[str]:
    stem, *endings = word.split("/")
    return [stem, *([stem + endings[0]] if endings else [])] if len(endings) < 2 else [stem + it for it in endings]


def phrases(table: str) -> list[str]:
    """The phrases of a table: one a line, or several parted by ";"."""
    return [phrase.strip() for line in table.splitlines() for phrase in line.split(";") if phrase.strip()]


class Trie(Generic[T]):
    """Phrases and what they mean."""

    def __init__(self, tables: Iterable[tuple[str, T]]) -> None:
        """`tables` are (phrases in the notation, meaning)."""
        self._root: dict[str, Any] = {}
        for table, meaning in tables:
            for phrase in phrases(table):
                for words in expand(phrase):
                    node = self._root
                    for word in words:
                        node = node.setdefault(word, {})
                    node.setdefault("", meaning)

    def longest(self, words: Sequence[str], start: int) -> tuple[int, T] | None:
        """(how many words, meaning) of the longest phrase that begins at `start`, or None."""
        node, found = self._root, None
        for index in range(start, len(words)):
            if words[index] not in node:
                break
            node = node[words[index]]
            if "" in node:
                found = index + 1 - start, node[""]
        return found

"""Which words share a WordNet 3.0 synset, as METEOR asks, from a table of 0.7 MB instead of nltk's corpus reader.

The table (`data/wordnet30.txt.gz`, made by `scripts/make_wordnet_table.py`, which says its format) holds words,
numbered synsets and irregular forms. Equal to nltk's `wordnet.synsets(word)` and its lemma names (tests).
"""

from __future__ import annotations

import gzip
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from itertools import accumulate

_ENDINGS = {
    "n": (
        ("s", ""), ("ses", "s"), ("ves", "f"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"),
        ("men", "man"), ("ies", "y"),
    ),
    "v": (("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", "")),
    "a": (("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
    "r": (),
}  # fmt: skip
"""Part of speech -> the endings that an inflected word may lose, and what takes their place."""


@lru_cache(maxsize=1 << 17)
def senses(word: str) -> frozenset[int]:
    """The synsets of a word or of the words it is an inflection of."""
    return frozenset(
        number
        for part, (index, irregular) in table().items()
        for form in {word, *(irregular[word].split() if word in irregular else _bases(word, part))}
        for number, _ in _entries(index.get(form, ""))
    )


@lru_cache(maxsize=1 << 17)
def names(word: str) -> frozenset[int]:
    """The synsets that have exactly this word, in this spelling, as a name."""
    return frozenset(
        number for index, _ in table().values() for number, literal in _entries(index.get(word, "")) if literal
    )


def _bases(word: str, part: str) -> Iterator[str]:
    return (word[: -len(old)] + new for old, new in _ENDINGS[part] if word.endswith(old))


def _entries(line: str) -> Iterator[tuple[int, bool]]:
    """(synset, whether it spells the word like this) of an index line."""
    shown = line.split()
    numbers = accumulate(int(item.rstrip("!")) for item in shown)
    return zip(numbers, (not item.endswith("!") for item in shown), strict=True)


class _SortedLines(Mapping[str, str]):
    """Lines "word rest", sorted, no word twice: word -> rest. A dict of all would take longer than to score a suite."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()

    def __getitem__(self, word: str) -> str:
        start = f"{word} "
        place = bisect_left(self._lines, start)
        if place == len(self._lines) or not self._lines[place].startswith(start):
            raise KeyError(word)
        return self._lines[place][len(start) :]

    def __iter__(self) -> Iterator[str]:
        return (line.split(" ", 1)[0] for line in self._lines)

    def __len__(self) -> int:
        return len(self._lines)


@cache
def table() -> Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]]:
    """Part of speech -> (word -> index line, irregular form -> its base forms)."""
    packed = (files("libra_bench.metrics") / "data" / "wordnet30.txt.gz").read_bytes()
    table = {}
    for section in gzip.decompress(packed).decode().split("[")[1:]:
        words, _, exceptions = section.partition("\n>\n")
        part, _, lines = words.partition("]\n")
        # some forms are there twice: the last line counts
        irregular = {form: bases for form, _, bases in (line.partition(" ") for line in exceptions.splitlines())}
        table[part] = (_SortedLines(lines), irregular)
    return table

"""The Porter stemmer as nltk has it by default (`PorterStemmer(mode="NLTK_EXTENSIONS")`), without importing nltk.

Importing nltk takes longer than scoring a test split. Source: M. Porter, "An algorithm for suffix stripping",
Program 14.3 (1980), with nltk's extensions. Equal to nltk 3.10 on all words of WordNet (tests).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

Rule: TypeAlias = tuple[str, str]

_IRREGULAR = {
    "sky": "sky", "skies": "sky", "dying": "die", "lying": "lie", "tying": "tie", "news": "news", "innings": "inning",
    "inning": "inning", "outings": "outing", "outing": "outing", "cannings": "canning", "canning": "canning",
    "howe": "howe", "proceed": "proceed", "exceed": "exceed", "succeed": "succeed",
}  # fmt: skip
_STEP_1A = (("sses", "ss"), ("ies", "i"), ("ss", "ss"), ("s", ""))
_STEP_2 = (
    ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("bli", "ble"),
    ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"), ("ization", "ize"), ("ation", "ate"),
    ("ator", "ate"), ("alism", "al"), ("iveness", "ive"), ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"),
    ("iviti", "ive"), ("biliti", "ble"), ("fulli", "ful"), ("logi", "log"),
)  # fmt: skip
_STEP_3 = (
    ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", ""),
)  # fmt: skip
_STEP_4 = tuple(
    (suffix, "")
    for suffix in (
        "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate",
        "iti", "ous", "ive", "ize",
    )
)  # fmt: skip


@lru_cache(maxsize=1 << 17)
def stem(word: str) -> str:
    """The stem of a lower-cased word."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) <= 2:
        return word
    word = _step_1a(word)
    word = _step_1b(word)
    if word.endswith("y") and len(word) > 2 and _consonants(word[:-1])[-1]:
        word = word[:-1] + "i"
    word = _step_2(word)
    word = _first_rule(word, _STEP_3, lambda rest, _: _measure(rest) > 0)
    word = _first_rule(
        word, _STEP_4, lambda rest, suffix: _measure(rest) > 1 and (suffix != "ion" or rest[-1] in {"s", "t"})
    )
    return _step_5(word)


def _step_1a(word: str) -> str:
    if word.endswith("ies") and len(word) == 4:
        return word[:-1]
    return _first_rule(word, _STEP_1A, lambda *_: True)


def _step_1b(word: str) -> str:
    if word.endswith("ied"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    for suffix in ("ed", "ing"):
        rest = word.removesuffix(suffix)
        if rest != word and not all(_consonants(rest)):
            break
    else:
        return word
    if rest.endswith(("at", "bl", "iz")):
        return rest + "e"
    if len(rest) >= 2 and rest[-1] == rest[-2] and _consonants(rest)[-1]:
        return rest if rest[-1] in {"l", "s", "z"} else rest[:-1]
    return rest + "e" if _measure(rest) == 1 and _ends_cvc(rest) else rest


def _step_2(word: str) -> str:
    if word.endswith("alli") and _measure(word[:-4]) > 0:
        return _step_2(word[:-2])
    # nltk measures "log" as part of the rest: "apologi" -> "apolog"
    return _first_rule(word, _STEP_2, lambda rest, suffix: _measure(rest + "l" if suffix == "logi" else rest) > 0)


def _step_5(word: str) -> str:
    if word.endswith("e"):
        measure = _measure(word[:-1])
        if measure > 1 or (measure == 1 and not _ends_cvc(word[:-1])):
            word = word[:-1]
    return word[:-1] if word.endswith("ll") and _measure(word[:-1]) > 1 else word


def _first_rule(word: str, rules: Sequence[Rule], condition: Callable[[str, str], bool]) -> str:
    """Apply the first rule whose suffix is there, if its condition on (the rest, the suffix) holds."""
    for suffix, replacement in rules:
        if word.endswith(suffix):
            rest = word[: len(word) - len(suffix)]
            return rest + replacement if condition(rest, suffix) else word
    return word


def _consonants(word: str) -> list[bool]:
    """Which letters are consonants: all but a, e, i, o, u, and y after a consonant."""
    flags: list[bool] = []
    for letter in word:
        flags.append(not flags[-1] if letter == "y" and flags else letter not in "aeiou")
    return flags


def _measure(word: str) -> int:
    """How often a consonant follows a vowel."""
    flags = _consonants(word)
    return sum(not before and after for before, after in pairwise(flags))


def _ends_cvc(word: str) -> bool:
    flags = _consonants(word)
    if len(word) == 2:
        return flags == [False, True]
    return flags[-3:] == [True, False, True] and word[-1] not in {"w", "x", "y"}

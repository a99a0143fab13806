"""From the words of a sentence to tokens: what each phrase of the lexicon is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from libra_bench.metrics.statements.lexicon import ENTRIES, change, modifiers, scope, signs
from libra_bench.metrics.statements.phrases import Trie

_WORD = re.compile(
    r"(?P<mask>[xX]{3,}-[aA]-[xX]{3,}|(?i:x-?)?[xX]{3,}|_{2,})|(?P<number>\d+(?:\.\d+)?)(?![^\W_])|(?P<measure>\d+(?:\.\d+)?)(?=\s?[cm]m\b)"
    r"|(?P<word>[^\W_]+(?:['’](?!s\b)[^\W_]+)?(?:['’]s\b)?)|(?P<comma>(?<=\s)[-–—]+(?=\s)|—|--)"
    r"|(?P<mark>[,;:/?&>=+()])"
)
_MARKS = {
    ",": "comma",
    ";": "stop",
    ":": "colon",
    "/": "slash",
    "?": "question",
    "&": "and",
    "(": "comma",
    ")": "comma",
    "+": "and",
}


@dataclass(frozen=True, slots=True)
class Token:
    """A phrase of the lexicon, or a word or mark that it does not know."""

    kind: str
    value: Any
    """What the phrase means: an Entry, a side, a sign, (direction, form), ..."""
    words: str
    start: int
    end: int


def tokenize(sentence: str) -> list[Token]:
    """The tokens of a sentence, with offsets into it. A hyphen inside a word counts as a space."""
    matches = list(_WORD.finditer(sentence))
    words = [_plain(match) for match in matches]
    tokens: list[Token] = []
    index, trie = 0, _grammar()
    while index < len(words):
        start = matches[index].start()
        found = trie.longest(words, index)
        if found:
            length, (kind, value) = found
        else:
            length, kind, value = 1, *_unknown(matches[index])
        phrase = " ".join(words[index : index + length])
        if kind == "head" and value.kind == "study" and _means_earlier(tokens):
            kind, value = "compare", None
        index += length
        tokens.append(Token(kind, value, phrase, start, matches[index - 1].end()))
    return tokens


def _means_earlier(tokens: list[Token]) -> bool:
    """Whether a word for the examination means the earlier one: "since the prior (chest radiograph)"."""
    last = next((token for token in reversed(tokens[-4:]) if token.kind not in {"adverb", "article"}), None)
    return last is not None and last.kind == "compare" and last.words.split()[-1] in change.EARLIER_PICTURES


def _plain(match: re.Match[str]) -> str:
    word = match.group().lower().replace("’", "'")
    return "xxxx" if match.lastgroup == "mask" and "-a-" not in word else word  # "XXXX-a-XXXX" is a port


def _unknown(match: re.Match[str]) -> tuple[str, Any]:
    group = match.lastgroup or ""
    if group == "mark":
        return _MARKS.get(match.group(), "mark"), None
    if group in {"number", "measure"}:
        return "number", float(match.group())
    return group, None


@cache
def _grammar() -> Trie[tuple[str, Any]]:
    return Trie((phrases, (kind, value)) for kind, value, phrases in _tables())


def _tables() -> Iterator[tuple[str, Any, str]]:
    """(kind, value, phrases); of two meanings of one phrase the first counts."""
    yield from (("cue", (direction, form), phrases) for direction, form, phrases in change.CUES)
    yield from (("head", entry, entry.phrases) for entry in ENTRIES)
    yield "suppress", None, scope.SUPPRESSORS
    yield "or", "versus", scope.VERSUS
    yield "or", "", scope.ALTERNATIVES
    yield "not-well-seen", None, scope.NOT_WELL_SEEN
    yield "post-doubt", None, scope.POST_DOUBTS
    yield "doubt", "verb", scope.DOUBT_VERBS
    yield "doubt", "", scope.DOUBTS
    yield "explains", None, scope.EXPLAINS
    yield "post-negation", None, scope.POST_NEGATIONS
    yield "negation", None, scope.NEGATIONS
    yield "not", None, scope.NOT
    yield "exists", None, scope.EXISTENTIAL
    yield "borderline", None, signs.BORDERLINE
    yield "normal", None, signs.NORMAL
    yield "asymmetry", None, modifiers.ASYMMETRIES
    yield "place", None, modifiers.NO_SIDE
    yield from (("side", side, phrases) for side, phrases in modifiers.SIDES.items())
    yield from (("grade", grade, phrases) for grade, (_, phrases) in modifiers.SEVERITIES.items())
    yield from (("sign", sign, phrases) for sign, phrases in signs.SIGN_ADJECTIVES.items())
    yield from (("sign-noun", sign, phrases) for sign, phrases in signs.SIGN_NOUNS.items())
    yield from (("stem", entry, entry.stems) for entry in ENTRIES if entry.stems)
    yield "now", None, change.NOW
    yield "earlier", None, change.EARLIER
    yield "compare", None, change.COMPARISONS
    yield "visible", None, scope.VISIBLE
    yield "be", None, scope.BE
    yield "have", None, scope.HAVE
    yield "show", None, scope.SHOW
    yield "hard", None, scope.HARD_BREAKS
    yield "relative", None, scope.RELATIVES
    yield "with", None, scope.WITH
    yield "pronoun", None, scope.PRONOUNS
    yield "article", None, scope.ARTICLES
    yield "of", None, scope.OF
    yield "preposition", None, scope.PREPOSITIONS
    yield "and", None, scope.CONJUNCTIONS
    yield "unit", 10.0, "cm; centimeter/s"
    yield "unit", 1.0, "mm; millimeter/s"
    yield "place", None, modifiers.PLACES
    yield "part", None, scope.PARTS
    yield "adverb", None, scope.ADVERBS

"""nltk's `word_tokenize` (Punkt sentences, then Treebank words) for text after the published cleaning, without nltk.

Cleaned text is lower case and holds word characters, white space and ``.,:;()`` only. Of nltk's rules those few are
left that such text can reach, and of the English Punkt model a few hundred words (`data/punkt_english.json`).
Sentences, contexts of full stops and words repeat from report to report, so each is analysed once. Patterns use the
`regex` engine as nltk does: it and `re` disagree on what a word character is.

Source: nltk 3.10 `tokenize/punkt.py`, `tokenize/destructive.py`; Kiss & Strunk (2006). Equal to `nltk.word_tokenize`
on real reports and on random strings of these characters (tests).
"""

from __future__ import annotations

import json
import re
import string
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain, pairwise
from typing import Any

import regex

_FULL_STOP = regex.compile(r"\.(?=([);:(]|\s+(\S+)))")
"""A possible end of a sentence: the token after it, and that token where white space is between."""
_DOTS = r"\.{2,}|(?:\.\s){2,}\."
_TOKEN = regex.compile(rf"{_DOTS}|[^\s(:;),](?:\S*?)(?=\s|$|[);:(]|{_DOTS}|,(?=$|\s|[);:(]|{_DOTS}))|\S")
_NUMBER = regex.compile(r"^-?[\.,]?\d[\d,\.-]*\.?$")
_INITIAL = regex.compile(r"[^\W\d]\.$")
_CLOSING = regex.compile(r"\)+?(?:\s+|$)", regex.MULTILINE)
"""What belongs to the sentence before, although it follows its full stop."""

_LAST_STOP = regex.compile(r"([^\.])(\.)([) ]*+)\s*$")
_COLON_COMMA = regex.compile(r"([:,])([^\d])")
_FINAL_COLON_COMMA = regex.compile(r"([:,])$")
_SEVERAL_STOPS = regex.compile(r"\.{2,}")
_CLOSED_STOP = regex.compile(r"([^\.])(\.)(\)*)\s*$")
_CONTRACTIONS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?i)\b(can)(not)\b",
        r"(?i)\b(gim)(me)\b",
        r"(?i)\b(gon)(na)\b",
        r"(?i)\b(got)(ta)\b",
        r"(?i)\b(lem)(me)\b",
        r"(?i)\b(wan)(na)(?=\s)",
    )
)
_UNUSUAL = (".(", ".)", ".:", ".;", ". )")
"""Without these, and white space other than spaces, nothing but a full stop before a space may end a sentence."""


@lru_cache(maxsize=1 << 16)
def sentence_words(sentence: str) -> tuple[str, ...]:
    """The words of one sentence, punctuation included."""
    stop_inside = "." in sentence and not sentence.endswith(".")
    if stop_inside:
        sentence = _LAST_STOP.sub(r"\1 \2 \3 ", sentence)
    elif sentence[-2:-1] not in {"", "."} and sentence.endswith("."):
        sentence = sentence[:-1] + " ."
    marks = sentence.count(",") + sentence.count(":")
    if marks and marks == sentence.count(", ") + sentence.count(": "):
        sentence = sentence.replace(",", " ,").replace(":", " :")
    elif marks:
        sentence = _COLON_COMMA.sub(r" \1 \2", sentence)
        sentence = _FINAL_COLON_COMMA.sub(r" \1 ", sentence)
    if ".." in sentence:
        sentence = _SEVERAL_STOPS.sub(r" \g<0> ", sentence)
    if stop_inside:
        sentence = _CLOSED_STOP.sub(r"\1 \2\3 ", sentence)
    for mark in ";()":
        if mark in sentence:
            sentence = sentence.replace(mark, f" {mark} ")
    if "nn" in sentence or "mme" in sentence or "tta" in sentence:
        sentence = f" {sentence} "
        for pattern in _CONTRACTIONS:
            sentence = pattern.sub(r" \1 \2 ", sentence)
    return tuple(sentence.split())


@lru_cache(maxsize=1 << 16)
def _inner_words(piece: str) -> tuple[str, ...]:
    """The words of a piece between spaces that does not end its sentence: no rule but those of its end look further."""
    return sentence_words.__wrapped__(f"{piece} x")[:-1]


def words(text: str) -> list[str]:
    """The words of a cleaned text, sentence by sentence."""
    if not (text.isascii() and text.isprintable()) or any(mark in text for mark in _UNUSUAL):
        return [word for sentence in sentences(text) for word in sentence_words(sentence)]
    found: list[str] = []
    parts = text.split(". ")
    for number, part in enumerate(parts, start=1):
        *inner, last = part.split(" ")
        found.extend(chain.from_iterable(map(_inner_words, inner)))
        if number == len(parts):
            found += sentence_words(last)
            break
        following, more, _ = parts[number].partition(" ")
        if not more and number + 1 < len(parts):
            following += "."
        ends = _ends_sentence(f"{last}. {following}")
        found += sentence_words(f"{last}.") if ends else _inner_words(f"{last}.")
    return found


def sentences(text: str) -> list[str]:
    """The sentences of a cleaned text."""
    ends = []
    start = 0
    for stop in _stops(text):
        ends.append((start, stop.end()))
        start = stop.start(2) if stop.group(2) else stop.end()
    ends.append((start, len(text.rstrip())))
    found = []
    moved = 0
    for (first, last), following in zip(ends, [*ends[1:], None], strict=True):
        closing = _CLOSING.match(text[slice(*following)]) if following else None
        if following and closing:
            found.append(text[first + moved : following[0] + len(closing.group().rstrip())])
            moved = closing.end()
        else:
            if first + moved < last:
                found.append(text[first + moved : last])
            moved = 0
    return found


def _stops(text: str) -> list[Any]:
    """The full stops that end a sentence.

    Of several candidates inside one run of characters without white space only the last is looked at.
    """
    found = []
    spaces = [space for space in string.whitespace if space in text]
    word_start, word_end, candidate = 0, 0, None
    for match in _FULL_STOP.finditer(text):
        here = match.start()
        last_space = max([text.rfind(space, word_end, here) for space in spaces], default=-1)
        begin = last_space + 1 if last_space > word_end else word_start  # at word_end itself it does not count
        if candidate and word_end <= begin and _ends_sentence(_context(text, word_start, candidate)):
            found.append(candidate)
        word_start, word_end, candidate = begin, here, match
    if candidate and _ends_sentence(_context(text, word_start, candidate)):
        found.append(candidate)
    return found


def _context(text: str, word_start: int, stop: Any) -> str:
    after: str = stop.group(1)
    return f"{text[word_start : stop.start()]}.{after}"


@lru_cache(maxsize=1 << 16)
def _ends_sentence(context: str) -> bool:
    """Whether a token of "word. next" other than the last ends a sentence."""
    return any(_breaks(token, following) for token, following in pairwise(_TOKEN.findall(context)))


def _breaks(token: str, following: str) -> bool:
    """Punkt's decision on one token, by its own form first, then by the token that follows."""
    abbreviations, collocations, starters = punkt_words()
    if not token.endswith("."):
        return False
    break_by_form, abbreviated = _by_form(token, abbreviations)
    kind = _kind(token)
    next_breaks = following.endswith(".") and _by_form(following, abbreviations)[0]
    next_kind = _kind(following) if next_breaks else str(_NUMBER.sub("##number##", following))
    if (kind, next_kind) in collocations:
        return False
    initial = _INITIAL.match(token)
    if (initial or kind == "##number##") and break_by_form:
        if following in {";", ":", ",", "."} or (following[0].islower() and next_kind not in starters):
            return False
        if initial and following[0].isupper():  # a capital that has no lower case: never seen in lower case
            return False
    return break_by_form and not abbreviated


def _by_form(token: str, abbreviations: frozenset[str]) -> tuple[bool, bool]:
    """Whether a token that ends in a full stop ends a sentence, and whether it is an abbreviation."""
    if token.endswith(".."):
        return False, False
    if len(token) == 1:
        return True, False
    abbreviated = token[:-1] in abbreviations
    return not abbreviated, abbreviated


def _kind(token: str) -> str:
    """The token with numbers made alike and its final full stop taken off."""
    kind = str(_NUMBER.sub("##number##", token))
    return kind[:-1] if len(kind) > 1 and kind.endswith(".") else kind


@cache
def punkt_words() -> tuple[frozenset[str], frozenset[tuple[str, str]], frozenset[str]]:
    """Abbreviations, pairs that never part, and words that may start a sentence in lower case."""
    data = json.loads((files("libra_bench.metrics") / "data" / "punkt_english.json").read_text(encoding="utf-8"))
    return (
        frozenset(data["abbreviations"]),
        frozenset((first, second) for first, second in data["collocations"]),
        frozenset(data["lower_case_starters"]),
    )


def punkt_installed() -> bool:
    """Whether nltk finds its whole English Punkt model, which text with capitals needs."""
    from nltk.data import find

    try:
        find("tokenizers/punkt_tab/english/")
    except LookupError:
        return False
    return True

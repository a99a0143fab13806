"""Sentences of a report and tokens of a sentence, with their offsets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from libra_bench.metrics.statements.v1 import lexicon


@dataclass(frozen=True, slots=True)
class Token:
    """A word or phrase that the grammar knows, or any other word."""

    kind: str
    """not_change, whole, cue, side, finding, interpretation, negation, existential, transitive, singular, plural, hard,
    soft, preposition, pronoun, conjunction, article, adverb, punctuation, word."""
    value: str
    """A cue's direction, a finding's canonical name, a side; else the words in lower case."""
    form: str
    """A cue's form (see `lexicon.CUES`)."""
    start: int
    end: int


_SENTENCE_END = re.compile(
    r"(?<![\s(]dr)(?<![\s(]mr)(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)(?<!\bapprox)(?<!^\d)(?<!\s\d)[.!?](?=\s|$)"
    r"|\n\s*\n|\n(?=\s*(?:\d+[.)]|[-•*])\s)",
    re.IGNORECASE,
)


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield (where it starts, its words) of each sentence."""
    start = 0
    for end in [*(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]:
        words = text[start:end].strip()
        if words:
            yield text.index(words, start), words
        start = end


@cache
def _grammar() -> tuple[re.Pattern[str], list[tuple[str, str, str]]]:
    """One pattern with a group a rule, and what each group means: (kind, value, form)."""
    rules: list[tuple[str, str, str, str]] = [("not_change", "", "", pattern) for pattern in lexicon.NOT_CHANGE]
    rules += [
        ("whole", f"{finding}/{direction}", "", pattern) for finding, direction, pattern in lexicon.WHOLE_STATEMENTS
    ]
    rules += [("cue", "level", "after", pattern) for pattern in lexicon.LEVEL_CHANGES]
    rules += [("cue", direction, form, pattern) for direction, form, pattern in lexicon.CUES]
    rules += [("side", side, "", pattern) for side, pattern in lexicon.SIDES]
    findings = [(pattern, finding) for finding, patterns in lexicon.FINDINGS.items() for pattern in patterns]
    rules += [("finding", finding, "", pattern) for pattern, finding in sorted(findings, key=_specific, reverse=True)]
    for kind, pattern in (
        ("interpretation", lexicon.INTERPRETATIONS), ("negation", lexicon.NEGATIONS),
        ("existential", lexicon.EXISTENTIAL),
        ("transitive", lexicon.TRANSITIVE), ("singular", lexicon.SINGULAR), ("plural", lexicon.PLURAL),
        ("hard", lexicon.HARD_BREAKS), ("soft", lexicon.SOFT_BREAKS), ("preposition", lexicon.PREPOSITIONS),
        ("pronoun", lexicon.PRONOUNS), ("conjunction", lexicon.CONJUNCTIONS), ("article", "the|an?|any|some"),
        ("adverb", lexicon.ADVERBS),
    ):  # fmt: skip
        rules.append((kind, "", "", pattern))
    groups = [rf"(?P<r{index}>\b(?:{_spaced(pattern)})\b)" for index, (*_, pattern) in enumerate(rules)]
    groups += [r"(?P<punctuation>[,;:])", r"(?P<word>[\w'’]+(?:-\w+)*)"]
    return re.compile("|".join(groups), re.IGNORECASE), [(kind, value, form) for kind, value, form, _ in rules]


def _specific(rule: tuple[str, str]) -> tuple[int, int]:
    """Longer phrases before shorter ones."""
    words = re.sub(r"\(\?:[^()]*\)[?*]", "", rule[0])
    return words.count(" "), len(words)


def _spaced(pattern: str) -> str:
    """Let each space of a pattern match any white space."""
    unnamed = re.sub(r"\(\?P<\w+>", "(?:", pattern)
    return unnamed.replace("[- ]", r"[-\s]").replace(" ", r"\s+")


@lru_cache(maxsize=65536)  # reports repeat their sentences
def tokenize(sentence: str) -> tuple[Token, ...]:
    """Split a sentence into tokens; offsets are into the sentence."""
    pattern, meanings = _grammar()
    tokens = []
    for match in pattern.finditer(sentence):
        group = match.lastgroup or ""
        words = " ".join(match.group().lower().split())
        if group in {"punctuation", "word"}:
            kind, value, form = group, words, ""
        else:
            kind, value, form = meanings[int(group[1:])]
            value = level_direction(words) if value == "level" else value or words
        tokens.append(Token(kind, value, form, match.start(), match.end()))
    return tuple(tokens)


def level_direction(words: str) -> str:
    """The direction of "previously moderate, now small": the order of the two degrees."""
    for pattern in lexicon.LEVEL_CHANGES:
        match = re.search(pattern, words)
        if match:
            change = lexicon.SEVERITY[match["now"]] - lexicon.SEVERITY[match["was"]]
            return "larger" if change > 0 else "smaller" if change < 0 else "unchanged"
    raise ValueError(words)

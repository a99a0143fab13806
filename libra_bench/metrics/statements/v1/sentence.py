"""The rules that read one sentence: which findings, and which sides, each word of change speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from libra_bench.metrics.statements.v1 import lexicon
from libra_bench.metrics.statements.v1.phrases import Phrases, expand
from libra_bench.metrics.statements.v1.tokens import Token, tokenize

_COMPARES = re.compile(r"\b(?:interval|since|compared|than|prior|previous)\b", re.IGNORECASE)
_AFTER = frozenset({"after", "perfect", "weak-after"})
_BEFORE_CUE = frozenset(
    {"adverb", "negation", "singular", "plural", "transitive", "article", "hard", "punctuation", "word", "conjunction"}
)
"""What may come between a subject and its word of change."""


@dataclass(frozen=True, slots=True)
class ChangeStatement:
    """One statement: this finding, on this side, changed in this direction."""

    finding: str
    side: str | None
    """"left", "right", or None where no side is told."""
    direction: str
    """One of `lexicon.DIRECTIONS`."""
    spans: tuple[tuple[int, int], ...]
    """(start, end) of the words that say so, in the text as it was given: finding and word of change."""

    @property
    def triple(self) -> tuple[str, str | None, str]:
        """What is compared."""
        return self.finding, self.side, self.direction


Mention: TypeAlias = tuple[str, tuple[str | None, ...], tuple[int, int]]
"""A finding, its sides, its position in the text."""


@dataclass(slots=True)
class Antecedent:
    """What a pronoun or "the left" refers to."""

    mentions: list[Mention]


class Sentence:
    """One sentence and the rules that read it."""

    def __init__(self, words: str, start: int, antecedent: Antecedent) -> None:
        """`start` is the position of the words in the text; `antecedent` is read, and left for the next sentence."""
        tokens = tokenize(words)
        self.tokens = [token for token in tokens if token.kind != "not_change"]
        self.start = start
        self.antecedent = antecedent
        self.floor = 0
        """Where the subject of the next word of change can start: behind the last one and what it took."""
        for index, token in enumerate(self.tokens):
            if token.form == "perfect" and not self._behind_has(index):  # "is enlarged" describes
                self.tokens[index] = replace(token, kind="word", form="")
        self.phrases = Phrases(self.tokens)
        self.compares = len(self.tokens) != len(tokens) or bool(_COMPARES.search(words))
        self.bound: set[int] = set()
        self.sides_told: dict[int, tuple[str | None, ...]] = {}

    def statements(self) -> list[ChangeStatement]:
        """What the sentence says of change, in order."""
        strong: list[ChangeStatement] = []
        weak: list[ChangeStatement] = []
        for index, cue in enumerate(self.tokens):
            if cue.kind == "whole":
                finding, _, direction = cue.value.partition("/")
                strong.append(ChangeStatement(finding, None, direction, (self._span(cue),)))
            elif cue.kind == "cue":
                (weak if cue.form.startswith("weak") else strong).extend(self._read(index, cue))
        said = {(statement.finding, statement.side) for statement in strong}
        mentions = [self._mention(i) for i in sorted(self.phrases.findings) if not self.phrases.is_study(i)]
        if mentions:
            self.antecedent.mentions = mentions
        return strong + [statement for statement in weak if (statement.finding, statement.side) not in said]

    # --- one word of change ---

    def _read(self, index: int, cue: Token) -> Iterator[ChangeStatement]:
        negated = self.phrases.negated(index)
        right = self._right_findings(index)
        left = self._left_findings(index)
        after = cue.form in _AFTER or (cue.form != "noun" and self.phrases.is_predicate(index))
        attributive = bool(right) and not (after and (left or cue.form in _AFTER))
        if cue.form == "before" and not right:
            return
        findings = right if attributive else left
        behind = self.phrases.side_behind(index) if not attributive else ()
        scope_side, elided = self._scope_words(index)
        denied = [i for i in self.phrases.findings if self.floor <= i < index and self.phrases.negated(i)]
        compares = self.compares or self._behind_has(index)
        self.floor = max([index + 1, *(i + 1 for i in findings)])
        direction = cue.value
        if cue.form == "weak-after" and denied and not findings:  # "no pneumothorax remains"
            findings, direction, negated = denied, "resolved", False
        if negated:
            if direction == "new" or direction == "unchanged" or (attributive and cue.form != "noun"):
                self.bound |= set(findings)
                return
            direction = "unchanged"
        if cue.form == "auto" and direction in {"larger", "smaller"} and not compares:
            findings = [i for i in findings if self.tokens[i].value not in lexicon.STATIC_ADJECTIVES]
            if not findings and (left or right):
                return
        findings = self._prefer_findings(findings)
        self.bound |= set(findings)
        if findings:
            for i in findings:
                self.sides_told[i] = self.phrases.sides(i) or behind
                yield from self._emit(
                    self.tokens[i].value, self.sides_told[i], direction, (self._span(self.tokens[i]), self._span(cue))
                )
        elif elided or (direction != "unchanged" and self.phrases.speaks_of_study() and self.antecedent.mentions):
            yield from self._emit_antecedent(index, scope_side or behind, direction, cue)
        elif self.phrases.speaks_of_study():
            yield from self._emit("study", (), direction, (self._span(cue),))

    def _emit(
        self, finding: str, sides: Sequence[str | None], direction: str, spans: Sequence[tuple[int, int]]
    ) -> Iterator[ChangeStatement]:
        if direction in {"better", "worse"}:
            more = (direction == "better") == (finding in lexicon.QUANTITIES)
            direction = "larger" if more else "smaller"
        for side in sides or (None,):
            yield ChangeStatement(finding, side, direction, tuple(sorted(spans)))

    def _emit_antecedent(
        self, index: int, sides: Sequence[str | None], direction: str, cue: Token
    ) -> Iterator[ChangeStatement]:
        mentions = [self._mention(i) for i in sorted(self.phrases.findings) if i < index] or self.antecedent.mentions
        plural = any(token.value in {"they", "these", "both", "those"} for token in self.tokens[:index])
        for finding, own_sides, span in mentions if plural else mentions[-1:]:
            yield from self._emit(finding, sides or own_sides, direction, (span, self._span(cue)))

    def _mention(self, index: int) -> Mention:
        token = self.tokens[index]
        return token.value, self.phrases.sides(index) or self.sides_told.get(index, ()), self._span(token)

    def _span(self, token: Token) -> tuple[int, int]:
        return self.start + token.start, self.start + token.end

    # --- which findings ---

    def _right_findings(self, index: int) -> list[int]:
        """The noun phrase behind a word of change, and what is coordinated with it."""
        tokens, found, i = self.tokens, list[int](), index + 1
        subject = any(j in self.phrases.findings and j not in self.bound for j in range(self.floor, index))
        while i < len(tokens):  # up to the first finding
            token = tokens[i]
            if i in self.phrases.findings:
                found.append(i)
                break
            if token.kind in {"singular", "plural"} and i == index + 1 and not subject:  # "again seen is a granuloma"
                i += 1
                continue
            if token.kind == "conjunction" and tokens[i - 1].kind == "side":  # "left and right effusions"
                i += 1
                continue
            joins = token.kind in {"conjunction", "hard"} or token.value == ","
            if joins and not subject and self.phrases.next_cue(i):
                i = self.phrases.next_cue(i)
            elif not (
                token.kind in {"word", "side", "article", "adverb", "finding", "cue"}
                or token.value in {"of", "in", "to", "for"}
                or (token.value == "," and not subject)  # "stable, mild cardiomegaly"
            ) or (token.kind == "cue" and (subject or token.form in _AFTER)):
                return []
            i += 1
        if not found:
            return []
        stop, joined = i + 1, False
        for i in range(found[0] + 1, len(tokens)):
            token = tokens[i]
            stop = i
            if i in self.phrases.findings:
                if not joined:
                    break
                found.append(i)
                joined = False
            elif token.kind == "conjunction":
                joined = True
            elif token.value == ",":
                joined = self.phrases.list_goes_on(i)
                if not joined:
                    break
            elif token.kind not in {"word", "side", "article", "adverb", "preposition", "finding"}:
                break
        verb = tokens[stop].kind if stop < len(tokens) else ""
        if len(found) > 1 and (verb == "singular" or (verb in {"plural", "cue"} and self.phrases.ends_in_cue(stop))):
            found.pop()
        return [i for i in found if not self.phrases.negated(i)]

    def _left_findings(self, index: int) -> list[int]:
        """The subject in front of a word of change."""
        i = index - 1
        verb = ""
        while i >= self.floor and (self.tokens[i].kind in _BEFORE_CUE or self.tokens[i].value == "in"):
            kind = self.tokens[i].kind
            if kind == "word" and verb:
                break
            verb = verb or (kind if kind in {"singular", "plural"} else "")
            i -= 1
        found, stop, soft, conjunction = self._walk_left(i)
        if soft and (not found or (verb != "plural" and not stop)):
            found = self._walk_left(soft - 1)[0] or found
        if not found or verb == "plural":
            return found
        if stop and verb == "singular":
            return found[-1:]
        return found if conjunction or (verb == "singular" and len(found) == 1) else found[-1:]

    def _walk_left(self, i: int) -> tuple[list[int], bool, int, bool]:
        """(findings, whether a verb stopped the walk, where "with" did, whether a conjunction was passed)."""
        found, conjunction = list[int](), False
        while i >= self.floor:
            token = self.tokens[i]
            if i in self.phrases.findings and not self.phrases.negated(i):
                found.insert(0, i)
            elif token.kind == "soft":
                before = self._walk_left(i - 1)
                return found, before[1], i, conjunction
            elif found and token.kind in {"existential", "transitive", "singular", "plural"}:
                return found, True, 0, conjunction
            elif found and (token.kind in {"hard", "cue", "whole"} or token.value in {";", ":"}):
                break
            conjunction = conjunction or token.kind == "conjunction"
            i -= 1
        return found, False, 0, conjunction

    def _prefer_findings(self, findings: list[int]) -> list[int]:
        """Leave the study out where a finding is named."""
        named = [i for i in findings if not self.phrases.is_study(i)]
        return named or findings

    # --- small questions ---

    def _behind_has(self, index: int) -> bool:
        for token in reversed(self.tokens[self.floor : index]):
            if re.fullmatch(r"has|have|had", token.value):
                return True
            if token.kind not in {"adverb", "negation", "conjunction", "punctuation", "word"}:
                return False
        return False

    def _scope_words(self, index: int) -> tuple[tuple[str | None, ...], bool]:
        """(sides, whether the subject is only a pronoun, a side, or left out after another statement)."""
        scope = self.tokens[self.floor : index]
        which = any(token.value == "which" for token in scope)
        if not which and any(token.kind == "word" and token.value not in lexicon.STAND_INS for token in scope):
            return (), False
        sides = expand([token.value for token in scope if token.kind == "side"])
        return sides, which or bool(sides) or self.floor > 0 or any(token.kind == "pronoun" for token in scope)

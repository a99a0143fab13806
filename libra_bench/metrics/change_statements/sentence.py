"""The rules that read one sentence: which findings, and which sides, each word of change speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from libra_bench.metrics.change_statements import lexicon
from libra_bench.metrics.change_statements.tokens import Token

_AFTER = frozenset({"after", "perfect", "weak-after"})
_BEFORE_CUE = frozenset(
    {"adverb", "negation", "singular", "plural", "transitive", "article", "hard", "punctuation", "word", "conjunction"}
)
"""What may stand between a subject and the word of change that speaks of it."""


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


@dataclass(slots=True)
class Antecedent:
    """What a pronoun or "the left" refers to."""

    findings: list[tuple[str, tuple[str | None, ...], Token]]


class Sentence:
    """The tokens of one sentence and the rules that read them."""

    def __init__(self, text: str, tokens: Sequence[Token], antecedent: Antecedent) -> None:
        self.text = text
        self.tokens = [token for token in tokens if token.kind != "not_change"]
        self.floor = 0
        """Where the subject of the next word of change can start: behind the last one and what it took."""
        for index, token in enumerate(self.tokens):
            if token.form == "perfect" and not self._behind_has(index):  # "is enlarged" describes
                self.tokens[index] = replace(token, kind="word", form="")
        self.compares = len(self.tokens) != len(tokens) or bool(
            re.search(r"\b(?:interval|since|compared|than|prior|previous)\b", _words(text, tokens))
        )
        self.antecedent = antecedent
        self.findings = {index for index, token in enumerate(self.tokens) if self._is_finding(index, token)}
        self.bound: set[int] = set()
        self.sides_told: dict[int, tuple[str | None, ...]] = {}

    def statements(self) -> list[ChangeStatement]:
        """What the sentence says of change, in order."""
        strong: list[ChangeStatement] = []
        weak: list[ChangeStatement] = []
        for index, cue in enumerate(self.tokens):
            if cue.kind == "whole":
                finding, _, direction = cue.value.partition("/")
                strong.append(ChangeStatement(finding, None, direction, ((cue.start, cue.end),)))
            elif cue.kind == "cue":
                (weak if cue.form.startswith("weak") else strong).extend(self._read(index, cue))
        said = {(statement.finding, statement.side) for statement in strong}
        mentioned = [
            (self.tokens[i].value, self._sides(i) or self.sides_told.get(i, ()), self.tokens[i])
            for i in sorted(self.findings)
            if not self._is_study(i)
        ]
        if mentioned:
            self.antecedent.findings = mentioned
        return strong + [statement for statement in weak if (statement.finding, statement.side) not in said]

    # --- one word of change ---

    def _read(self, index: int, cue: Token) -> Iterator[ChangeStatement]:
        negated = self._negated(index)
        right = self._right_findings(index)
        left = self._left_findings(index)
        after = cue.form in _AFTER or (cue.form != "noun" and self._is_predicate(index))
        attributive = bool(right) and not (after and (left or cue.form in _AFTER))
        if cue.form == "before" and not right:
            return
        findings = right if attributive else left
        behind = self._side_behind(index) if not attributive else ()
        scope_side, elided = self._scope_words(index)
        compares = self.compares or self._behind_has(index)
        self.floor = max([index + 1, *(i + 1 for i in findings)])
        direction = cue.value
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
                self.sides_told[i] = self._sides(i) or behind
                yield from self._emit(self.tokens[i].value, self.sides_told[i], direction, (self.tokens[i], cue))
        elif elided or (direction != "unchanged" and self._speaks_of_study() and self.antecedent.findings):
            yield from self._emit_antecedent(index, scope_side or behind, direction, cue)
        elif self._speaks_of_study():
            yield from self._emit("study", (), direction, (cue,))

    def _emit(
        self, finding: str, sides: Sequence[str | None], direction: str, words: Sequence[Token]
    ) -> Iterator[ChangeStatement]:
        good = finding in lexicon.QUANTITIES
        direction = {"better": "larger" if good else "smaller", "worse": "smaller" if good else "larger"}.get(
            direction, direction
        )
        spans = tuple(sorted((token.start, token.end) for token in words))
        for side in sides or (None,):
            yield ChangeStatement(finding, side, direction, spans)

    def _emit_antecedent(
        self, index: int, sides: Sequence[str | None], direction: str, cue: Token
    ) -> Iterator[ChangeStatement]:
        before = [i for i in sorted(self.findings) if i < index]
        plural = any(token.value in {"they", "these", "both", "those"} for token in self.tokens[:index])
        if before:
            chosen = [(self.tokens[i].value, self._sides(i), self.tokens[i]) for i in before]
        else:
            chosen = list(self.antecedent.findings)
        for finding, own_sides, token in chosen if plural else chosen[-1:]:
            yield from self._emit(finding, sides or own_sides, direction, (token, cue))

    # --- which findings ---

    def _right_findings(self, index: int) -> list[int]:
        """The noun phrase behind a word of change, and what is coordinated with it."""
        tokens, found, i = self.tokens, list[int](), index + 1
        subject = any(j in self.findings and j not in self.bound for j in range(self.floor, index))
        while i < len(tokens):  # up to the first finding
            token = tokens[i]
            if i in self.findings:
                found.append(i)
                break
            if token.kind in {"singular", "plural"} and i == index + 1 and not subject:  # "again seen is a granuloma"
                i += 1
                continue
            if token.kind == "conjunction" and tokens[i - 1].kind == "side":  # "left and right effusions"
                i += 1
                continue
            joins = token.kind in {"conjunction", "hard"} or token.value == ","
            if joins and not subject and self._next_cue(i):
                i = self._next_cue(i)
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
            if i in self.findings:
                if not joined:
                    break
                found.append(i)
                joined = False
            elif token.kind == "conjunction":
                joined = True
            elif token.value == ",":
                joined = self._list_goes_on(i)
                if not joined:
                    break
            elif token.kind not in {"word", "side", "article", "adverb", "preposition", "finding"}:
                break
        verb = tokens[stop].kind if stop < len(tokens) else ""
        if len(found) > 1 and (verb == "singular" or (verb in {"plural", "cue"} and self._ends_in_cue(stop))):
            found.pop()
        return [i for i in found if not self._negated(i)]

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
            if i in self.findings and not self._negated(i):
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

    def _is_finding(self, index: int, token: Token) -> bool:
        if token.kind != "finding":
            return False
        back = index - 1
        skipped = {"article", "side", "word", "adverb"} | ({"conjunction"} if token.value == "lungs" else set())
        while back >= 0 and self.tokens[back].kind in skipped:
            back -= 1
        before = self.tokens[back] if back >= 0 else None
        if token.value in lexicon.ANATOMY and before is not None and before.kind == "preposition":
            if (
                before.value == "to" and self.tokens[back - 1].value in lexicon.SEVERITY
            ):  # "moderate to marked cardiomegaly"
                return True
            return before.value not in lexicon.PLACE_PREPOSITIONS
        for earlier in reversed(self.tokens[:index]):  # "opacity, likely atelectasis"
            if earlier.kind in {"cue", "punctuation", "singular", "plural", "hard", "existential"}:
                return True
            if earlier.kind == "interpretation":
                return False
        return True

    def _prefer_findings(self, findings: list[int]) -> list[int]:
        """Leave the study out where a finding is named."""
        named = [i for i in findings if not self._is_study(i)]
        return named or findings

    def _is_study(self, index: int) -> bool:
        return self.tokens[index].value == "study"

    # --- which sides ---

    def _sides(self, index: int) -> tuple[str | None, ...]:
        """The sides told of the finding at `index`: ("left",), ("left", "right") or ()."""
        own = self._sides_before(index) or self._sides_after(index)
        if self.tokens[index].value in lexicon.MIDLINE:
            return own if len(own) == 1 else ()  # "bilateral edema" is edema
        if own:
            return own
        joined = False
        for i in range(index - 1, -1, -1):  # "left effusion and atelectasis"
            token = self.tokens[i]
            if token.kind == "conjunction" or token.value == ",":
                joined = True
            elif token.kind == "finding":
                return self._sides(i) if joined and token.value not in lexicon.MIDLINE else ()
            elif token.kind not in {"word", "adverb"}:
                return ()
        return ()

    def _sides_before(self, index: int) -> tuple[str | None, ...]:
        sides: list[str] = []
        for i in range(index - 1, -1, -1):
            token = self.tokens[i]
            if token.kind == "side":
                sides.append(token.value)
            elif token.kind == "conjunction":
                if not sides or i == 0 or self.tokens[i - 1].kind != "side":
                    break
            elif token.kind == "article":
                if sides:
                    break
            elif token.kind not in {"word", "adverb", "cue"} and token.value != "of":
                break
        return _expand(sides)

    def _sides_after(self, index: int) -> tuple[str | None, ...]:
        sides, placed = list[str](), False
        for token in self.tokens[index + 1 :]:
            if token.kind == "side" and (placed or token.value == "both"):
                sides.append(token.value)
            elif token.kind == "preposition":
                placed = placed or token.value in lexicon.PLACE_PREPOSITIONS or token.value == "of"
            elif token.value == ",":
                placed = False
            elif token.kind == "conjunction":
                if not (placed and sides):
                    break
            elif token.kind not in {"word", "article", "adverb"}:
                break
        return _expand(sides)

    def _side_behind(self, index: int) -> tuple[str | None, ...]:
        """ "Has increased on the right"."""
        following = self.tokens[index + 1 :]
        if any(token.kind == "finding" for token in following[:6]):
            return ()
        return self._sides_after(index)

    # --- small questions ---

    def _negated(self, index: int) -> bool:
        for i in range(index - 1, -1, -1):
            token = self.tokens[i]
            if token.kind == "negation":
                return True
            if token.kind == "conjunction" and i and self.tokens[i - 1].kind == self.tokens[index].kind:
                return token.value == "or" and self._negated(i - 1)
            passes = {"adverb", "word", "side"} if self.tokens[index].kind == "finding" else {"adverb"}
            if token.kind not in passes:
                return False
        return False

    def _behind_has(self, index: int) -> bool:
        for token in reversed(self.tokens[self.floor : index]):
            if re.fullmatch(r"has|have|had", token.value):
                return True
            if token.kind not in {"adverb", "negation", "conjunction", "punctuation", "word"}:
                return False
        return False

    def _is_predicate(self, index: int) -> bool:
        for token in reversed(self.tokens[:index]):
            if token.kind in {"singular", "plural"} or token.value in {"remain", "remains", "remained"}:
                return True
            if token.kind not in {"adverb", "negation"} and token.value != "in":  # "are in stable position"
                return False
        return False

    def _next_cue(self, index: int) -> int:
        """The index of the word of change that follows a comma or "but" at once, or 0."""
        for i in range(index + 1, len(self.tokens)):
            if self.tokens[i].kind == "cue":
                return i
            if self.tokens[i].kind not in {"adverb", "conjunction"}:
                return 0
        return 0

    def _list_goes_on(self, index: int) -> bool:
        """Whether a comma stands in "a, b, and c"."""
        for i in range(index + 1, len(self.tokens)):
            token = self.tokens[i]
            if token.kind == "conjunction":
                return True
            if token.kind not in {"word", "side", "article", "adverb", "finding", "preposition"} and token.value != ",":
                return False
        return False

    def _ends_in_cue(self, index: int) -> bool:
        return self.tokens[index].kind == "cue" or self._next_cue(index) > 0

    def _scope_words(self, index: int) -> tuple[tuple[str | None, ...], bool]:
        """(sides, whether the subject is only a pronoun, a side, or left out after another statement)."""
        scope = self.tokens[self.floor : index]
        which = any(token.value == "which" for token in scope)
        if not which and any(token.kind == "word" and token.value not in lexicon.STAND_INS for token in scope):
            return (), False
        sides = _expand([token.value for token in scope if token.kind == "side"])
        return sides, which or bool(sides) or self.floor > 0 or any(token.kind == "pronoun" for token in scope)

    def _speaks_of_study(self) -> bool:
        known = {
            "cue",
            "negation",
            "adverb",
            "article",
            "existential",
            "singular",
            "plural",
            "preposition",
            "punctuation",
        }
        words = [token for token in self.tokens if token.kind not in known]
        return all(token.value in lexicon.STUDY_WORDS or token.value.isdigit() for token in words)


def _expand(sides: Sequence[str]) -> tuple[str | None, ...]:
    if "both" in sides or {"left", "right"} <= set(sides):
        return "left", "right"
    return tuple(dict.fromkeys(sides))


def _words(text: str, tokens: Sequence[Token]) -> str:
    return text[tokens[0].start : tokens[-1].end].lower() if tokens else ""

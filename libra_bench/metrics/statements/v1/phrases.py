"""What a sentence contains: its findings, their sides, what is negated; questions that need no memory."""

from __future__ import annotations

from collections.abc import Sequence

from libra_bench.metrics.statements.v1 import lexicon
from libra_bench.metrics.statements.v1.tokens import Token


class Phrases:
    """The tokens of a sentence, with the questions that the rules ask of them; `index` is that of a token."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.findings = {index for index, token in enumerate(tokens) if self._is_finding(index, token)}
        """Indices of the findings that can be said to have changed."""

    def is_study(self, index: int) -> bool:
        """Whether a finding is the study itself."""
        return self.tokens[index].value == "study"

    def sides(self, index: int) -> tuple[str | None, ...]:
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
                return self.sides(i) if joined and token.value not in lexicon.MIDLINE else ()
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
        return expand(sides)

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
        return expand(sides)

    def side_behind(self, index: int) -> tuple[str | None, ...]:
        """ "Has increased on the right"."""
        following = self.tokens[index + 1 :]
        if any(token.kind == "finding" for token in following[:6]):
            return ()
        return self._sides_after(index)

    def negated(self, index: int) -> bool:
        """Whether the token at `index` is denied ("no effusion", "has not increased")."""
        for i in range(index - 1, -1, -1):
            token = self.tokens[i]
            if token.kind == "negation":
                return True
            if token.kind == "conjunction" and i and self.tokens[i - 1].kind == self.tokens[index].kind:
                return token.value == "or" and self.negated(i - 1)
            passes = {"adverb", "word", "side"} if self.tokens[index].kind == "finding" else {"adverb"}
            if token.kind not in passes:
                return False
        return False

    def is_predicate(self, index: int) -> bool:
        """Whether a word of change follows its verb ("is unchanged")."""
        for token in reversed(self.tokens[:index]):
            if token.kind in {"singular", "plural"} or token.value in {"remain", "remains", "remained"}:
                return True
            if token.kind not in {"adverb", "negation"} and token.value != "in":  # "are in stable position"
                return False
        return False

    def next_cue(self, index: int) -> int:
        """The index of the word of change that follows a comma or "but" at once, or 0."""
        for i in range(index + 1, len(self.tokens)):
            if self.tokens[i].kind == "cue":
                return i
            if self.tokens[i].kind not in {"adverb", "conjunction"}:
                return 0
        return 0

    def list_goes_on(self, index: int) -> bool:
        """Whether a comma is one of "a, b, and c"."""
        for i in range(index + 1, len(self.tokens)):
            token = self.tokens[i]
            if token.kind == "conjunction":
                return True
            if token.kind not in {"word", "side", "article", "adverb", "finding", "preposition"} and token.value != ",":
                return False
        return False

    def ends_in_cue(self, index: int) -> bool:
        """Whether a word of change is at or just after `index`."""
        return self.tokens[index].kind == "cue" or self.next_cue(index) > 0

    def speaks_of_study(self) -> bool:
        """Whether the sentence has no subject but the study ("no change since the prior exam")."""
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


def expand(sides: Sequence[str]) -> tuple[str | None, ...]:
    """Each side once; "both" is left and right."""
    if "both" in sides or {"left", "right"} <= set(sides):
        return "left", "right"
    return tuple(dict.fromkeys(sides))

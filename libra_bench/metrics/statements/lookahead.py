"""What a token leads to: read once from the end of a sentence, so that no rule has to search."""

from __future__ import annotations

from collections.abc import Sequence

from libra_bench.metrics.statements.lexicon.entry import Entry
from libra_bench.metrics.statements.tokens import Token

MODIFIERS = frozenset({
    "adverb", "place", "side", "grade", "sign", "mask", "number", "unit", "word", "normal", "borderline", "visible",
    "stem", "cue", "earlier", "compare", "now", "doubt", "article", "mark", "asymmetry", "part",
})  # fmt: skip
"""What may come between a modifier and its finding."""
_JOINTS = frozenset({"and", "or", "comma", "slash", "hard"})
_REACH = (MODIFIERS | {"of", "preposition", "and", "or", "sign-noun", "slash", "pronoun"}) - {"normal", "borderline"}
_DESCRIBES = frozenset({"adverb", "grade", "side", "place"})
"""Between these a comma goes on: "worsening of multifocal, bilateral opacities"."""
_ENDS = frozenset({"stop", "hard", "be", "have", "exists", "relative", "with", "negation"})


class Lookahead:
    """For each index of the tokens (and one behind the last): the index of what follows, or -1."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        n = len(tokens)
        self.head = [-1] * (n + 1)
        """The finding whose noun phrase the token is in."""
        self.listed = [-1] * (n + 1)
        """The same, across "and" and commas between modifiers: "stable and normal heart"."""
        self.structure = [-1] * (n + 1)
        """The structure that a noun in front speaks of: "widening (of the left hilum)"."""
        self.object = [-1] * (n + 1)
        """The finding that a noun of change in front speaks of: "increase (in size of the effusion)"."""
        self.or_follows = [False] * (n + 1)
        """Whether an "or" follows in the same clause."""
        self.versus_follows = [False] * (n + 1)
        """Whether the list weighs alternatives: "(scarring) versus effusion"."""
        self.list_goes_on = [False] * (n + 1)
        """Whether the list has an "and" or "or" still to come."""
        self.names = [False] * (n + 1)
        """Whether the token names a finding: a head, or a stem used as one."""
        for i in range(n - 1, -1, -1):
            token, after = tokens[i], i + 1
            kind = "explains" if token.value == "verb" else token.kind
            self.or_follows[i] = kind == "or" or (kind not in _ENDS and self.or_follows[after])
            self.versus_follows[i] = token.value == "versus" or (
                kind not in _ENDS and kind != "comma" and self.versus_follows[after]
            )
            self.list_goes_on[i] = kind in {"and", "or", "slash"} or (
                kind not in _ENDS and kind != "preposition" and self.list_goes_on[after]
            )
            self.names[i] = kind == "head" or (kind == "stem" and self._stem_names(tokens, i))
            if self.names[i]:
                self.head[i] = self.listed[i] = self.object[i] = i
                structure = kind == "stem" or token.value.kind in {"structure", "study"}
                self.structure[i] = i if structure else -1
                continue
            if kind == "sign-noun" and self.structure[after] >= 0:
                self.head[i] = self.listed[i] = self.structure[after]
            elif kind in MODIFIERS:
                self.head[i], self.listed[i] = self.head[after], self.listed[after]
            elif kind in _JOINTS:
                self.listed[i] = self.listed[after]
            lists = kind == "comma" and i > 0 and tokens[i - 1].kind in _DESCRIBES and self.head[after] >= 0
            if kind in _REACH or lists:
                self.structure[i], self.object[i] = self.structure[after], self.object[after]

    def _stem_names(self, tokens: Sequence[Token], index: int) -> bool:
        """Whether an adjective means its structure: "mediastinal widening", "hilar and mediastinal contours"."""
        entry: Entry = tokens[index].value
        i = index + 1
        while i < len(tokens) and i < index + 6 and tokens[i].kind in {"adverb", "place", "grade", "mask"}:
            i += 1
        if i < len(tokens) and (tokens[i].kind == "sign-noun" or tokens[i].words == "changes"):
            return True
        if i == index + 2 and tokens[i - 1].kind == "mask":  # "cardiac and mediastinal XXXX are normal"
            return entry.midline and i < len(tokens) and tokens[i].kind in {"be", "normal"}
        if index + 1 >= len(tokens) or tokens[index + 1].kind not in _JOINTS:
            return False
        i = index + 2
        while i < len(tokens) and i < index + 6 and tokens[i].kind in {"adverb", "place", "article", "side", "mask"}:
            i += 1
        if i >= len(tokens) or not self.names[i]:
            return False
        other: Entry = tokens[i].value
        return other is not entry and other.kind == entry.kind

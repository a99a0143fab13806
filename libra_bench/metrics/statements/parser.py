"""Reads one sentence from left to right, once: what is named, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from libra_bench.metrics.statements.mention import Mention
from libra_bench.metrics.statements.rules import changes, clauses, degrees, descriptions, nouns, places, scopes
from libra_bench.metrics.statements.rules.reading import Reading
from libra_bench.metrics.statements.tokens import Token, tokenize

Rule: TypeAlias = Callable[[Reading, int, Token], None]

RULES: dict[str, Rule] = {
    "head": nouns.head,
    "stem": nouns.stem,
    "sign": descriptions.sign,
    "sign-noun": descriptions.sign_noun,
    "normal": descriptions.normal,
    "borderline": descriptions.borderline,
    "cue": changes.change,
    "compare": changes.interval,
    "word": changes.unknown,
    "grade": degrees.grade,
    "number": degrees.number,
    "earlier": degrees.earlier,
    "now": degrees.now,
    "side": places.side,
    "place": places.place,
    "preposition": places.preposition,
    "of": places.of,
    "negation": scopes.negation,
    "not": scopes.deny_next,
    "visible": scopes.visible,
    "part": scopes.part,
    "post-negation": scopes.post_negation,
    "doubt": scopes.doubt,
    "post-doubt": scopes.post_doubt,
    "not-well-seen": scopes.not_well_seen,
    "explains": scopes.explains,
    "suppress": scopes.suppress,
    "mask": scopes.mask,
    "article": clauses.article,
    "adverb": clauses.adverb,
    "pronoun": clauses.pronoun,
    "be": clauses.verb,
    "have": clauses.verb,
    "show": clauses.verb,
    "with": clauses.side_remark,
    "comma": clauses.join_comma,
    "slash": clauses.join_slash,
    "and": clauses.join_and,
    "or": clauses.join_or,
    "hard": clauses.hard_break,
    "relative": clauses.relative,
    "exists": clauses.existential,
    "colon": clauses.colon,
    "stop": clauses.full_stop,
}
_ENDS_SUPPRESSION = frozenset({"hard", "stop", "exists", "relative"})
_IN_COMPOUND = frozenset(
    {"adverb", "place", "side", "grade", "mask", "number", "unit", "word", "stem", "head", "sign-noun"}
)
"""May be inside a compound noun: "lung (lower lobe) nodule"."""


@lru_cache(maxsize=16384)
def parse(sentence: str) -> tuple[Mention, ...]:
    """The mentions of a sentence, in order; a sentence that occurs again is read once. Do not change them."""
    tokens = tokenize(sentence)
    reading = Reading(tokens)
    for index, token in enumerate(tokens):
        rule = RULES.get(token.kind)
        if rule is not None and (not reading.suppressed or token.kind in _ENDS_SUPPRESSION):
            rule(reading, index, token)
        if token.kind not in _IN_COMPOUND:
            reading.compound = None
    changes.speak_of_before(reading)
    return tuple(reading.mentions)

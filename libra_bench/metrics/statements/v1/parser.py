"""Statements of change in a report: rules that bind a word of change to the findings and sides it speaks of.

    statements("Left effusion has increased, edema is unchanged.")
    -> (pleural effusion, left, larger), (edema, None, unchanged), each with the offsets of the words that say so

How it reads: sentences; tokens (`lexicon.py`); then each word of change looks for its findings (`sentence.py`).

- In front of its finding ("new left effusion", "increase in the effusion") it takes the noun phrase that follows, with
  the findings coordinated in it; behind ("the effusion and edema have increased") it takes the subject: a plural verb
  takes the whole list, a singular verb the last noun phrase.
- A clause ends at "but", "while", ";" and at the previous word of change; "with" starts a side remark.
- Negation turns every direction into "unchanged" ("has not decreased", "no increase in"); "no new X" says nothing.
- Sides come from the noun phrase, a phrase behind it ("on the left"), or the finding it is coordinated with;
  "bilateral" is two statements. "The left is unchanged" and "it has decreased" speak of the last finding.
- What follows "likely", "suggesting", ... only explains, and is never said to have changed.

Known limits: one sentence at a time, but for pronouns; no lobes, no sizes in numbers; no causes or plans.
"""

from __future__ import annotations

import re
from functools import lru_cache

from libra_bench.metrics.statements.v1 import lexicon
from libra_bench.metrics.statements.v1.sentence import Antecedent, ChangeStatement, Sentence
from libra_bench.metrics.statements.v1.tokens import sentences, tokenize

__all__ = ["ChangeStatement", "canonical_finding", "has_comparison", "statements"]


@lru_cache(maxsize=65536)
def statements(text: str) -> tuple[ChangeStatement, ...]:
    """Every statement of change in a text, in order, each triple once."""
    found: dict[tuple[str, str | None, str], ChangeStatement] = {}
    antecedent = Antecedent([])
    for start, words in sentences(text):
        for statement in Sentence(words, start, antecedent).statements():
            found.setdefault(statement.triple, statement)
    return tuple(found.values())


def has_comparison(text: str) -> bool:
    """Whether a text compares with an earlier study: a statement of change, or words such as "prior" and "interval"."""
    without = re.sub(lexicon.NO_PRIOR, " ", text, flags=re.IGNORECASE)
    if re.search(rf"\b(?:{lexicon.COMPARISON})\b", without, re.IGNORECASE):
        return True
    return bool(statements(without))


def canonical_finding(name: str) -> str:
    """The lexicon's name of a finding ("effusion" -> "pleural effusion"), else the name itself."""
    tokens = [token for token in tokenize(name) if token.kind == "finding"]
    return tokens[0].value if len(tokens) == 1 else name

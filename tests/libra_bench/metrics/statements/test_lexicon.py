"""The tables of words: every phrase is reached, every sign is known, the notation says what it means."""

from __future__ import annotations

import pytest

from libra_bench.metrics.statements.lexicon import ENTRIES, signs
from libra_bench.metrics.statements.phrases import Trie, expand, phrases
from libra_bench.metrics.statements.statement import CATEGORIES
from libra_bench.metrics.statements.tokens import tokenize


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        ("effusion/s", {"effusion", "effusions"}),
        ("opacit/y/ies", {"opacity", "opacities"}),
        ("remain//s/ed", {"remain", "remains", "remained"}),
        ("[pleural] effusion", {"effusion", "pleural effusion"}),
        ("(heart|cardiac shadow) size", {"heart size", "cardiac shadow size"}),
        ("sharp|clear", {"sharp", "clear"}),
    ],
)
def test_notation(phrase, words):
    assert {" ".join(it) for it in expand(phrase)} == words


def test_the_longest_phrase_wins_then_the_first():
    trie = Trie([("effusion; pleural effusion", 1), ("pleural", 2), ("effusion", 3)])
    assert trie.longest(["pleural", "effusion"], 0) == (2, 1)
    assert trie.longest(["pleural", "fluid"], 0) == (1, 2)
    assert trie.longest(["effusion"], 0) == (1, 1)
    assert trie.longest(["fluid"], 0) is None


def test_every_phrase_of_a_finding_is_read_as_that_finding():
    """No phrase is shadowed by another table: what a clinician adds is either read or shown here."""
    shadowed = []
    for entry in ENTRIES:
        for phrase in phrases(entry.phrases):
            for words in expand(phrase):
                tokens = tokenize(" ".join(words))
                if len(tokens) != 1 or tokens[0].kind != "head" or tokens[0].value.name != entry.name:
                    shadowed.append((entry.name, " ".join(words)))
    assert not shadowed


def test_categories_and_signs_exist():
    known = {"*", *signs.SIGN_ADJECTIVES, *signs.SIGN_NOUNS}
    for entry in ENTRIES:
        assert entry.category is None or entry.category in CATEGORIES
        assert set(entry.signs) <= known, entry.name
        assert not (entry.signs and entry.kind == "finding"), entry.name
        assert not (entry.midline and entry.diffuse), entry.name


def test_names_of_the_first_lexicon_stay():
    from libra_bench.metrics.statements.v1.lexicon import FINDINGS

    assert set(FINDINGS) <= {entry.name for entry in ENTRIES}

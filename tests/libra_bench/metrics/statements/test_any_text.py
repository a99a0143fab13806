"""Whatever a person types is read: nothing raises, offsets lie in the text, time grows with the length."""

from __future__ import annotations

import time

import pytest
from every_case import every_case
from hypothesis import given, settings
from hypothesis import strategies as st

from libra_bench import report_statements
from libra_bench.metrics.statements.lexicon import ENTRIES
from libra_bench.metrics.statements.statement import CATEGORIES, CHANGES
from libra_bench.metrics.statements.tokens import _tables

WORDS = sorted(
    {
        word.strip("[]()")
        for *_, table in _tables()
        for word in table.replace("|", " ").replace(";", " ").replace("/", " ").split()
    }
)
NAMES = {entry.name for entry in ENTRIES} | {name for entry in ENTRIES for name, _ in entry.signs.values()}


def check(text):
    for statement in report_statements(text):
        assert 0 <= statement.start < statement.end <= len(text)
        assert statement.finding in NAMES
        assert statement.category is None or statement.category in CATEGORIES
        assert statement.presence in {"present", "absent", "uncertain"}
        assert statement.side in {"left", "right", None}
        assert statement.severity in {"mild", "moderate", "severe", None}
        assert statement.change is None or statement.change in CHANGES
        assert not (statement.presence == "absent" and statement.severity)


@given(st.text(max_size=400))
@settings(deadline=None)
def test_any_text(text):
    check(text)


@given(
    st.lists(st.sampled_from([*WORDS, ".", ",", ";", ":", "\n", "/", "?", "<br>", "XXXX", "___", "-", "(", "5", "mm"]))
)
@settings(deadline=None, max_examples=300)
def test_any_words_of_the_lexicon(words):
    check(" ".join(words))
    check("".join(words))


@every_case(
    "text",
    [
        "",
        " ",
        "\n\n\n",
        ".",
        "肺野清晰,未见胸腔积液。",
        "Es besteht kein Pleuraerguss. Herz nicht vergrößert.",
        "\ud800 effusion",
        "\x00effusion\x00",
        "effusion\u2028edema",
        "İ effusion",
        "<html><body><p>No effusion</p></body></html>",
        "((((((((((",
    ],
)
def test_odd_text(text):
    check(text)


@pytest.mark.parametrize(
    "unit",
    [
        "effusion ",
        "effusion, ",
        "left effusion and ",
        "no effusion or ",
        "opacity may represent atelectasis or ",
        "unchanged ",
        "effusion is unchanged, ",
        "larger on the right, ",
        "the left is unchanged, ",
        "left mild, ",
        "cardiac and mediastinal ",
        "enlargement of the ",
        "increase in ",
        "which is ",
        "COMPARISON: none. ",
        "<p>no effusion",
        "<",
        "a:",
        "1. ",
        "X",
        "\n",
    ],
)
def test_time_grows_with_the_length(unit):
    """About half a second; a quadratic rule would take very much longer."""
    text = unit * (10_000 // max(1, len(unit.split())))
    start = time.process_time()
    report_statements(text)
    assert time.process_time() - start < 8


def test_a_thousand_findings_in_one_sentence():
    text = ", ".join(["left effusion"] * 2000) + "."
    assert len(report_statements(text)) == 2000

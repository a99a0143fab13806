"""What sentences state: a table of our own sentences, and properties that hold for all of them."""

from __future__ import annotations

from collections import Counter

import pytest
from repository import GOLDEN

from libra_bench import report_statements

_PRESENCE = {"present": "+", "absent": "-", "uncertain": "?"}
_SEVERITIES = {"mild", "moderate", "severe"}


def cases():
    for line in (GOLDEN / "statements.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            text, _, expected = line.rpartition("|")
            yield text.strip().replace("\\n", "\n"), Counter(expand(expected))


def expand(expected):
    """`finding + B mild new` -> (finding, presence, side, severity, change), one for each side."""
    for item in filter(str.strip, expected.split(";")):
        words = item.split()
        at = next(i for i, word in enumerate(words) if word in {"+", "-", "?"})
        told = words[at + 1 :]
        side = next((word for word in told if word in {"L", "R", "B"}), None)
        severity = next((word for word in told if word in _SEVERITIES), None)
        change = next((word for word in told if word not in {"L", "R", "B"} | _SEVERITIES), None)
        for one in {"B": ("left", "right"), "L": ("left",), "R": ("right",), None: (None,)}[side]:
            yield " ".join(words[:at]), words[at], one, severity, change


def read(text):
    return Counter(
        (it.finding, _PRESENCE[it.presence], it.side, it.severity, it.change) for it in report_statements(text)
    )


CASES = list(cases())


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text[:50] for text, _ in CASES])
def test_sentence(text, expected):
    assert read(text) == expected

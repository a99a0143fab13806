"""Diagnostics: each number by hand."""

from __future__ import annotations

import pytest

from libra_bench.metrics.diagnostics import is_normal, is_truncated, repetition
from libra_bench.metrics.registry import make_metric


def test_by_hand():
    result = make_metric("diagnostics").score(
        ["The lungs are clear.", "the lungs  are clear.", "", "Effusion on the"],
        [["The lungs are clear."], ["Left effusion."], ["Normal."], ["Small left effusion."]],
    )
    assert result.values == {
        "Unique-reports": 75.0,
        "Repetition": 0.0,
        "Empty-reports": 25.0,
        "Truncated-reports": 25.0,
    }
    assert result.statistics is None
    assert result.details["length_ratio"] == pytest.approx(11 / 10)
    assert result.details["normal_reports"] == {"predictions": 50.0, "references": 50.0, "agreement": 50.0}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Clear lungs. Normal heart.", 0.0),
        ("Clear lungs. Clear  LUNGS. Normal heart. Clear lungs.", 0.5),
        ("no no no no no", 0.75),
        ("", 0.0),
    ],
)
def test_repetition(text, value):
    assert repetition(text) == pytest.approx(value)


def test_generation_knows_better_than_punctuation():
    assert is_truncated("Lungs are clear.", "length")
    assert not is_truncated("Lungs are", "stop")
    assert is_truncated("Lungs are")
    assert not is_truncated("Lungs are clear.)")


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("No pneumothorax or effusion. Heart size is normal.", True),
        ("No pneumothorax. Small left effusion.", False),
        ("The heart is enlarged.", False),
        ("No acute cardiopulmonary process.", True),
        ("", False),
    ],
)
def test_normal_reports(text, normal):
    assert is_normal(text) is normal

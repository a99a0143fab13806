"""The lexical metrics give the values that the official implementations gave (tests/golden/metrics/*.json)."""

from __future__ import annotations

import json

import pytest
from every_case import every_case
from repository import GOLDEN

from libra_bench.metrics.normalize import clean_text, normalize
from libra_bench.metrics.registry import make_metric
from libra_bench.metrics.temporal_f1 import KEYWORDS, temporal_f1_score

CASES = [
    case
    for name in ("bleu", "rouge_l", "meteor", "cider", "temporal_f1")
    for case in json.loads((GOLDEN / "metrics" / f"{name}.json").read_text())
]
RECORDED = json.loads((GOLDEN / "metrics.json").read_text())


@every_case("case", CASES)
def test_value_of_the_official_implementation(case: dict) -> None:
    result = make_metric(case["metric"]).score(case["predictions"], case["references"])
    for key, expected in case["expected"].items():
        assert result.values[key] == pytest.approx(expected, abs=case["tolerance"]), case["why"]
    for key, expected in case.get("samples", {}).items():
        assert list(result.samples[key]) == pytest.approx(expected, abs=case["tolerance"]), case["why"]


def test_cleaning_is_the_published_one() -> None:
    for case in RECORDED["clean_text"]:
        assert clean_text(case["in"]) == case["temporal_f1.clean_text"]
        assert normalize(case["in"]) == case["radiology_report.clean_text(lower)"]


def test_temporal_f1_of_every_recorded_pair() -> None:
    pairs = RECORDED["pairs"]
    result = temporal_f1_score([pair["prediction"] for pair in pairs], [pair["reference"] for pair in pairs])
    assert result["f1"] == pytest.approx(RECORDED["average_f1"], abs=1e-12)
    assert list(result) == RECORDED["return_keys"]
    assert [sorted(words) for words in result["prediction_entities"]] == [p["prediction_entities"] for p in pairs]
    assert [sorted(words) for words in result["reference_entities"]] == [p["reference_entities"] for p in pairs]
    for pair in pairs:
        single = temporal_f1_score([pair["prediction"]], [pair["reference"]])["f1"]
        assert single == pytest.approx(pair["f1"], abs=1e-15), pair
    for pair, expected in zip(pairs, RECORDED["epsilon_1e-3"], strict=False):
        single = temporal_f1_score([pair["prediction"]], [pair["reference"]], epsilon=1e-3)["f1"]
        assert single == pytest.approx(expected, abs=1e-15), pair


def test_keywords_are_the_published_ones() -> None:
    assert sorted(KEYWORDS) == RECORDED["keywords"]

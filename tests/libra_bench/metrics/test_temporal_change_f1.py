"""temporal_change_f1: zero where temporal F1 is fooled, micro F1, confusion, comparison without a prior."""

from __future__ import annotations

import json

import pytest
from every_case import every_case
from repository import GOLDEN

from benchmarks.errors import InputError
from libra_bench.metrics.choice import choose_metrics
from libra_bench.metrics.registry import make_metric


def run(predictions, references, fields=None):
    texts = [[text] if isinstance(text, str) else text for text in references]
    return make_metric("temporal_change_f1").score(predictions, texts, fields)


@every_case(
    ("prediction", "reference"),
    [
        ("Effusion has increased, edema has decreased.", "Effusion has decreased, edema has increased."),
        ("The effusion has not decreased.", "The effusion has decreased."),
        ("Left effusion has increased.", "Right effusion has increased."),
        ("Effusion is unchanged.", "Pneumothorax is unchanged."),
        ("", "Left effusion has increased."),
        ("Left effusion has increased.", ""),
        ("There is no new effusion.", "There is a new effusion."),
        ("unchanged stable new worse improved increased", "Left effusion has increased."),
    ],
)
def test_zero_where_keywords_agree(prediction, reference):
    assert run([prediction], [reference]).values["Temporal_change_score"] == 0.0


def test_same_meaning_in_other_words():
    result = run(
        ["Bilateral effusions are larger. No interval change in cardiomegaly."],
        ["Interval increase in left and right pleural effusions. Heart size is stable."],
    )
    assert result.values == {"Temporal_change_score": 100.0, "Temporal_direction_score": 100.0}


def test_direction_alone():
    result = run(["Left effusion has increased."], ["Right effusion has increased."])
    assert result.values == {"Temporal_change_score": 0.0, "Temporal_direction_score": 100.0}


def test_micro_over_the_corpus_and_a_value_a_sample():
    result = run(
        ["Left effusion is larger. Edema is stable.", "Lungs are clear.", "New pneumothorax."],
        ["Left effusion is larger.", "Heart size is normal.", "Pneumothorax has resolved."],
    )
    assert result.values["Temporal_change_score"] == pytest.approx(100 * 2 * 1 / (3 + 2))
    assert result.samples["Temporal_change_score"] == pytest.approx([200 / 3, 100.0, 0.0])
    assert result.details["precision"] == pytest.approx(100 / 3)
    assert result.details["recall"] == pytest.approx(50)
    assert result.details["direction_confusion"]["resolved"]["new"] == 1
    assert result.details["direction_confusion"]["larger"]["larger"] == 1
    assert result.details["support"]["references"] == {
        "statements": 2,
        "samples_with_statements": 2,
        "by_direction": {"new": 0, "larger": 1, "smaller": 0, "resolved": 1, "unchanged": 0},
    }


def test_the_best_reference_counts():
    references = [["Edema is worse.", "Left effusion is larger."]]
    assert run(["Left effusion is larger."], references).values["Temporal_change_score"] == 100.0


def test_comparison_without_a_prior():
    result = run(
        ["Unchanged effusion.", "Small effusion.", "Unchanged effusion."],
        ["Small effusion."] * 3,
        [{"has_prior": False}, {"has_prior": False}, {"has_prior": True}],
    )
    assert result.details["comparison_without_prior"] == {"samples": 2, "predictions": 50.0, "references": 0.0}
    assert run(["a"], ["b"]).details["comparison_without_prior"] is None


def test_spans_name_what_changed():
    prediction = "The left effusion has increased."
    spans = run([prediction], ["Stable."]).spans
    said = {(span.label, prediction[span.start : span.end]) for span in spans if span.side == "prediction"}
    assert said == {("left pleural effusion: larger", "effusion")}
    assert {span.label for span in spans if span.side == "reference"} == {"study: unchanged"}


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [
        ("No left effusion, unchanged.", "Small left effusion, unchanged.", 0),
        ("Possible left effusion, unchanged.", "Small left effusion, unchanged.", 100),
        ("The effusion has resolved.", "The effusion is no longer seen.", 100),
        ("The heart is unchanged in size.", "Cardiomegaly is unchanged.", 100),
    ],
)
def test_whether_it_is_there_counts_of_findings(prediction, reference, expected):
    assert run([prediction], [reference]).values["Temporal_change_score"] == expected


def run_version(version, predictions, references):
    return make_metric(f"temporal_change_f1[version={version}]").score(predictions, references)


def test_version_1_is_the_first_reader_under_its_old_signature():
    """Its words of change have spans of their own, and it takes a recurrence for a resolution."""
    metric = make_metric("temporal_change_f1[version=1]")
    assert metric.signature == "temporal_change_f1|agg:micro|both_empty:100|impl:libra-bench|v:1"
    assert "|v:2" in make_metric("temporal_change_f1").signature
    text = "Recurrent right pneumothorax after chest tube removal."
    first, second = (run_version(version, [text], [[text]]).spans for version in (1, 2))
    assert "right pneumothorax: resolved" in {span.label for span in first} - {span.label for span in second}


@pytest.mark.parametrize("version", [1, 2])
def test_both_versions_give_the_hand_computed_values(version):
    for case in json.loads((GOLDEN / "metrics" / "temporal_change_f1.json").read_text(encoding="utf-8")):
        result = run_version(version, case["predictions"], case["references"])
        assert result.values == pytest.approx(case["expected"], abs=case["tolerance"]), case["why"]


def test_another_version_is_refused():
    with pytest.raises(InputError, match="use 1 or 2"):
        choose_metrics("temporal_change_f1[version=3]")


def test_order_of_samples_does_not_matter():
    predictions = ["Left effusion is larger.", "", "Edema has resolved."]
    references = ["Left effusion is larger.", "New edema.", "Edema has resolved."]
    assert run(predictions, references).values == run(predictions[::-1], references[::-1]).values

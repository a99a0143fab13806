"""temporal_labels: against scikit-learn; silence, reversal, and the exact truth of phantoms."""

from __future__ import annotations

import random

import pytest
from every_case import every_case
from sklearn.metrics import balanced_accuracy_score, f1_score

from benchmarks.phantoms.writing import TASKS, phantom_studies
from benchmarks.schema import Sample
from libra_bench.experiments.arm_texts import Share, labels_reversed
from libra_bench.metrics.progression import PROGRESSIONS, WORDS, TemporalLabel, is_reversed, temporal_label
from libra_bench.metrics.registry import make_metric
from libra_bench.metrics.statements.statement import CHANGES

SENTENCES = {
    "new": "New edema.",
    "worse": "Edema has worsened.",
    "stable": "Edema is unchanged.",
    "improved": "Edema has improved.",
    "resolved": "Edema has resolved.",
}


def run(predictions, labels, metric="temporal_labels"):
    fields = [{"labels": of_sample} for of_sample in labels]
    return make_metric(metric).score(predictions, [["-"]] * len(predictions), fields)


@every_case(
    ("text", "label"),
    [
        ("pleural_effusion: improving", TemporalLabel("pleural effusion", None, "improved")),
        ("Pleural Effusion: Resolved", TemporalLabel("pleural effusion", None, "resolved")),
        ("left lung opacity:larger", TemporalLabel("lung opacity", "left", "worse")),
        ("PICC: unchanged", TemporalLabel("picc", None, "stable")),
        ("Pleural Other: worse", TemporalLabel("pleural other", None, "worse")),
        ("edema: perhaps", None),
        ("edema", None),
        (": worse", None),
        ("left: worse", None),
        ("the moon: worse", None),
    ],
)
def test_labels_are_read(text, label):
    assert temporal_label(text) == label


def test_every_change_that_the_reader_knows_is_a_progression():
    assert set(CHANGES) <= WORDS.keys()


@pytest.mark.parametrize("seed", range(3))
def test_accuracy_and_f1_are_scikit_learns(seed):
    rng = random.Random(seed)
    true = rng.choices(PROGRESSIONS, k=60)
    said = [rng.choice([*PROGRESSIONS, truth, truth]) for truth in true]
    result = run([SENTENCES[one] for one in said], [[f"edema: {one}"] for one in true])
    assert result.values["Temporal-labels-accuracy"] == pytest.approx(100 * balanced_accuracy_score(true, said))
    assert result.values["Temporal-labels-macro-f1"] == pytest.approx(100 * f1_score(true, said, average="macro"))
    assert result.values["Temporal-labels-coverage"] == 100
    confusion = result.details["findings"]["edema"]["confusion"]
    assert confusion["new"]["worse"] == sum(pair == ("new", "worse") for pair in zip(true, said, strict=True))


def test_kinds_of_silence_are_told_apart():
    texts = ["", "Edema is seen.", "No edema.", "Edema has worsened."]
    result = run(texts, [["edema: worse"]] * 4)
    found = result.details["findings"]["edema"]
    assert found["silence"] == {"not mentioned": 1, "no change stated": 1, "denied": 1}
    assert found["coverage"] == 25
    assert (found["accuracy"], result.details["with_silence_wrong"]) == (100, {"accuracy": 25, "macro_f1": 40})


def test_a_suite_without_such_labels_has_no_value():
    for labels in ([], ["edema", "effusion"]):
        result = run(["Edema is worse."], [labels])
        assert result.values == {}
        assert "no sample has labels" in result.details["not_applicable"]


def test_labels_that_cannot_be_read_are_named():
    result = run(["Edema is worse."], [["edema: worse", "the moon: worse"]])
    assert result.details["unread_labels"] == {"the moon: worse": 1}


def test_spans_say_what_was_right():
    result = run(["The edema has worsened."], [["edema: improving"]])
    (span,) = result.spans
    assert "The edema has worsened."[span.start : span.end] == "edema"
    assert span.label == "edema: worse (label: improved)"


@every_case(
    ("before", "after", "reversed_"),
    [
        ("Effusion has increased.", "Effusion has decreased.", True),
        ("New effusion.", "The effusion has resolved.", True),
        ("Effusion has increased.", "The effusion has resolved.", True),
        ("Effusion has increased.", "Effusion has increased.", False),
        ("Effusion has increased.", "", False),
        ("Effusion is unchanged.", "Effusion has increased.", None),
        ("", "Effusion has increased.", None),
    ],
)
def test_reversing_the_images_reverses_the_label(before, after, reversed_):
    assert is_reversed(before, after, TemporalLabel("pleural effusion", None, "stable")) is reversed_


def test_the_labels_of_progression_are_what_was_drawn_and_what_the_report_says():
    records = [record for study in phantom_studies(20, 7) for record in TASKS["temporal"](study)]
    assert len(records) > 20
    for record in records:
        drawn = [f"{change['side'] or ''} {change['finding']}: {change['direction']}" for change in record["changes"]]
        assert record["labels"] == [text.strip() for text in drawn]
    result = make_metric("temporal_labels").score([r["reference"] for r in records], [["-"]] * len(records), records)
    assert set(result.values.values()) == {100.0}
    assert result.details["unread_labels"] == {}


def test_labels_that_turn_around_with_the_images():
    before = {1: "Left effusion has increased. Edema is unchanged.", 2: "No effusion.", 3: "New left effusion."}
    after = {1: "Left effusion has decreased. Edema has worsened.", 2: "No effusion.", 3: "New left effusion."}
    labels = ("left pleural effusion: worse", "edema: stable")
    samples = [Sample(number, (), "Describe.", labels=labels) for number in before]
    assert labels_reversed(samples, before, after) == Share(2, 0.5)
    assert labels_reversed([Sample(1, (), "Describe.", labels=("edema",))], before, after) is None

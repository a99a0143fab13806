"""report_errors and chexpert_rules on texts: columns, references, statistics, spans, weights, signature."""

from __future__ import annotations

import json

import numpy as np
import pytest
from made_up_reports import PAIRS

from benchmarks.errors import InputError
from libra_bench.metrics.choice import choose_metrics
from libra_bench.metrics.registry import make_metric
from libra_bench.metrics.statements.reader import report_statements

COLUMNS = (
    "score", "false-finding", "missing-finding", "location", "severity", "false-comparison", "missing-comparison",
    "precision", "recall",
)  # fmt: skip
NORMAL = "The heart is normal in size. The lungs are clear. No pleural effusion or pneumothorax. No acute fracture."
REPORTS = [text for pair in PAIRS for text in pair]


def run(predictions, references, name="report_errors"):
    return make_metric(name).score(predictions, [[text] if isinstance(text, str) else text for text in references])


def test_the_columns():
    result = run(["Left pleural effusion. Pneumothorax."], ["Right pleural effusion. Cardiomegaly."])
    assert list(result.values) == [f"Report-errors-{name}" for name in COLUMNS]
    assert result.values == pytest.approx(
        {
            "Report-errors-score": 100
            * ((part := (matched := 0.5 + 0.1 * 0.5 / 0.75) / (matched + 6)) + (1 - part) / 250),
            "Report-errors-false-finding": 100,
            "Report-errors-missing-finding": 100,
            "Report-errors-location": 100,
            "Report-errors-severity": 0,
            "Report-errors-false-comparison": 0,
            "Report-errors-missing-comparison": 0,
            "Report-errors-precision": 50,
            "Report-errors-recall": 50,
        }
    )


def test_a_copy_scores_100_and_shuffled_sentences_do_too():
    assert run(REPORTS, REPORTS).samples["Report-errors-score"] == [100.0] * len(REPORTS)


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [("", "", 100), ("", NORMAL, 0), (NORMAL, "", 0), ("", "Pneumothorax.", 0), ("Bonjour.", "Ciao.", 100)],
)
def test_where_a_report_states_nothing(prediction, reference, expected):
    assert run([prediction], [reference]).values["Report-errors-score"] == expected


@pytest.mark.parametrize(
    "reference", ["Large right pneumothorax.", "Small left pleural effusion.", "Calcified granuloma.", "Cardiomegaly."]
)
def test_the_normal_report_scores_at_most_10_where_there_is_a_finding(reference):
    assert (
        run([NORMAL], [f"{reference} {NORMAL.removeprefix('The heart is normal in size. ')}"]).values[
            "Report-errors-score"
        ]
        < 10
    )


@pytest.mark.parametrize("name", ["report_errors", "chexpert_rules"])
def test_statistics_are_sufficient(name):
    """Values follow from the sum of rows, and order does not matter."""
    predictions, references = REPORTS[::2], REPORTS[1::2]
    result = run(predictions, references, name)
    assert run(predictions[::-1], references[::-1], name).values == pytest.approx(result.values)
    rows = result.statistics.per_sample_NS
    reduced = make_metric(name).reduce(rows.sum(axis=0, keepdims=True), np.array([float(len(rows))]))[0]
    assert reduced.tolist() == pytest.approx(list(result.values.values()))


def test_samples_are_the_score_and_the_counts():
    result = run(["Pneumothorax. Cardiomegaly.", NORMAL], [NORMAL, NORMAL])
    assert result.samples["Report-errors-false-finding"] == [2, 0]
    assert result.values["Report-errors-false-finding"] == 100
    assert np.mean(result.samples["Report-errors-score"]) == pytest.approx(result.values["Report-errors-score"])


def test_the_best_reference_counts_and_the_spans_say_which():
    result = run(["Left pleural effusion."], [["Cardiomegaly.", "Left pleural effusion."]])
    assert result.values["Report-errors-score"] == 100
    assert {span.side for span in result.spans} == {"prediction", "reference 2"}


def test_spans_say_what_became_of_each_statement():
    prediction = "Left effusion. Large pneumothorax. No edema."
    reference = "Right effusion. No edema. Cardiomegaly."
    spans = run([prediction], [reference]).spans
    texts = {"prediction": prediction, "reference": reference}
    assert {(span.side, texts[span.side][span.start : span.end].split()[-1].lower(), span.label) for span in spans} == {
        ("prediction", "effusion", "wrong location: left pleural effusion"),
        ("reference", "effusion", "wrong location: right pleural effusion"),
        ("prediction", "pneumothorax", "false finding: severe pneumothorax"),
        ("reference", "cardiomegaly", "missing finding: cardiomegaly"),
        ("prediction", "edema", "matched: no edema"),
        ("reference", "edema", "matched: no edema"),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A 12 mm nodule in the left lung. Cardiomegaly.", {"nodule": 12}),
        ("The nodule measures 1.5 x 1.2 cm, previously 9 mm.", {"nodule": 15}),
        ("Small effusion. There is a 2.5-cm right apical pneumothorax and no nodule.", {"pneumothorax": 25}),
        ("The endotracheal tube ends 4 cm above the carina.", {}),
        ("Cardiomegaly at T8. 3 cm.", {}),
    ],
)
def test_sizes_belong_to_the_nearest_finding(text, expected):
    from libra_bench.metrics.finding_sizes import sizes_in_mm

    assert {said.finding: size for said, size in sizes_in_mm(text, report_statements(text)).items()} == expected


def test_weights_can_be_chosen(tmp_path):
    prediction, reference = ["Cardiomegaly."], ["Cardiomegaly. Pneumothorax."]
    file = tmp_path / "weights.json"
    file.write_text(json.dumps({"pneumothorax": "benign", "heart": 1}))
    scores = {
        name: run(prediction, reference, name).values["Report-errors-score"]
        for name in ("report_errors", "report_errors[weights=equal]", f"report_errors[weights={file}]")
    }
    assert list(scores.values()) == pytest.approx([9.0, 52.2, 95.6], abs=0.1)


def test_the_signature_knows_the_weights_not_the_file(tmp_path):
    content = json.dumps({"heart": 1})
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(content)
    a, b = (make_metric(f"report_errors[weights={tmp_path / name}]").signature for name in ("a.json", "b.json"))
    assert a == b != make_metric("report_errors").signature
    assert str(tmp_path) not in a


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "neither clinical nor equal"),
        ("{", "not valid JSON"),
        ("[]", "not a JSON object"),
        ('{"heart": "dangerous"}', "'heart' weighs 'dangerous'"),
        ('{"heart": 2}', "'heart' weighs 2"),
        ('{"heart": true}', "'heart' weighs True"),
    ],
)
def test_bad_weights_are_named_before_anything_runs(content, said, tmp_path):
    file = tmp_path / "weights.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError, match=said):
        choose_metrics(f"report_errors[weights={file}]")


# --- chexpert_rules ---


def test_observations_found_micro_and_macro():
    result = run(
        ["Cardiomegaly. Pleural effusion.", "Cardiomegaly.", NORMAL],
        ["Cardiomegaly. Pneumothorax.", NORMAL, NORMAL],
        "chexpert_rules",
    )
    # cardiomegaly 1 tp 1 fp, effusion 1 fp, pneumothorax 1 fn, no finding 1 tp 1 fn
    assert result.values == pytest.approx(
        {
            "CheXpert-rules-micro14": 100 * 4 / (4 + 2 + 2),
            "CheXpert-rules-macro14": 100 * (2 / 3 + 2 / 3) / 14,
            "CheXpert-rules-micro5": 100 * 2 / (2 + 2),
            "CheXpert-rules-macro5": 100 * (2 / 3) / 5,
        }
    )
    assert result.details["classes"]["No Finding"] == {"f1": pytest.approx(200 / 3), "support": 2, "predicted": 1}


@pytest.mark.parametrize(
    ("text", "nothing"),
    [(NORMAL, 1), ("", 0), ("Cardiomegaly.", 0), ("The endotracheal tube is in place. Lungs are clear.", 1)],
)
def test_no_finding_needs_a_report_that_finds_nothing(text, nothing):
    classes = run([text], [text], "chexpert_rules").details["classes"]
    assert classes["No Finding"]["support"] == nothing


def test_the_reference_that_agrees_most_counts():
    result = run(["Cardiomegaly."], [["Pneumothorax.", "Cardiomegaly."]], "chexpert_rules")
    assert result.values["CheXpert-rules-micro14"] == 100


def test_both_are_in_the_default_set():
    from libra_bench.metrics.choice import DEFAULT_METRICS

    assert {"report_errors", "chexpert_rules"} <= set(DEFAULT_METRICS)

"""Short answers and label sets, by hand and against scikit-learn where it defines the number."""

from __future__ import annotations

import random

import numpy as np
import pytest
from every_case import every_case
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score

from libra_bench.metrics.difference_f1 import read_difference
from libra_bench.metrics.label_set import parse_labels
from libra_bench.metrics.multiple_choice import read_choice
from libra_bench.metrics.registry import make_metric
from libra_bench.metrics.vqa_answers import parse_yes_no, token_overlap


@every_case(
    ("text", "answer"),
    [
        ("Yes", "yes"),
        ("no.", "no"),
        ("NO", "no"),
        ("Yes, there is no pneumothorax.", "yes"),
        ("No, but yes on the left", "no"),
        ("**No**", "no"),
        ("The answer is: yes", "yes"),
        ("Answer: no", "no"),
        ("<answer>yes</answer>", "yes"),
        ("Yes or no? Yes.", "yes"),
        ("There is no effusion.", "no"),
        ("It is not seen.", "no"),
        ("True", "yes"),
        ("I think yes", "yes"),
        ("yes or no", None),
        ("Cannot be determined.", None),
        ("It is not clear.", None),
        ("There is an effusion.", None),
        ("Yesterday", None),
        ("north", None),
        ("", None),
        ("Well, yes and no", None),
        ("Absent.", "no"),
        ("negative", "no"),
        ("Negative for pneumothorax", "no"),
        ("The effusion is absent.", "no"),
        ("present", "yes"),
        ("It is clearly present.", "yes"),
        ("An effusion is not present.", "no"),
        ("There isn't an effusion.", "no"),
        ("It doesn’t show one.", "no"),
        ("I can't say yes.", None),
        ("It is not abnormal.", None),
        ("It isn't absent.", None),
        ("Yes.\nNo.", None),
        ("No, yes.", None),
        ("Yes and no.", None),
        ("Yes. No acute disease.", "yes"),
        ("The present study shows an effusion.", None),
        ("'no'", "no"),
    ],
)
def test_yes_no_is_parsed(text, answer):
    assert parse_yes_no(text) == answer


@given(st.text(max_size=80))
def test_any_text_is_parsed(text):
    assert parse_yes_no(text) in {"yes", "no", None}
    assert token_overlap(text, text) == (1.0, 1.0, 1.0)
    parse_labels(text)
    read_difference(text)


def test_exact_match():
    result = make_metric("exact_match").score(
        ["The left lung.", "right", "", "AP view"],
        [["left lung"], ["left", "Right!"], ["no"], ["PA view"]],
        [
            {"question_type": "location"},
            {"question_type": "location"},
            {"question_type": "presence"},
            {"question_type": "view"},
        ],
    )
    assert result.values == {"Exact-match": 50.0}
    assert result.samples["Exact-match"] == [100.0, 100.0, 0.0, 0.0]
    assert result.details["by_question_type"]["location"] == {"value": 100.0, "n": 2}
    assert result.details["constant_answer"]["presence"] == {"answer": "no", "value": 100.0, "n": 1}


def test_a_choice_called_a_is_not_the_empty_answer():
    exact = make_metric("exact_match").score(["", "the", "A", "a.", "B"], [["A"]] * 5)
    assert exact.samples["Exact-match"] == [0.0, 0.0, 100.0, 100.0, 0.0]
    token = make_metric("token_f1").score(["", "the", "A"], [["A"]] * 3)
    assert token.samples["Token-F1"] == [0.0, 0.0, 100.0]


def test_the_constant_answer_is_counted_after_normalisation():
    """ "No", "no." and "NO" are one answer, and more frequent than "yes"."""
    references = [["yes"], ["yes"], ["No"], ["no."], ["NO", "none"]]
    constant = make_metric("exact_match").score([""] * 5, references).details["constant_answer"]["all"]
    assert (constant["answer"], constant["value"]) == ("No", pytest.approx(60.0))


def test_token_f1_is_squads():
    """SQuAD's own example of partial credit, by hand."""
    result = make_metric("token_f1").score(["the left lower lobe", ""], [["left upper lobe"], ["left"]])
    assert result.samples["Token-F1"] == pytest.approx([100 * 2 / 3, 0.0])
    assert result.samples["Token-recall"] == pytest.approx([100 * 2 / 3, 0.0])
    assert result.values["Token-F1"] == pytest.approx(100 / 3)
    assert make_metric("token_f1").score(["a b", ""], [["a b"], [""]]).values["Token-F1"] == 100.0


def test_yes_no_is_scikit_learns_balanced_accuracy():
    generator = random.Random(0)
    true = [generator.choice(["yes", "no", "no", "no"]) for _ in range(200)]
    said = [generator.choice([answer, "yes"]) for answer in true]
    result = make_metric("yes_no").score(said, [[answer] for answer in true])
    assert result.values["YesNo-balanced-accuracy"] == pytest.approx(100 * balanced_accuracy_score(true, said))
    assert result.values["YesNo-accuracy"] == pytest.approx(
        100 * np.mean([a == b for a, b in zip(said, true, strict=True)])
    )
    assert result.details["yes_rate"] == 100 * said.count("yes") / 200


def test_a_constant_yes_is_worth_fifty():
    result = make_metric("yes_no").score(["yes"] * 10, [["yes"]] * 9 + [["no"]])
    assert result.values == {"YesNo-accuracy": 90.0, "YesNo-balanced-accuracy": 50.0, "YesNo-unparsable": 0.0}


def test_unparsable_answers_are_wrong_and_counted():
    result = make_metric("yes_no").score(["maybe", "", "no", "ignored"], [["yes"], ["no"], ["no"], ["left lung"]])
    assert result.values["YesNo-accuracy"] == pytest.approx(100 / 3)
    assert result.values["YesNo-unparsable"] == pytest.approx(200 / 3)
    assert result.details["n"] == 3
    assert result.details["confusion"]["yes"] == {"yes": 0, "no": 0, "unparsable": 1}


def test_open_and_closed_by_the_suites_field():
    fields = [{"answer_type": kind} for kind in ("CLOSED", "CLOSED", "OPEN", "OPEN", "")]
    result = make_metric("open_closed").score(
        ["Yes, it is.", "right", "a left effusion", "nothing", "x"],
        [["yes"], ["left"], ["left effusion"], ["mass in the left lung"], ["x"]],
        fields,
    )
    assert result.values == {"Closed-accuracy": 50.0, "Open-accuracy": 50.0, "Open-recall": 50.0}
    assert result.details["neither"] == 1


def test_open_closed_needs_its_field():
    assert make_metric("open_closed").score(["a"], [["a"]], [{}]).values == {}
    renamed = make_metric("open_closed[field=kind]")
    assert (
        renamed.score(["a", "no"], [["a"], ["no"]], [{"kind": "open"}, {"kind": "closed"}]).values["Open-accuracy"]
        == 100
    )


def test_a_suite_of_one_kind_has_its_values():
    closed = make_metric("open_closed").score(["yes", "no"], [["yes"], ["yes"]], [{"answer_type": "CLOSED"}] * 2)
    assert closed.values["Closed-accuracy"] == 50.0
    assert np.isnan([closed.values["Open-accuracy"], closed.values["Open-recall"]]).all()
    opened = make_metric("open_closed").score(["left lung"], [["left"]], [{"answer_type": "open"}])
    assert (opened.values["Open-accuracy"], opened.values["Open-recall"]) == (0.0, 100.0)
    assert np.isnan(opened.values["Closed-accuracy"])


def test_llava_med_counts_as_it_does():
    """By hand from its code: hyphens split words, numerals are digits, repeats count, letters make a yes or no."""
    fields = [{"answer_type": kind} for kind in ("OPEN", "OPEN", "OPEN", "CLOSED", "CLOSED", "CLOSED", "CLOSED")]
    said = ["chest x ray", "2", "effusion effusion effusion", "Yes, it is", "normal", "No", "It is seen"]
    true = [["chest x-ray"], ["two lungs"], ["left effusion"], ["yes"], ["no"], ["yes"], ["yes"]]
    result = make_metric("open_closed[scheme=llava-med]").score(said, true, fields)
    assert result.values["Open-recall"] == pytest.approx(100 * (1 + 1 / 2 + 3 / 4) / 3)
    assert result.values["Closed-accuracy"] == pytest.approx(100 * 2 / 3)
    assert result.details["closed_left_out"] == 1
    ours = make_metric("open_closed").score(said, true, fields)
    assert ours.values["Open-recall"] == pytest.approx(100 * (1 / 2 + 0 + 1 / 2) / 3)


@every_case(
    ("text", "labels"),
    [
        ("Left lung, right lung", {"left lung", "right lung"}),
        ("left lung and right lung.", {"left lung", "right lung"}),
        ("1. effusion\n2. edema", {"effusion", "edema"}),
        ("['effusion', 'edema']", {"effusion", "edema"}),
        ("- copd/emphysema; no", {"copd/emphysema", "no"}),
        ("None.", set()),
        ("", set()),
    ],
)
def test_labels_are_parsed(text, labels):
    assert parse_labels(text) == labels


def test_a_label_is_not_split_inside():
    labels = {"cardiac pacer and wires", "pleural effusion", "no", "aspiration, chronic"}
    for text, expected in (
        ("cardiac pacer and wires", {"cardiac pacer and wires"}),
        ("Cardiac pacer  and wires and pleural effusion.", {"cardiac pacer and wires", "pleural effusion"}),
        ("pleural effusion, cardiac pacer", {"pleural effusion", "cardiac pacer"}),
        ("aspiration, chronic; no", {"aspiration, chronic", "no"}),
    ):
        assert parse_labels(text, labels) == expected
    fields = [{"labels": ["cardiac pacer and wires"]}, {"labels": ["No finding"]}]
    result = make_metric("label_set").score(["cardiac pacer and wires", "no finding"], [["-"]] * 2, fields)
    assert result.values == {"Label-set-accuracy": 100.0, "Label-micro-F1": 100.0, "Label-macro-F1": 100.0}


def test_label_sets_are_scikit_learns():
    generator = random.Random(1)
    names = [f"label {k}" for k in range(6)]
    true = [frozenset(generator.sample(names[:5], generator.randint(0, 3))) for _ in range(60)]
    said = [frozenset(names[k] for k in range(6) if (names[k] in truth) ^ (generator.random() < 0.2)) for truth in true]
    result = make_metric("label_set").score(
        [", ".join(sorted(labels)) for labels in said], [["-"]] * 60, [{"labels": sorted(labels)} for labels in true]
    )
    true_NL = np.array([[name in labels for name in names] for labels in true])
    said_NL = np.array([[name in labels for name in names] for labels in said])
    assert result.values["Label-micro-F1"] == pytest.approx(100 * f1_score(true_NL, said_NL, average="micro"))
    macro = f1_score(true_NL, said_NL, average="macro", labels=range(5))
    assert result.values["Label-macro-F1"] == pytest.approx(100 * macro)
    assert result.values["Label-set-accuracy"] == pytest.approx(100 * np.mean((true_NL == said_NL).all(axis=1)))
    assert result.details["empty_truth"] == sum(not labels for labels in true)


def test_label_sets_that_are_all_empty():
    result = make_metric("label_set").score(["none", "effusion"], [["-"]] * 2, [{"labels": []}] * 2)
    assert result.values == {"Label-set-accuracy": 50.0, "Label-micro-F1": 0.0}


ANSWER = (
    "the main image has additional findings of pleural effusion, and edema than the reference image. "
    "the main image is missing the finding of lung opacity than the reference image. "
    "the level of atelectasis has changed from mild to moderate. "
)


def test_difference_answers_are_read():
    assert read_difference(ANSWER) == {
        ("additional", "pleural effusion"),
        ("additional", "edema"),
        ("missing", "lung opacity"),
        ("level", "atelectasis", "mild", "moderate"),
    }
    assert read_difference("nothing has changed. ") == {("unchanged",)}
    assert read_difference("blah") == frozenset()


def test_difference_f1():
    half = "the main image has additional findings of edema, and pleural effusion than the reference image."
    fields = [{"question_type": kind} for kind in ("difference", "difference", "difference", "view")]
    result = make_metric("difference_f1").score(
        [half, "nothing has changed.", "?", "ap"], [[ANSWER], ["nothing has changed."], [ANSWER], ["pa"]], fields
    )
    assert result.values["Difference-F1"] == pytest.approx(100 * (4 / 6 + 1 + 0) / 3)
    assert result.values["Difference-exact"] == pytest.approx(100 / 3)
    assert result.values["Difference-unparsable"] == pytest.approx(100 / 3)


def test_added_and_missing_are_not_the_same():
    added = "the main image has an additional finding of edema than the reference image."
    missing = "the main image is missing the finding of edema than the reference image."
    assert make_metric("difference_f1").score([added], [[missing]]).values["Difference-F1"] == 0.0


@pytest.mark.parametrize("name", ["yes_no", "open_closed", "label_set", "difference_f1"])
def test_nothing_to_measure_is_said(name):
    result = make_metric(name).score(["Lungs are clear."], [["The lungs are clear."]], [{}])
    assert result.values == {}
    assert result.details["not_applicable"]


OPTIONS = ["An effusion", "A pneumothorax", "No effusion", "Edema of the lungs"]


@every_case(
    ("text", "letter"),
    [
        ("B", "B"),
        ("b", "B"),
        ("(B)", "B"),
        ("**B**", "B"),
        ("B. A pneumothorax", "B"),
        ("B) A pneumothorax", "B"),
        ("The answer is: B", "B"),
        ("Answer: (C)", "C"),
        ("Option C", "C"),
        ("B\nbecause of the pleural line", "B"),
        ("It is B.", "B"),
        ("A pneumothorax", "B"),
        ("A pneumothorax is seen.", "B"),
        ("an effusion", "A"),
        ("There is no effusion.", "C"),
        ("It shows edema of the lungs", "D"),
        ("A pneumothorax and edema of the lungs", None),
        ("E", None),
        ("A mass is seen.", None),
        ("I cannot tell.", None),
        ("", None),
    ],
)
def test_a_choice_is_read(text, letter):
    assert read_choice(text, OPTIONS) == letter


def test_multiple_choice():
    fields = [{"options": OPTIONS, "question_type": kind} for kind in ("presence", "presence", "location", "location")]
    references = [["B", "B. A pneumothorax", "A pneumothorax"], ["A"], ["C"], ["C"]]
    result = make_metric("multiple_choice").score(["(B)", "It is D.", "No effusion.", "?"], references, fields)
    assert result.values == {"Multiple-choice-accuracy": 50.0, "Multiple-choice-unparsable": 25.0}
    assert result.details["chance"] == 25
    assert result.details["by_question_type"]["presence"] == {"value": 50.0, "n": 2}
    assert make_metric("multiple_choice").score(["A"], [["A"]], [{}]).values == {}

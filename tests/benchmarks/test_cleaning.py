"""Texts as models write them, cleaned before they are scored."""

from __future__ import annotations

import json

import pytest
from every_case import every_case

from benchmarks.catalog import DEMO
from benchmarks.errors import UnknownNameError
from benchmarks.predictions.cleaning import clean, rule_for_section, signed
from benchmarks.suites import read_samples

REPORT = "The lungs are clear. No effusion."


@every_case(
    ("written", "left"),
    [
        (f"**Findings:**\n\n{REPORT}", REPORT),
        ("## FINDINGS:\n- The lungs are clear.\n- No effusion.", REPORT),
        ("1. The lungs are clear.\n2. No effusion.", REPORT),
        (f"{REPORT}<|end|>\n<|user|>\nThank you.", REPORT),
        (f"<|assistant|> {REPORT}<|im_end|>", REPORT),
        (f"{REPORT}<end_of_turn>", REPORT),
        (f"<think>It looks fine.\n</think>\n\n{REPORT}", REPORT),
        (f"Let me look.</think>{REPORT}", REPORT),
        (f"```text\n{REPORT}\n```", REPORT),
        (f'```json\n{{"findings": "{REPORT}"}}\n```', REPORT),
        ("The *lungs* are __clear__.\n---\nNo effusion.", REPORT),
        ("", ""),
        ("Findings:", ""),
        ("{not json} The lungs", "{not json} The lungs"),
        ("The findings: a 5 x 3 mm nodule.", "The findings: a 5 x 3 mm nodule."),
        ("2 nodules, 5-6 mm. Compare with 1/2/2020.", "2 nodules, 5-6 mm. Compare with 1/2/2020."),
        ("Low volumes * see note.", "Low volumes * see note."),
    ],
)
def test_what_is_no_report_is_taken_away(written: str, left: str) -> None:
    assert clean(written, "report-1") == left
    assert clean(left, "report-1") == left
    assert clean(written, "none") == written


@pytest.mark.parametrize(
    "written",
    [
        "Findings: Clear lungs. Impression: Nothing acute.",
        "**FINDINGS**: Clear lungs.\n\n**IMPRESSION**: Nothing acute.",
        "### Findings:\nClear lungs.\n### Conclusion:\nNothing acute.",
        json.dumps({"findings": "Clear lungs.", "impression": ["Nothing acute."]}),
    ],
)
def test_the_section_that_a_suite_asks_for_is_kept(written: str) -> None:
    assert clean(written, "findings-1") == "Clear lungs."
    assert clean(written, "impression-1") == "Nothing acute."
    assert clean(written, "report-1") == "Clear lungs. Nothing acute."


def test_the_section_comes_from_the_suite() -> None:
    assert rule_for_section("report-1", ("findings",)) == "findings-1"
    assert rule_for_section("report-1", ("answer", "labels")) == "report-1"
    assert rule_for_section("none", ("findings",)) == "none"


def test_reports_of_radiologists_stay_as_they_are() -> None:
    for sample in read_samples(DEMO / "demo.jsonl"):
        for rule in ("report-1", "findings-1", "impression-1"):
            assert clean(sample.references[0], rule) == sample.references[0]


def test_a_rule_is_part_of_the_signature_and_an_unknown_one_is_named() -> None:
    assert signed("bleu|v:1", "none") == "bleu|v:1"
    assert signed("bleu|v:1", "findings-1") == "bleu|v:1|clean:findings-1"
    with pytest.raises(UnknownNameError, match="did you mean 'report-1'"):
        clean("x", "report")

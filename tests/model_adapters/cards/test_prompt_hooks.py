"""Strict prompt formats, and the place of images in a prompt."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.catalog import CONTEXT as CONTEXT_MARK
from benchmarks.catalog import FINDINGS_PROMPT, IMPRESSION_PROMPT
from benchmarks.errors import InputError, UnknownNameError
from benchmarks.schema import Question
from model_adapters.adapter import ModelSpec
from model_adapters.cards.prompt_hooks import prompt_identity, prompt_parts, sections, system_prompt, user_turn
from model_adapters.cards.prompt_template import render_template, template_fields

CONTEXT = "Provide a detailed description. Following clinical context: Indication: Cough and fever. Comparison: None."
REQUEST = "Provide a description of the findings in the radiology study in comparison to the prior frontal image."


def asked(prompt: str = CONTEXT, **metadata: str | int) -> Question:
    return Question(1, prompt, (Path("a.png"),), metadata)


def test_sections_come_from_the_prompt_and_fields_win():
    assert sections(asked()) == {"indication": "Cough and fever.", "comparison": "None."}
    assert sections(asked(indication="Fall.", technique="AP."))["indication"] == "Fall."
    assert sections(asked("Describe. Following clinical context: chest pain")) == {"indication": "chest pain"}
    assert sections(asked("Describe. Following clinical context: History: COPD."))["indication"] == "COPD."
    assert sections(asked("Describe the indication: of it")) == {}


@pytest.mark.parametrize(
    ("roles", "images"),
    [
        (["current"], "Given the current frontal image only<image>"),
        (["current", "lateral"], "Given the current frontal image<image> and the current lateral image<image>"),
        (["current", "prior"], "Given the current frontal image<image> and the prior frontal image<image>"),
        (
            ["current", "lateral", "prior"],
            "Given the current frontal image<image> the current lateral image<image>"
            " and the prior frontal image<image>",
        ),
    ],
)
def test_maira_2_as_its_own_processor_writes_it(roles, images):
    card = {"prompt_hook": "maira_2"}
    end = f" {REQUEST} INDICATION: Cough and fever. TECHNIQUE: N/A COMPARISON: None."
    report = " PRIOR_REPORT: Clear lungs." if "prior" in roles else ""
    assert user_turn(asked(prior_report="Clear lungs."), card, roles) == images + report + end
    absent = user_turn(asked("Describe the findings."), card, roles)
    assert absent.endswith("INDICATION: N/A TECHNIQUE: N/A COMPARISON: N/A")
    assert ("PRIOR_REPORT: N/A " in absent) == ("prior" in roles)


def test_the_ported_maira_2_as_libras_documentation_writes_it():
    card = {"prompt_hook": "maira_2_sections"}
    assert user_turn(asked("Describe."), card, ["current"]) == (
        f"{REQUEST} INDICATION: None. TECHNIQUE: None. COMPARISON: None."
    )


def test_a_card_asks_for_a_section_in_its_own_words_and_for_nothing_else():
    card = {"prompts": {"findings": "Write the findings[ for: {indication}].", "impression": "Age? {age|unknown}"}}
    suffix = f"{CONTEXT_MARK} Indication: Cough. Technique: AP."
    assert user_turn(asked(f"{FINDINGS_PROMPT} {suffix}"), card, ["current"]) == "Write the findings for: Cough.."
    assert user_turn(asked(FINDINGS_PROMPT), card, ["current"]) == "Write the findings."
    assert user_turn(asked(FINDINGS_PROMPT, indication="Fall"), card, []) == "Write the findings for: Fall."
    assert user_turn(asked(IMPRESSION_PROMPT, age=70), card, []) == "Age? 70"
    assert user_turn(asked(IMPRESSION_PROMPT), card, []) == "Age? unknown"
    assert user_turn(asked("Is there an effusion?"), card, []) == "Is there an effusion?"


def test_a_study_without_images_has_no_mark_for_them():
    card = {"prompts": {"findings": "Describe.<image>"}}
    assert user_turn(asked(FINDINGS_PROMPT), card, ["current"]) == "Describe.<image>"
    assert user_turn(asked(FINDINGS_PROMPT), card, []) == "Describe."


def test_templates_leave_out_what_is_not_known():
    template = "A[ {indication}, {technique|AP}][ {history}]. {prompt}"
    assert render_template(template, {"indication": "x", "prompt": "P"}) == "A x, AP. P"
    assert render_template(template, {"history": "h {x} [y]", "prompt": ""}) == "A h {x} [y]. "
    assert template_fields(template, "the card") == {"indication", "technique", "history", "prompt"}
    with pytest.raises(UnknownNameError, match="did you mean 'indication'"):
        template_fields("{indicaton}", "the card")


def test_without_a_hook_the_prompt_stays_and_an_unknown_one_is_named():
    assert user_turn(asked(), {}, ["current", "prior"]) == CONTEXT
    with pytest.raises(UnknownNameError, match="did you mean 'maira_2'"):
        user_turn(asked(), {"prompt_hook": "maira2"}, ["current"])


def test_other_words_are_another_identity():
    def identity(**card):
        return prompt_identity(ModelSpec("m", "hf_vlm", card=card))

    assert identity() == {"prompt_hook": None}
    assert identity(prompt_hook="maira_2") == {"prompt_hook": "maira_2@2"}
    assert identity(prompts={"findings": "a"}) != identity(prompts={"findings": "b"})
    assert system_prompt(ModelSpec("m", "hf_vlm", card={"system": "card's"})) == "card's"
    assert system_prompt(ModelSpec("m", "hf_vlm", card={"system": "card's"}, options={"system": ""})) == ""


def test_images_are_placed_at_their_marks():
    assert prompt_parts("what?", 2) == [None, None, "what?"]
    assert prompt_parts("see <image> and say", 1) == ["see ", None, " and say"]
    assert prompt_parts("<image>\nwhat?", 2) == [None, None, "\nwhat?"]
    assert prompt_parts("a<image>b<image>c", 2) == ["a", None, "b", None, "c"]
    for text, images in (("<image>", 0), ("<image><image>", 1), ("<image><image><image>", 2)):
        with pytest.raises(InputError, match="image marks"):
            prompt_parts(text, images)

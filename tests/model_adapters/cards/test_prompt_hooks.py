"""Strict prompt formats, and the place of images in a prompt."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.errors import InputError, UnknownNameError
from benchmarks.schema import Question
from model_adapters.cards.prompt_hooks import hooked_prompt, prompt_parts, sections

CONTEXT = "Provide a detailed description. Following clinical context: Indication: Cough and fever. Comparison: None."
REQUEST = (
    "Provide a structured description of the findings in the radiology study in comparison to the prior frontal image."
)


def asked(prompt: str = CONTEXT, **metadata: str) -> Question:
    return Question(1, prompt, (Path("a.png"),), metadata)


def test_sections_come_from_the_prompt_and_fields_win():
    assert sections(asked()) == {"indication": "Cough and fever.", "comparison": "None."}
    assert sections(asked(indication="Fall.", technique="AP."))["indication"] == "Fall."
    assert sections(asked("Describe. Following clinical context: chest pain")) == {"indication": "chest pain"}
    assert sections(asked("Describe. Following clinical context: History: COPD."))["indication"] == "COPD."
    assert sections(asked("Describe the indication: of it")) == {}


def test_maira_2_as_its_own_processor_writes_it():
    card = {"prompt_hook": "maira_2"}
    end = f" {REQUEST} INDICATION: Cough and fever. TECHNIQUE: N/A COMPARISON: None."
    assert hooked_prompt(asked(), card, 1) == f"Given the current frontal image only<image>{end}"
    assert hooked_prompt(asked(prior_report="Clear lungs."), card, 2) == (
        "Given the current frontal image<image> and the prior frontal image<image> PRIOR_REPORT: Clear lungs." + end
    )
    assert "PRIOR_REPORT: N/A " in hooked_prompt(asked(), card, 2)


def test_without_a_hook_the_prompt_stays_and_an_unknown_one_is_named():
    assert hooked_prompt(asked(), {}, 2) == CONTEXT
    with pytest.raises(UnknownNameError, match="did you mean 'maira_2'"):
        hooked_prompt(asked(), {"prompt_hook": "maira2"}, 1)


def test_images_are_placed_at_their_marks():
    assert prompt_parts("what?", 2) == [None, None, "what?"]
    assert prompt_parts("see <image> and say", 1) == ["see ", None, " and say"]
    assert prompt_parts("<image>\nwhat?", 2) == [None, None, "\nwhat?"]
    assert prompt_parts("a<image>b<image>c", 2) == ["a", None, "b", None, "c"]
    for text, images in (("<image>", 0), ("<image><image>", 1), ("<image><image><image>", 2)):
        with pytest.raises(InputError, match="image marks"):
            prompt_parts(text, images)

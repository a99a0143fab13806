"""Prompts of every conversation template equal the original's, character by character."""

from __future__ import annotations

import itertools
import json

import pytest
from every_case import every_case
from repository import GOLDEN

from benchmarks.errors import InputError, UnknownNameError
from model_adapters.templates import IMAGE_MARK, TEMPLATES, question, render, render_turns, template

ORACLE = json.loads((GOLDEN / "prompts.json").read_text(encoding="utf-8"))
QUERY, FOLLOW_UP, ANSWER = ORACLE["query"], ORACLE["followup"], ORACLE["answer1"]
WITH_IMAGE = f"{IMAGE_MARK}\n{QUERY}"

CONVERSATIONS = {
    "single_turn": [WITH_IMAGE, None],
    "two_turns": [WITH_IMAGE, ANSWER, FOLLOW_UP, None],
    "two_turns_complete": [WITH_IMAGE, ANSWER, FOLLOW_UP, "No."],
    "no_image": [FOLLOW_UP, None],
    "tuple_message": [(f"{QUERY}\n{IMAGE_MARK}",), None],
    "system_only": [],
}


def test_the_table_is_complete():
    assert list(TEMPLATES) == list(ORACLE["templates"])


@every_case(("name", "kind"), itertools.product(ORACLE["templates"], CONVERSATIONS))
def test_prompt_equals_the_original(name, kind):
    expected = ORACLE["templates"][name][kind]["prompt"]
    if isinstance(expected, dict):  # the original raised a TypeError
        with pytest.raises(InputError, match="one question"):
            render(template(name), CONVERSATIONS[kind])
    else:
        assert render(template(name), CONVERSATIONS[kind]) == expected


@every_case("name", ORACLE["templates"])
def test_stop_string_equals_the_original(name):
    assert template(name).stop == ORACLE["templates"][name]["stop_string_eval"]


def test_turns_joined_are_the_prompt():
    turns = render_turns(template("libra_v1"), ["Q", "A", "R", None])
    assert turns[1:] == ["USER: Q ", "ASSISTANT: A</s>", "USER: R ", "ASSISTANT:"]
    assert "".join(turns) == render(template("libra_v1"), ["Q", "A", "R", None])


def test_default_is_libra_v1():
    assert template("default") == template("libra_v1")


def test_unknown_mode_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'libra_v1'"):
        template("libra_v2")


def test_an_image_mark_in_the_prompt_keeps_its_place():
    assert question("Compare.", with_image=True) == "<image>\nCompare."
    assert question("Compare <image> now.", with_image=True) == "Compare <image> now."
    assert question("Compare.", with_image=True, image_tags=True) == "<im_start><image><im_end>\nCompare."
    assert question("Compare.", with_image=False) == "Compare."


def test_instruction_style_needs_a_first_question():
    with pytest.raises(InputError, match="first question is empty"):
        render(template("llama_2"), [None])

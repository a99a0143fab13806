"""Each card of the family against the recorded original: prompt and ids of one question, and of a conversation."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from repository import GOLDEN

from benchmarks.schema import Question
from model_adapters.adapter import ModelSpec
from model_adapters.cards import card_names, shipped_card
from model_adapters.libra.adapter import LibraAdapter
from model_adapters.libra.network.marks import IMAGE_TOKEN

GENERATION = json.loads((GOLDEN / "generation.json").read_text(encoding="utf-8"))["models"]
PROMPTS = json.loads((GOLDEN / "prompts.json").read_text(encoding="utf-8"))
FAMILY = {
    "libra-v1.0-7b": "tiny-libra-tac",
    "libra-v1.0-3b": "tiny-libra-v1.0-3b",
    "Med-CXRGen-F": "tiny-libra-clip-mlp2x",
    "Med-CXRGen-I": "tiny-libra-clip-mlp2x",
    "libra-llava-med-v1.5": "tiny-libra-clip-adapted",
    "libra-llava-rad": "tiny-libra-clip-linear",
    "libra-maira-2": "tiny-libra-maira-2",
}
"""Card -> the recorded model of the same layout and conversation template."""


@pytest.fixture(scope="module")
def adapters():
    loaded = {}

    def adapter(card: str) -> LibraAdapter:
        fields = {**asdict(shipped_card(card)), "prompt_hook": None}  # the recorded words are not MAIRA-2's request
        key = (FAMILY[card], fields["conv_mode"])
        if key not in loaded:
            folder = str(GOLDEN / "models" / FAMILY[card])
            loaded[key] = LibraAdapter.load(ModelSpec(card, "libra", path=folder, device="cpu", card=fields))
        return loaded[key]

    return adapter


def test_every_card_of_the_family_is_checked_here():
    others = {"LLaVA-Rad", "llava-med", "libra-tiny"}  # models of other groups in this layout, and our own
    cards = {name for name in card_names() if shipped_card(name).adapter == "libra"}
    assert cards - others == FAMILY.keys()
    assert {shipped_card(name).verified for name in FAMILY} == {"tiny"}


@pytest.mark.parametrize("card", FAMILY)
def test_the_prompt_and_its_ids_are_the_originals(adapters, card):
    case = GENERATION[FAMILY[card]]["cases"][0]
    images = tuple(GOLDEN / "images" / name for name in case["images"])
    question = Question(1, case["query"], images)
    prompts = adapters(card).generator.prompts
    assert shipped_card(card).conv_mode == case["conv_mode"]
    assert prompts.render(question).text == case["prompt"]
    assert prompts.token_ids(question) == case["input_ids"]


@pytest.mark.parametrize("card", FAMILY)
def test_a_conversation_is_the_originals(adapters, card):
    recorded = PROMPTS["templates"][shipped_card(card).conv_mode]["two_turns"]
    image = (GOLDEN / "images" / "cur0.png",)
    asked = Question(1, PROMPTS["followup"], image, said=(PROMPTS["query"], PROMPTS["answer1"]))
    prompts = adapters(card).generator.prompts
    assert prompts.render(asked).text == recorded["prompt"]
    if FAMILY[card] == "tiny-libra-tac":
        assert prompts.token_ids(asked) == recorded["input_ids"]
        assert recorded["input_ids"].count(IMAGE_TOKEN) == 1

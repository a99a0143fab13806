"""Each architecture that a card names: the card's prompt as its own processor has it, and the same texts in a batch."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tiny_vlms
from repository import GOLDEN

from benchmarks.catalog import CONTEXT, DEMO, FINDINGS_PROMPT
from benchmarks.schema import Question
from model_adapters.adapter import Decoding, ModelSpec
from model_adapters.cards import card_names, shipped_card
from model_adapters.hf.adapter import HFVisionLanguageAdapter

RECORDED = json.loads((GOLDEN / "card_prompts.json").read_text(encoding="utf-8"))
IMAGES = [DEMO / "images" / "00001" / name for name in ("1.png", "2.png")] + [
    DEMO / "images" / "00002" / name for name in ("1.png", "2.png")
]
INDICATION = "cough and fever"
ARCHITECTURES = {
    "qwen2_5_vl": (tiny_vlms.qwen2_5_vl, ["Qwen2.5-VL", "Lingshu-7b", "HuatuoGPT-Vision"]),
    "qwen3_vl": (tiny_vlms.qwen3_vl, ["Qwen3-VL"]),
    "llava_onevision": (tiny_vlms.llava_onevision, ["LLaVA-OneVision", "RadVLM"]),
    "gemma3": (partial(tiny_vlms.gemma3, template=tiny_vlms.GEMMA_TEMPLATE), ["MedGemma-4b", "MedGemma-1.5-4b"]),
}
CARDS = {card: name for name, (_, cards) in ARCHITECTURES.items() for card in cards}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("architectures")
    return {name: make(folder / name) for name, (make, _) in ARCHITECTURES.items()}


def load(folder: Path, card: str, batch_size: int = 1, **changes: Any) -> HFVisionLanguageAdapter:
    fields = {**asdict(shipped_card(card)), **changes}
    return HFVisionLanguageAdapter.load(
        ModelSpec(card, "hf_vlm", path=str(folder), device="cpu", batch_size=batch_size, card=fields)
    )


def question(number: int, images: int) -> Question:
    prompt = f"{FINDINGS_PROMPT} {CONTEXT} Indication: {INDICATION}{' weakness' * (number % 3)}"
    return Question(number, prompt, tuple(IMAGES[number % 3 : number % 3 + images]))


def test_every_card_that_says_so_is_checked_here():
    cards = [shipped_card(name) for name in card_names()]
    assert {card.id for card in cards if card.verified == "tiny" and card.adapter == "hf_vlm"} == CARDS.keys()


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("images", [1, 2])
def test_the_prompt_is_the_recorded_one(checkpoints, card, images):
    adapter = load(checkpoints[CARDS[card]], card, image_policy="prior")
    prepared = adapter.generator.prompts.prepare(question(0, images))
    recorded = RECORDED[card][str(images)]
    assert prepared.text == recorded["text"]
    assert adapter.generator._inputs([prepared])["input_ids"][0].tolist() == recorded["ids"]


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name != "gemma3"])  # its texts: test_hf_vlm.py
def test_a_batch_gives_the_texts_of_single_studies(checkpoints, name):
    card = ARCHITECTURES[name][1][0]
    asked = [question(number, 1 + number % 2) for number in range(4)]
    texts = []
    for batch_size in (1, 4):
        adapter = load(checkpoints[name], card, batch_size, image_policy="prior", prompts={}, system=None)
        answers = list(adapter.generate(asked, Decoding(max_new_tokens=10)))
        assert not [answer.metadata["error"] for answer in answers if answer.failed]
        texts.append({answer.question_id: answer.text for answer in answers})
    assert texts[0] == texts[1]
    assert len(set(texts[0].values())) > 1


def test_a_batch_may_mix_studies_with_and_without_a_lateral_image(checkpoints):
    lateral = sorted((DEMO / "images").rglob("*-lateral.png"))[0]
    views = [{}, {"lateral": lateral}, {}, {"lateral": lateral}]
    asked = [Question(n, FINDINGS_PROMPT, (IMAGES[n],), laterals=laterals) for n, laterals in enumerate(views)]
    texts = []
    for batch_size in (1, 4):
        adapter = load(checkpoints["qwen2_5_vl"], "Qwen2.5-VL", batch_size, image_policy="lateral")
        answers = list(adapter.generate(asked, Decoding(max_new_tokens=6)))
        assert not any(answer.failed for answer in answers)
        texts.append({answer.question_id: answer.text for answer in answers})
    assert texts[0] == texts[1]
    assert adapter.render(asked[1]).text.count("<|image_pad|>") == 2

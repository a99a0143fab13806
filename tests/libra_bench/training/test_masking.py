"""The published code's ids and labels, for every template, tokenizer and padding token."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from every_case import every_case
from oracles import MODELS, records

from benchmarks.errors import InputError
from libra_bench.training.masking import Conversations
from model_adapters.libra.inputs.tokenizer import LibraTokenizer
from model_adapters.libra.network.marks import IGNORED_LABEL

RECORDED = records("label_masks.json")
SAMPLES = {sample["id"]: sample for sample in RECORDED["samples"]}
PLAIN = {"mm_use_im_patch_token": False}
CASES = [
    (mode, variant, name)
    for mode, variants in RECORDED["templates"].items()
    for variant, samples in variants.items()
    for name in samples
]
HELD = [case for case in CASES if "error" not in RECORDED["templates"][case[0]][case[1]][case[2]]]  # by its template


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory) -> dict[str, LibraTokenizer]:
    llama_3 = LibraTokenizer.load(MODELS / "tiny-libra-v1.0-3b", PLAIN)
    found = {"llama3_pad_none": llama_3, "llama3_pad_eos": llama_3}
    for legacy in (False, True):
        folder = tmp_path_factory.mktemp("tokenizer")
        for name in ("tokenizer.model", "special_tokens_map.json"):
            shutil.copy(MODELS / "tiny-libra-tac" / name, folder)
        settings = json.loads((MODELS / "tiny-libra-tac" / "tokenizer_config.json").read_text())
        (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "legacy": legacy}))
        found[f"legacy_{legacy}"] = LibraTokenizer.load(folder, PLAIN)
    return found


def conversations(tokenizers, mode, variant, masking) -> Conversations:
    tokenizer = tokenizers[variant]
    pad_id = {"llama3_pad_none": None, "llama3_pad_eos": tokenizer.eos_id}.get(variant, tokenizer.pad_id)
    return Conversations(tokenizer, mode, 2048, pad_id, masking)


def bare(text: str) -> str:
    """Without what decoding changes: spaces, and </s>, which is a token of its own inside a text, too."""
    return "".join(text.replace("</s>", "").replace("<image>", "").split())


def mask(labels) -> str:
    return "".join("0" if label == IGNORED_LABEL else "1" for label in labels)


@every_case(("mode", "variant", "name"), CASES)
def test_the_published_labels(tokenizers, mode, variant, name):
    recorded, sample = RECORDED["templates"][mode][variant][name], SAMPLES[name]
    made = conversations(tokenizers, mode, variant, "original")
    if "error" in recorded:
        with pytest.raises(InputError, match="plain template"):
            made.tokens(sample["conversations"], has_image="image" in sample)
        return
    tokens = made.tokens(sample["conversations"], has_image="image" in sample)
    assert tokens.input_ids == recorded["input_ids"]
    assert mask(tokens.labels) == recorded["label_mask"]
    assert tokens.mismatch == ("mismatch" in recorded.get("stdout", ""))


@every_case(("mode", "variant", "name"), HELD)
def test_replies_are_learned_where_the_original_gives_up_and_nowhere_else(tokenizers, mode, variant, name):
    recorded, sample = RECORDED["templates"][mode][variant][name], SAMPLES[name]
    tokens = conversations(tokenizers, mode, variant, "replies").tokens(
        sample["conversations"], has_image="image" in sample
    )
    if "1" in recorded["label_mask"]:
        assert mask(tokens.labels) == recorded["label_mask"]
        return
    replies = [turn["value"] for turn in sample["conversations"] if turn["from"] == "gpt"]
    if sample["conversations"][0]["from"] == "gpt":
        replies = replies[1:]
    learned = tokenizers[variant].decode([label for label in tokens.labels if label != IGNORED_LABEL])
    for reply in replies:
        assert bare(reply) in bare(learned)
    human = [turn["value"] for turn in sample["conversations"] if turn["from"] == "human"]
    assert not any(bare(words) in bare(learned) for words in human)


def test_the_end_of_a_reply_is_learned(tokenizers):
    turns = SAMPLES["two_turn"]["conversations"]
    for mode, end in [("qwen", "<|im_end|>"), ("conv_gemma", "<end_of_turn>"), ("conv_phi3", "<|end|>")]:
        tokens = conversations(tokenizers, mode, "legacy_False", "replies").tokens(turns, has_image=True)
        learned = tokenizers["legacy_False"].decode([label for label in tokens.labels if label != IGNORED_LABEL])
        assert learned.count(end) == 2, mode


def test_image_tags(tokenizers):
    tokenizer = LibraTokenizer.load(MODELS / "tiny-libra-tac", {**PLAIN, "mm_use_im_start_end": True})
    made = Conversations(tokenizer, "libra_v1", 2048, 0, "replies", image_tags=True)
    ids = made.tokens(SAMPLES["single"]["conversations"], has_image=True).input_ids
    start, end = (tokenizer.encode(tag)[-1] for tag in ("<im_start>", "<im_end>"))
    place = ids.index(-200)
    assert ids[place - 1] == start
    assert end in ids[place + 1 : place + 3]


@pytest.mark.parametrize(
    "turns",
    [
        [("human", "a"), ("human", "b")],
        [("gpt", "a")],
        [("human", "a"), ("gpt", "b"), ("gpt", "c")],
    ],
)
def test_speakers_that_do_not_take_turns(tokenizers, turns):
    made = conversations(tokenizers, "libra_v1", "legacy_False", "replies")
    with pytest.raises(InputError, match="take turns"):
        made.tokens([{"from": speaker, "value": words} for speaker, words in turns], has_image=False)


def test_a_long_text_without_image_is_cut(tokenizers):
    made = Conversations(tokenizers["legacy_False"], "libra_v1", 40, 0, "original")
    turns = SAMPLES["text_only"]["conversations"]
    assert len(made.tokens([turns[0], {"from": "gpt", "value": "Fluid. " * 50}], has_image=False).input_ids) == 40


def test_the_tokenizers_are_self_contained(tmp_path: Path):
    assert LibraTokenizer.load(MODELS / "tiny-libra-v1.0-3b", PLAIN).legacy is None

"""Validation during training writes what a run writes with the same weights, study for study."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from oracles import GOLDEN, MODELS
from real_program import read_lines
from safetensors.torch import load_file, save_file

import libra_bench
from model_adapters.libra.inputs.tokenizer import LibraTokenizer
from model_adapters.templates import question, render, template

STUDIES = {
    "wide": ["wide.png", "tall.png"],
    "tall": ["tall.png"],
    "square": ["cur0.png", "prior0.png"],
    "photo": ["photo.jpg", "wide.png"],
    "grey": ["gray16.png"],
    "words alone": [],
    "too long": ["wide.png"],
}
WORDS = "Provide a detailed description of the findings in the radiology image. Following clinical context: {}."
MORE_ROWS = 8
PLAIN = {"mm_use_im_patch_token": False}


def prompt_of(name):
    return WORDS.format("History: " + "cough, " * 100 if name == "too long" else name)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A language model whose end tokens are in generation_config.json, with more rows than its tokenizer has tokens."""
    folder = shutil.copytree(MODELS / "tiny-llm-base", tmp_path_factory.mktemp("base") / "llm")
    weights = load_file(folder / "model.safetensors")
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        rows = weights[name]
        loudest = rows[rows.norm(dim=1).argsort(descending=True)[:MORE_ROWS]]
        weights[name] = torch.cat([rows, 2 * loudest])  # no text may hold them, however likely they are
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["vocab_size"] += MORE_ROWS
    (folder / "config.json").write_text(json.dumps(config))
    ends = {"bos_token_id": 1, "eos_token_id": [2, *range(400, 480)], "temperature": 0.6}
    (folder / "generation_config.json").write_text(json.dumps(ends))
    return folder


@pytest.fixture(scope="module")
def validation_data(tmp_path_factory):
    """The studies in the format of training."""
    samples = []
    for name, images in STUDIES.items():
        turns = [{"from": "human", "value": prompt_of(name)}, {"from": "gpt", "value": "The lungs are clear."}]
        if images:
            turns[0]["value"] = "<image>\n" + turns[0]["value"]
        samples.append({"id": name, "conversations": turns} | ({"image": images} if images else {}))
    path = tmp_path_factory.mktemp("data") / "valid.json"
    path.write_text(json.dumps(samples))
    return path


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """The same studies as a suite."""
    path = tmp_path_factory.mktemp("suite") / "studies.jsonl"
    lines = [
        {"question_id": name, "image": images, "text": prompt_of(name), "reference": "The lungs are clear."}
        for name, images in STUDIES.items()
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture(scope="module")
def longest(base):
    """Positions that hold the longest prompt with a part of its reply, but not with the image in its full length."""
    words = question(prompt_of("too long"), with_image=True)
    tokenizer = LibraTokenizer.load(base, PLAIN)
    return len(tokenizer.encode_prompt(render(template("libra_v1"), [words, None]))) + 5


def outcome(answers):
    """What became of each study: its text, how it ended, its score, or why there is none."""
    kept = {}
    for answer in answers:
        known = answer["metadata"]
        kept[answer["question_id"]] = (
            answer["text"], known["finish"], known.get("new_tokens"), known.get("score"), known.get("error"),
        )  # fmt: skip
    return kept


@pytest.mark.parametrize(
    ("stage", "protocol"),
    [("align", "phantom"), pytest.param("align", "greedy", marks=pytest.mark.slow), ("finetune", "phantom")],
)
def test_the_texts_of_validation_are_those_of_a_run(
    run, tmp_path, base, longest, validation_data, suite, stage, protocol
):
    out = tmp_path / "out"
    flags = {
        "stage": stage,
        "model_name_or_path": base,
        "output_dir": out,
        "max_steps": 3,
        "eval_steps": 3,
        "learning_rate": 0.01,
        "model_max_length": longest,
        "validation_data_path": validation_data,
        "validation_protocol": protocol,
        "validation_metrics": "rouge_l",
        "validation_max_new_tokens": 24,
    }
    if stage == "finetune":  # beside the LoRA, the connector is trained as well
        flags |= {"freeze_mm_mlp_adapter": False, "mm_projector_type": "TAC", "mm_vision_select_layer": "all"}
    run(**flags)
    folder = libra_bench.run(
        str(suite),
        str(out),
        model_base=str(base),
        image_root=str(GOLDEN / "images"),
        protocol=protocol,
        max_new_tokens=24,
        metrics="rouge_l",
        on_error="record",
        dtype="float32",
        device="cpu",
        out=tmp_path / "run",
    )
    written = outcome(read_lines(out / "validation" / "step-3.jsonl"))
    expected = outcome(read_lines(folder / "answers.jsonl"))
    assert list(written) == list(STUDIES)
    for name, (text, finish, new_tokens, score, error) in expected.items():
        assert written[name][:3] == (text, finish, new_tokens), name
        assert written[name][3] == (None if score is None else pytest.approx(score, rel=1e-5))
        assert written[name][4] == error
    assert expected["too long"][1] == "error"
    assert len({text for text, *_ in expected.values()}) > 2  # else this shows nothing


def test_a_study_without_a_text_is_scored_as_an_empty_one(run, base, longest, validation_data, caplog):
    run(
        model_name_or_path=base,
        max_steps=1,
        eval_steps=1,
        model_max_length=longest,
        validation_data_path=validation_data,
        validation_metrics="rouge_l",
        validation_max_new_tokens=4,
    )
    assert "1 of 7 samples have no text, such as 'too long' (the prompt takes" in caplog.text

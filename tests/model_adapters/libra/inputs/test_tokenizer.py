"""Token ids and decoded text equal the original's, for both `legacy` modes and for a Llama-3 tokenizer."""

from __future__ import annotations

import json
import shutil

import pytest
from every_case import every_case
from repository import GOLDEN

from benchmarks.errors import ModelError
from model_adapters.libra.inputs.tokenizer import LibraTokenizer
from model_adapters.libra.network.marks import IMAGE_TOKEN

PROMPTS = json.loads((GOLDEN / "prompts.json").read_text(encoding="utf-8"))
GENERATION = json.loads((GOLDEN / "generation.json").read_text(encoding="utf-8"))
LLAMA, LLAMA_3 = GOLDEN / "models" / "tiny-libra-tac", GOLDEN / "models" / "tiny-libra-v1.0-3b"
PLAIN = {"mm_use_im_patch_token": False}
KINDS = ("single_turn", "two_turns", "two_turns_complete", "no_image", "tuple_message", "system_only")


def copy_tokenizer(folder, source=LLAMA, **changes):
    for path in source.iterdir():
        if path.name.startswith(("tokenizer", "special_tokens")):
            shutil.copyfile(path, folder / path.name)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    for name, value in changes.items():
        if value is None:
            settings.pop(name, None)
        else:
            settings[name] = value
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory):
    legacy = copy_tokenizer(tmp_path_factory.mktemp("legacy"), legacy=None)  # absent means true
    return {
        "input_ids": LibraTokenizer.load(LLAMA, PLAIN),
        "input_ids_other_legacy": LibraTokenizer.load(legacy, PLAIN),
        "input_ids_llama3_tokenizer": LibraTokenizer.load(LLAMA_3, PLAIN),
    }


@every_case("name", PROMPTS["templates"])
def test_prompt_ids_equal_the_original(tokenizers, name):
    checked = 0
    for kind in KINDS:
        oracle = PROMPTS["templates"][name][kind]
        for key, tokenizer in tokenizers.items():
            if key in oracle:
                assert tokenizer.encode_prompt(oracle["prompt"]) == oracle[key], (kind, key)
                checked += 1
    assert checked >= 8


@every_case("case", PROMPTS["edge_tokenization"])
def test_edge_cases_equal_the_original(tokenizers, case):
    assert tokenizers["input_ids"].encode_prompt(case["prompt"]) == case["ids"]
    assert tokenizers["input_ids_other_legacy"].encode_prompt(case["prompt"]) == case["ids_other_legacy"]


@every_case("case", PROMPTS["edge_tokenization_llama3"])
def test_edge_cases_equal_the_original_with_a_llama_3_tokenizer(tokenizers, case):
    assert tokenizers["input_ids_llama3_tokenizer"].encode_prompt(case["prompt"]) == case["ids"]


@every_case("name", PROMPTS["templates"])
def test_stop_string_ids_equal_the_original(tokenizers, name):
    oracle = PROMPTS["templates"][name]
    assert [tokenizers["input_ids"].stop_ids(oracle["stop_string_eval"])] == oracle["stop_keyword_ids"]


@pytest.mark.parametrize("model", GENERATION["models"])
def test_decoded_text_equals_the_original(model):
    tokenizer = LibraTokenizer.load(GOLDEN / "models" / model, PLAIN)
    checked = 0
    for case in GENERATION["models"][model]["cases"]:
        for run in case.values():
            if isinstance(run, dict) and "sequences_new_tokens" in run:
                for ids, text in zip(run["sequences_new_tokens"], run.get("texts", [run["text"]]), strict=False):
                    assert tokenizer.decode(ids).strip() == text
                    checked += 1
    assert checked >= 4


def test_special_ids(tokenizers):
    llama, llama_3 = tokenizers["input_ids"], tokenizers["input_ids_llama3_tokenizer"]
    assert (llama.bos_id, llama.eos_id, llama.pad_id, llama.unk_id, len(llama)) == (1, 2, 0, 0, 1700)
    assert (llama_3.bos_id, llama_3.eos_id, llama_3.pad_id, llama_3.unk_id, len(llama_3)) == (883, 890, None, None, 891)


@pytest.mark.parametrize("folder", [LLAMA, LLAMA_3], ids=lambda folder: folder.name)
def test_image_tokens_get_the_next_ids(folder):
    size = len(LibraTokenizer.load(folder, PLAIN))
    tokenizer = LibraTokenizer.load(
        folder, {"mm_use_im_start_end": True}
    )  # the patch token is on where nothing is said
    assert len(tokenizer) == size + 3
    ids = tokenizer.encode_prompt("<im_start><image><im_end>\nDescribe.")
    place = ids.index(IMAGE_TOKEN)
    assert (ids[place - 1], ids[place + 1]) == (size + 1, size + 2)


def test_an_added_token_without_a_role_is_text(tmp_path):
    added = json.loads((LLAMA / "tokenizer_config.json").read_text())["added_tokens_decoder"]
    added["1700"] = {"content": "<|end|>", "lstrip": False, "rstrip": True, "special": True}
    tokenizer = LibraTokenizer.load(copy_tokenizer(tmp_path, added_tokens_decoder=added), PLAIN)
    ids = tokenizer.encode("The lungs.<|end|>  Next")
    assert 1700 in ids
    assert tokenizer.decode(ids) == "The lungs. <|end|> Next"


def test_no_tokenizer(tmp_path):
    with pytest.raises(ModelError, match=r"no tokenizer\.model and no tokenizer\.json"):
        LibraTokenizer.load(tmp_path)


@pytest.mark.parametrize(("name", "source"), [("tokenizer.model", LLAMA), ("tokenizer.json", LLAMA_3)])
@pytest.mark.parametrize("content", [b"", b"not a tokenizer", b"{}"])
def test_a_broken_tokenizer_is_one_line(tmp_path, name, source, content):
    copy_tokenizer(tmp_path, source)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError) as caught:
        LibraTokenizer.load(tmp_path, PLAIN)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_tokenizer_that_fails_at_its_first_text_is_one_line(tmp_path):
    copy_tokenizer(tmp_path, LLAMA_3, model_max_length=" ")
    with pytest.raises(ModelError, match=r"tokenizer\.json: the tokenizer cannot be read \(TypeError"):
        LibraTokenizer.load(tmp_path, PLAIN)


def test_a_broken_config_is_one_line(tmp_path):
    copy_tokenizer(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text("{")
    with pytest.raises(ModelError, match=r"tokenizer_config\.json: not valid JSON"):
        LibraTokenizer.load(tmp_path, PLAIN)

from __future__ import annotations

import json
import shutil

import pytest
import torch
from oracles import MODELS, assert_close, tensors

from benchmarks.errors import ModelError
from model_adapters.libra.checkpoint.loading import LoadedLibra, load_checkpoint

LORA = tensors("train/lora_logits.safetensors")
STAGE1 = tensors("train/stage1_logits.safetensors")
FOLDERS = ["tiny-libra-lora", "tiny-libra-lora-bin", "tiny-libra-lora-frozenproj"]
BASE = MODELS / "tiny-libra-tac"


def last_logits(loaded: LoadedLibra, ids: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        logits: torch.Tensor = loaded.model(ids, images=images).logits
    return logits[0, -16:]


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("merge", [True, False])
def test_logits_of_the_original(name, merge):
    loaded = load_checkpoint(MODELS / name, model_base=BASE, merge_lora=merge)
    found = last_logits(loaded, LORA[f"{name}.merged.input_ids"], LORA["images"])
    assert_close(found, LORA[f"{name}.merged.logits_last16"], atol=1e-4)
    assert (found - LORA["base.logits_last16"]).abs().max() > 0.01
    assert loaded.tokenizer_folder == BASE
    assert any("lora_" in key for key in loaded.model.state_dict()) != merge


@pytest.mark.parametrize("name", ["tiny-libra-lora", "tiny-libra-lora-frozenproj"])
def test_merged_weights_of_the_original(name):
    model = load_checkpoint(MODELS / name, model_base=BASE).model
    layers = model.language_model.model.layers
    assert_close(layers[0].self_attn.q_proj.weight, LORA[f"{name}.merged.q_proj0"])
    assert_close(layers[1].mlp.down_proj.weight, LORA[f"{name}.merged.down_proj1"])
    assert_close(model.connector.LFE_prior_bias, LORA[f"{name}.merged.LFE_prior_bias"])


@pytest.mark.parametrize("file", ["mm_projector.bin", "mm_tac_projector.bin"])
@pytest.mark.parametrize("prefix", ["model.", "", "base_model.model.model."])
def test_a_projector_alone(tmp_path, file, prefix):
    stored = torch.load(MODELS / "tiny-libra-stage1/mm_projector.bin", weights_only=True)
    renamed = {key.replace("model.", prefix, 1): value for key, value in stored.items()}
    torch.save(renamed, tmp_path / file)
    shutil.copy(MODELS / "tiny-libra-stage1/config.json", tmp_path)
    loaded = load_checkpoint(tmp_path, model_base=MODELS / "tiny-llm-base", vision_tower=MODELS / "tiny-rad-dino")
    found = last_logits(loaded, STAGE1["stage1_with_model_base.input_ids"], STAGE1["images"])
    assert_close(found, STAGE1["stage1_with_model_base.logits_last16"], atol=1e-4)


@pytest.mark.parametrize("output_layer", [False, True])
def test_embeddings_trained_with_added_tokens(tmp_path, output_layer):
    stored = torch.load(MODELS / "tiny-libra-stage1/mm_projector.bin", weights_only=True)
    wide = torch.randn(1702, 64)
    tables = {"model.embed_tokens.weight": wide} | ({"lm_head.weight": -wide} if output_layer else {})
    torch.save({**stored, **tables}, tmp_path / "mm_projector.bin")
    fields = json.loads((MODELS / "tiny-libra-stage1/config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**fields, "mm_use_im_start_end": True, "vocab_size": 1702}))
    loaded = load_checkpoint(tmp_path, model_base=MODELS / "tiny-llm-base", vision_tower=MODELS / "tiny-rad-dino")
    assert torch.equal(loaded.model.language_model.get_input_embeddings().weight, wide)
    assert loaded.model(torch.tensor([[1, 1701]])).logits.shape[-1] == 1702
    if output_layer:
        assert torch.equal(loaded.model.language_model.get_output_embeddings().weight, -wide)


def adapter(tmp_path, **changes: object):
    folder = tmp_path / "lora"
    shutil.copytree(MODELS / "tiny-libra-lora-bin", folder)
    fields = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**fields, **changes}))
    return folder


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"r": 4}, "of another shape"),
        ({"target_modules": ["q_proj"]}, "unexpected key"),
        ({"target_modules": ["c_attn"]}, "does not fit the base"),
        ({"peft_type": "IA3"}, "is a IA3 adapter"),
    ],
)
def test_an_adapter_that_does_not_fit(tmp_path, changes, what):
    with pytest.raises(ModelError, match=what) as caught:
        load_checkpoint(adapter(tmp_path, **changes), model_base=BASE, vision_tower=MODELS / "tiny-rad-dino")
    assert "\n" not in str(caught.value)


def test_missing_adapter_weights_are_named(tmp_path):
    folder = adapter(tmp_path)
    weights = torch.load(folder / "adapter_model.bin", weights_only=True)
    gone = next(iter(weights))
    torch.save({key: value for key, value in weights.items() if key != gone}, folder / "adapter_model.bin")
    with pytest.raises(ModelError, match=f"1 missing key: {gone}"):
        load_checkpoint(folder, model_base=BASE, vision_tower=MODELS / "tiny-rad-dino")
    (folder / "adapter_model.bin").unlink()
    with pytest.raises(ModelError, match="no adapter weights"):
        load_checkpoint(folder, model_base=BASE, vision_tower=MODELS / "tiny-rad-dino")


@pytest.mark.parametrize("merge", [True, False])
@pytest.mark.parametrize(
    "options",
    [{"modules_to_save": ["lm_head"]}, {"use_rslora": True}, {"bias": "all"}, {"rank_pattern": {"q_proj": 2}}],
    ids=lambda options: next(iter(options)),
)
def test_adapters_of_other_kinds_as_peft_writes_them(tmp_path, options, merge):
    from peft import LoraConfig, get_peft_model

    base = load_checkpoint(BASE).model
    config = LoraConfig(r=4, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM", **options)
    trained = get_peft_model(base.language_model, config)
    torch.manual_seed(0)
    for name, parameter in trained.named_parameters():
        if parameter.requires_grad and "lora_A" not in name:
            torch.nn.init.normal_(parameter, std=0.2)
    trained.save_pretrained(tmp_path)
    shutil.copy(BASE / "config.json", tmp_path)
    ids = torch.tensor([[1, 5, 9, 30]])
    loaded = load_checkpoint(tmp_path, model_base=BASE, merge_lora=merge, vision_tower=MODELS / "tiny-rad-dino")
    with torch.no_grad():
        assert_close(loaded.model(ids).logits, trained.eval()(ids).logits, atol=1e-4)


@pytest.mark.parametrize(
    ("path", "base", "what"),
    [
        ("tiny-libra-lora", None, "needs its base model; give --model-base .*tiny-libra-tac"),
        ("tiny-libra-stage1", None, "a projector alone and needs its base"),
        ("tiny-libra-lora", "tiny-libra-v1.0-3b", "intermediate_size 128.*has 112"),
        ("tiny-libra-lora-frozenproj", "tiny-llm-base", "no.* projector weights|has projector weights"),
        ("tiny-libra-tac", "tiny-llm-base", "takes no base"),
    ],
)
def test_bases_that_are_wrong(path, base, what):
    with pytest.raises(ModelError, match=what) as caught:
        load_checkpoint(MODELS / path, model_base=base and MODELS / base)
    assert "\n" not in str(caught.value)

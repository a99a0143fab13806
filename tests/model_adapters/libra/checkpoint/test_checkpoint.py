from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from oracles import MODELS, records
from safetensors.torch import load_file, save_file

from benchmarks.errors import HubError, ModelError
from model_adapters.checkpoints.files import weight_files
from model_adapters.checkpoints.weights import read_weights, shape_of
from model_adapters.libra.checkpoint.export import original_state_dict, save_merged
from model_adapters.libra.checkpoint.identity import checkpoint_identity
from model_adapters.libra.checkpoint.loading import load_checkpoint

TAC = MODELS / "tiny-libra-tac"
ROOT = MODELS.parents[2]
GENERATION = records("generation.json")["models"]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A checkpoint that may be spoilt, with its tower beside it, away from the working folder."""
    shutil.copytree(TAC, tmp_path / "libra")
    shutil.copytree(MODELS / "tiny-rad-dino", tmp_path / "tiny-rad-dino")
    return tmp_path / "libra"


def edit(path: Path, **changes: object) -> None:
    fields = json.loads(path.read_text())
    fields |= changes
    path.write_text(json.dumps({key: value for key, value in fields.items() if value is not ...}))


def same_weights(a, b) -> bool:
    first, second = a.state_dict(), b.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def test_facts_of_a_llama3_checkpoint():
    loaded = load_checkpoint(MODELS / "tiny-libra-v1.0-3b")
    assert (loaded.eos_token_ids, loaded.bos_token_id, loaded.pad_token_id) == ((884, 890), 883, None)
    settings = loaded.model.language_model.generation_config
    assert not settings.do_sample  # its generation_config.json samples
    assert settings.temperature in (None, 1.0)
    assert loaded.model.language_model.config.tie_word_embeddings
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_every_part_is_in_the_asked_type(dtype):
    model = load_checkpoint(TAC, dtype=dtype).model
    assert {parameter.dtype for parameter in model.parameters()} == {dtype}
    with torch.no_grad():
        logits = model(torch.tensor([[1, -200, 5]]), images=torch.randn(2, 1, 3, 56, 56)).logits
    assert torch.isfinite(logits).all()


def test_single_sharded_and_pickled_weights_are_the_same(copied):
    expected = load_checkpoint(copied).model
    weights = load_file(copied / "model.safetensors")
    (copied / "model.safetensors").unlink()
    torch.save(weights, copied / "pytorch_model.bin")
    assert same_weights(load_checkpoint(copied).model, expected)
    (copied / "pytorch_model.bin").unlink()
    half = len(weights) // 2
    names = {key: f"model-0000{1 + (place >= half)}-of-00002.safetensors" for place, key in enumerate(weights)}
    for name in set(names.values()):
        save_file({key: weights[key] for key in weights if names[key] == name}, copied / name)
    (copied / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    assert same_weights(load_checkpoint(copied).model, expected)


def test_an_adapted_tower_is_read_from_the_checkpoint_only_when_it_says_so(tmp_path):
    adapted = MODELS / "tiny-libra-clip-adapted"
    own = load_checkpoint(adapted).model.tower
    plain = load_checkpoint(MODELS / "tiny-libra-clip-mlp2x").model.tower
    assert not same_weights(own, plain)
    shutil.copytree(adapted, tmp_path / "libra")
    shutil.copytree(MODELS / "tiny-clip", tmp_path / "models/tiny-clip")
    edit(tmp_path / "libra/config.json", unfreeze_mm_vision_tower=False)
    assert same_weights(load_checkpoint(tmp_path / "libra").model.tower, plain)


@pytest.mark.parametrize("place", ["cwd", "checkpoint", "parent", "grandparent", "inside", "beside", "absolute"])
def test_where_the_tower_is_looked_for(tmp_path, monkeypatch, place):
    checkpoint = tmp_path / "a/b/libra"
    shutil.copytree(TAC, checkpoint)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    name = "some/rad-dino"
    roots = {"cwd": elsewhere, "checkpoint": checkpoint, "parent": checkpoint.parent, "grandparent": tmp_path / "a"}
    where = {"inside": checkpoint / "rad-dino", "beside": checkpoint.parent / "rad-dino", "absolute": tmp_path / "x"}
    folder = roots[place] / name if place in roots else where[place]
    shutil.copytree(MODELS / "tiny-rad-dino", folder)
    edit(checkpoint / "config.json", mm_vision_tower=str(folder) if place == "absolute" else name)
    assert load_checkpoint(checkpoint).tower_folder.samefile(folder)


def test_a_tower_given_by_the_user_wins(copied, tmp_path):
    edit(copied / "config.json", mm_vision_tower="nowhere/at-all")
    shutil.move(tmp_path / "tiny-rad-dino", tmp_path / "mine")
    assert load_checkpoint(copied, vision_tower=tmp_path / "mine").tower_folder == tmp_path / "mine"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"model_type": "blip"}, "unknown decoder family 'blip'"),
        ({"mm_vision_tower": ...}, "has no mm_vision_tower"),
        ({"mm_vision_tower": "/no/such/tower"}, "vision tower '/no/such/tower' is not here"),
        ({"mm_hidden_size": 32}, "mm_hidden_size is 32, but the vision tower gives 48"),
        ({"mm_projector_type": "mlp2x_gelu", "mm_vision_select_layer": -1}, "missing keys.*unexpected keys"),
        ({"mm_vision_select_layer": -1}, "reads 12 tower layers, but this tower gives 1"),
        ({"mm_vision_select_layer": "deep"}, "no layer 'deep'"),
        ({"hidden_size": 32}, r"mlp_final\.0\.bias is \[64\], not \[32\]"),
        ({"num_hidden_layers": 3}, "9 missing keys: model.layers.2"),
        ({"num_hidden_layers": 1}, "9 unexpected keys: model.layers.1"),
        ({"intermediate_size": 96}, r"is \[64, 128\], not \[64, 96\]"),
        ({"vocab_size": 1800}, r"is \[1700, 64\], not \[1800, 64\]"),
        ({"num_attention_heads": 5}, "5 heads"),
    ],
)
def test_configurations_that_do_not_fit(copied, changes, what):
    edit(copied / "config.json", **changes)
    with pytest.raises(ModelError, match=what) as caught:
        load_checkpoint(copied)
    assert "\n" not in str(caught.value)
    assert str(copied) in str(caught.value) or "mm_vision_select_layer" in str(caught.value) or "heads" in what


def test_a_plain_projector_reads_one_layer(tmp_path):
    shutil.copytree(MODELS / "tiny-libra-clip-linear", tmp_path / "libra")
    edit(tmp_path / "libra/config.json", mm_vision_select_layer="all", mm_vision_tower=str(MODELS / "tiny-clip"))
    with pytest.raises(ModelError, match="reads 1 tower layer, but this tower gives 5"):
        load_checkpoint(tmp_path / "libra")


def test_missing_and_unexpected_keys_are_listed(copied):
    weights = load_file(copied / "model.safetensors")
    del weights["model.norm.weight"]
    save_file({**weights, "model.extra.weight": torch.zeros(1)}, copied / "model.safetensors")
    with pytest.raises(ModelError, match=r"1 missing key: model\.norm\.weight; 1 unexpected key: model\.extra\.weight"):
        load_checkpoint(copied)


def test_old_llama_files_with_rotary_tables_load(copied):
    weights = load_file(copied / "model.safetensors")
    save_file({**weights, "model.layers.0.self_attn.rotary_emb.inv_freq": torch.zeros(8)}, copied / "model.safetensors")
    load_checkpoint(copied)


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda folder: (folder / "config.json").unlink(), "no such file"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "config.json").write_text("[]"), "expected a JSON object"),
        (lambda folder: (folder / "model.safetensors").unlink(), "no weights in this folder"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"PK"), "not a whole safetensors file"),
        (lambda folder: (folder / "tokenizer.model").unlink(), "no tokenizer in this folder"),
        (
            lambda folder: (folder.parent / "tiny-rad-dino/preprocessor_config.json").unlink(),
            "no usable image processor",
        ),
        (lambda folder: shutil.rmtree(folder.parent / "tiny-rad-dino"), "cannot be reached|cannot be fetched"),
    ],
)
def test_files_that_are_missing_or_damaged(copied, spoil, what, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    spoil(copied)
    with pytest.raises((ModelError, HubError), match=what) as caught:
        load_checkpoint(copied)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["no/such/folder/here", "./nothing", "one-word"])
def test_no_such_checkpoint(name):
    with pytest.raises(ModelError, match="no such folder"):
        load_checkpoint(name)


def test_a_hub_id_when_offline(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(HubError, match=r"'owner/libra-that-is-not-cached'.*hf download") as caught:
        load_checkpoint("owner/libra-that-is-not-cached")
    assert "\n" not in str(caught.value)


def test_a_hub_id_in_the_cache_is_found_offline(monkeypatch, tmp_path):
    """A cache as huggingface_hub leaves it: the checkpoint and its tower, both named by hub ids."""
    for repo, folder in (("owner/libra", TAC), ("owner/rad-dino", MODELS / "tiny-rad-dino")):
        root = tmp_path / "models--{}--{}".format(*repo.split("/"))
        (root / "refs").mkdir(parents=True)
        (root / "refs/main").write_text("0" * 40)
        shutil.copytree(folder, root / "snapshots" / ("0" * 40))
    edit(tmp_path / "models--owner--libra/snapshots" / ("0" * 40) / "config.json", mm_vision_tower="owner/rad-dino")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert same_weights(load_checkpoint("owner/libra").model, load_checkpoint(TAC).model)


def test_a_hub_that_cannot_be_reached(tmp_path):
    """The real thing, in its own process: the hub's address is read at import."""
    code = "from model_adapters.checkpoints.locate import find_checkpoint; find_checkpoint('owner/libra')"
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=ROOT)
    assert "HubError: 'owner/libra' is neither a folder here nor in the cache" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("name", GENERATION)
def test_names_on_disk_are_those_of_the_original(name, tmp_path):
    loaded = load_checkpoint(MODELS / name)
    adapted = bool(loaded.config.get("unfreeze_mm_vision_tower"))
    if "state_dict_keys" in GENERATION[name]:
        assert set(original_state_dict(loaded.model, with_tower=True)) == set(GENERATION[name]["state_dict_keys"])
    save_merged(loaded, tmp_path / "out")
    stored = read_weights(weight_files(MODELS / name))
    written = read_weights(weight_files(tmp_path / "out"))
    assert {key: shape_of(value) for key, value in written.items()} == {k: shape_of(v) for k, v in stored.items()}
    assert any(key.startswith("model.vision_tower.vision_tower.") for key in written) == adapted
    assert same_weights(load_checkpoint(tmp_path / "out").model, loaded.model)


def test_a_merged_lora_is_a_plain_checkpoint(tmp_path, monkeypatch):
    lora = load_checkpoint(MODELS / "tiny-libra-lora", model_base=TAC)
    save_merged(lora, tmp_path / "merged")
    monkeypatch.chdir(tmp_path)
    plain = load_checkpoint(tmp_path / "merged")
    assert same_weights(plain.model, lora.model)
    assert (plain.tokenizer_folder, plain.eos_token_ids) == (tmp_path / "merged", lora.eos_token_ids)
    with pytest.raises(ModelError, match="is not empty"):
        save_merged(lora, tmp_path / "merged")
    unmerged = load_checkpoint(MODELS / "tiny-libra-lora", model_base=TAC, merge_lora=False)
    with pytest.raises(ModelError, match="not merged"):
        save_merged(unmerged, tmp_path / "other")


def test_identity_is_of_content_not_of_place(copied, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("identity must not load anything")

    monkeypatch.setattr(torch, "load", fail)
    first = checkpoint_identity(TAC)
    assert checkpoint_identity(copied) == first
    assert first["kind"] == "full"
    assert set(first["checkpoint"]) == {"model.safetensors", "config.json", "generation_config.json"}
    assert "tokenizer.model" in first["tokenizer"]
    assert str(MODELS) not in json.dumps(first)
    for changed in (copied / "tokenizer_config.json", copied.parent / "tiny-rad-dino/preprocessor_config.json"):
        before = checkpoint_identity(copied)
        changed.write_text(changed.read_text() + "\n")
        assert checkpoint_identity(copied) != before


def test_identity_of_parts_names_the_base():
    lora = checkpoint_identity(MODELS / "tiny-libra-lora", TAC)
    assert set(lora["checkpoint"]) >= {"adapter_model.safetensors", "non_lora_trainables.bin", "adapter_config.json"}
    assert "model.safetensors" in lora["base"]
    stage1 = checkpoint_identity(MODELS / "tiny-libra-stage1", MODELS / "tiny-llm-base")
    assert set(stage1["checkpoint"]) == {"mm_projector.bin", "config.json"}
    with pytest.raises(ModelError, match="needs its base"):
        checkpoint_identity(MODELS / "tiny-libra-lora")

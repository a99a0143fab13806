from __future__ import annotations

import json
import shutil

import pytest
import torch
from oracles import MODELS, assert_close, tensors
from safetensors.torch import load_file, save_file

from benchmarks.errors import ModelError
from model_adapters.libra.network.towers import load_tower

DINO, CLIP = MODELS / "tiny-rad-dino", MODELS / "tiny-clip"
PIXELS = tensors("vision_pixels.safetensors")
FEATURES = tensors("vision_features.safetensors")

CASES = {
    "dino_all_patch": (DINO, {}),
    "dino_all_cls_patch": (DINO, {"select_feature": "cls_patch"}),
    "dino_-1_patch": (DINO, {"select_layer": -1}),
    "dino_-3_patch_strlayer": (DINO, {"select_layer": "-3"}),
    "dino_-1_patch_maira_norm": (DINO, {"select_layer": -1, "final_norm": True}),
    "dino_-3_patch_maira_norm": (DINO, {"select_layer": -3, "final_norm": True}),
    "dino_all_patch_bf16": (DINO, {"dtype": torch.bfloat16}),
    "clip_-2_patch": (CLIP, {"select_layer": -2}),
    "clip_-2_cls_patch": (CLIP, {"select_layer": -2, "select_feature": "cls_patch"}),
    "clip_all_patch": (CLIP, {}),
}


def test_every_recorded_tower_is_tried():
    assert set(CASES) == set(FEATURES)


@pytest.mark.parametrize("case", CASES)
def test_features_of_the_original(case):
    folder, options = CASES[case]
    family = case.split("_")[0]
    tower = load_tower(folder, **options)
    current = torch.stack([PIXELS[f"{family}_pad/{name}"] for name in ("square.png", "wide.png")])
    prior = torch.stack([PIXELS[f"{family}_pad/{name}"] for name in ("rgba.png", "exact.png")])
    features = torch.stack([tower(current), tower(prior)])
    expected = FEATURES[case]
    assert features.dtype == expected.dtype
    assert_close(features, expected, *((3e-2, 0) if case.endswith("bf16") else ()))
    assert features.shape[2:] == (tower.num_layers, tower.num_patches, tower.hidden_size)
    assert not features.requires_grad


def save_random(model: torch.nn.Module, folder) -> None:
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(folder)


SIDES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4}


@pytest.mark.parametrize("whole", [False, True])
def test_siglip_alone_and_inside_an_image_text_model(tmp_path, whole):
    from transformers import SiglipConfig, SiglipModel, SiglipVisionConfig, SiglipVisionModel

    vision = SiglipVisionConfig(**SIDES, image_size=28, patch_size=14)
    if whole:
        text = {**SIDES, "vocab_size": 20, "max_position_embeddings": 8}
        model = SiglipModel(SiglipConfig(vision_config=vision.to_dict(), text_config=text))
        save_random(model, tmp_path)
        reference = model.vision_model
    else:
        model = reference = SiglipVisionModel(vision)
        save_random(model, tmp_path)
    pixels = torch.randn(2, 3, 28, 28)
    with torch.no_grad():
        expected = reference.eval()(pixels, output_hidden_states=True).hidden_states[-2]
    tower = load_tower(tmp_path, select_layer=-2)
    assert_close(tower(pixels)[:, 0], expected)
    assert tower.num_patches == 4  # no CLS token


def test_clip_inside_an_image_text_model(tmp_path):
    from transformers import CLIPConfig, CLIPModel

    sides = {**SIDES, "projection_dim": 8}
    vision = {**sides, "image_size": 28, "patch_size": 14}
    text = {**sides, "vocab_size": 20, "max_position_embeddings": 8}
    model = CLIPModel(CLIPConfig(vision_config=vision, text_config=text, projection_dim=8))
    save_random(model, tmp_path)
    pixels = torch.randn(1, 3, 28, 28)
    with torch.no_grad():
        expected = model.vision_model.eval()(pixels, output_hidden_states=True).hidden_states[-2][:, 1:]
    assert_close(load_tower(tmp_path, select_layer=-2)(pixels)[:, 0], expected)


def test_the_class_follows_from_config_not_from_the_name(tmp_path):
    misnamed = tmp_path / "clip-siglip-rad-dino"
    shutil.copytree(CLIP, misnamed)
    assert type(load_tower(misnamed).vision_tower).__name__ == "CLIPVisionModel"


@pytest.mark.parametrize("layer", [13, -14, "last", None])
def test_a_layer_that_is_not_there(layer):
    with pytest.raises(ModelError, match="12 layers"):
        load_tower(DINO, select_layer=layer)


def test_an_unknown_feature():
    with pytest.raises(ModelError, match="cls_patch"):
        load_tower(DINO, select_feature="cls")


def test_weights_of_another_architecture_are_refused(tmp_path):
    shutil.copytree(CLIP, tmp_path / "tower")
    shutil.copy(DINO / "config.json", tmp_path / "tower")
    with pytest.raises(ModelError, match=r"missing keys.*unexpected keys"):
        load_tower(tmp_path / "tower")


def test_missing_and_misshapen_keys_are_named(tmp_path):
    shutil.copytree(CLIP, tmp_path / "tower")
    weights = load_file(CLIP / "model.safetensors")
    weights["vision_model.post_layernorm.bias"] = torch.zeros(7)
    del weights["vision_model.post_layernorm.weight"]
    save_file(weights, tmp_path / "tower/model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError) as caught:
        load_tower(tmp_path / "tower")
    assert "1 missing key: " in str(caught.value)
    assert "post_layernorm.bias is [7], not [32]" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_family(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "resnet"}))
    with pytest.raises(ModelError, match=r"unknown vision tower 'resnet'.*dinov2"):
        load_tower(tmp_path)


def test_biomedclip_without_open_clip_says_what_to_install(tmp_path):
    (tmp_path / "open_clip_config.json").write_text("{}")
    try:
        import open_clip  # noqa: F401
    except ImportError:
        with pytest.raises(ModelError, match="biomedclip"):
            load_tower(tmp_path)
    else:
        pytest.skip("open_clip is installed here")

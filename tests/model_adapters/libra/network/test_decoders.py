"""Each decoder family: the same logits as the plain transformers model, from a checkpoint in the original's names."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
import transformers
from oracles import MODELS, assert_close
from safetensors.torch import load_file, save_file

from benchmarks.errors import ModelError
from model_adapters.libra.checkpoint.export import save_merged
from model_adapters.libra.checkpoint.loading import load_checkpoint
from model_adapters.libra.network.connectors import build_connector
from model_adapters.libra.network.decoders import DECODERS, decoder_family

SIZE = {
    "vocab_size": 90,
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 12,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
MULTIMODAL = {
    "mm_hidden_size": 32,
    "mm_projector_type": "mlp2x_gelu",
    "mm_vision_select_layer": -2,
    "mm_vision_tower": str(MODELS / "tiny-clip"),
    "mm_use_im_patch_token": False,
}


def write_checkpoint(folder, family: str, **fields: object):
    """A random checkpoint in the original's layout, and the plain transformers model with the same weights."""
    config_class, model_class = (getattr(transformers, name) for name in DECODERS[family])
    torch.manual_seed(1)
    plain = model_class(config_class(**{**SIZE, **fields})).eval()
    plain.save_pretrained(folder)
    connector = build_connector("mlp2x_gelu", mm_hidden_size=32, hidden_size=48, num_attention_heads=4)
    weights = load_file(folder / "model.safetensors")
    weights |= {f"model.mm_projector.{key}": value for key, value in connector.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text()) | MULTIMODAL
    config["model_type"] = "libra" if family == "llama" else f"libra_{family}"
    (folder / "config.json").write_text(json.dumps(config))
    shutil.copy(MODELS / "tiny-libra-tac/tokenizer.model", folder)
    return plain


@pytest.mark.parametrize("family", DECODERS)
def test_logits_equal_the_plain_model(tmp_path, family):
    plain = write_checkpoint(tmp_path / "model", family)
    loaded = load_checkpoint(tmp_path / "model")
    assert loaded.family == family
    assert loaded.eos_token_ids == (2,)
    model = loaded.model
    ids = [1, 5, -200, 7, 8]
    with torch.no_grad():
        text = torch.tensor([[1, 5, 9]])
        assert_close(model(text).logits, plain(text).logits, atol=1e-5)
        images = torch.randn(2, 1, 3, 56, 56)
        embeddings = model.embed_prompt(ids, model.encode_images(images)[0])[None]
        logits = model(torch.tensor([ids]), images=images).logits
        assert_close(logits, plain(inputs_embeds=embeddings).logits, atol=1e-5)


@pytest.mark.parametrize("family", DECODERS)
def test_written_and_read_again(tmp_path, family):
    write_checkpoint(tmp_path / "model", family)
    first = load_checkpoint(tmp_path / "model")
    save_merged(first, tmp_path / "again")
    second = load_checkpoint(tmp_path / "again")
    assert second.family == family
    stored = (load_file(tmp_path / name / "model.safetensors") for name in ("model", "again"))
    assert len({tuple(sorted(weights)) for weights in stored}) == 1
    images = torch.randn(2, 1, 3, 56, 56)
    ids = torch.tensor([[1, 5, -200, 7]])
    with torch.no_grad():
        assert torch.equal(first.model(ids, images=images).logits, second.model(ids, images=images).logits)


def test_gemma_scales_image_features_like_words(tmp_path):
    """The original's transformers multiplied everything that a Gemma model read by sqrt(width), features included."""
    write_checkpoint(tmp_path / "model", "gemma")
    model = load_checkpoint(tmp_path / "model").model
    features = torch.randn(16, 48)
    with torch.no_grad():
        embeddings = model.embed_prompt([1, -200], features)
        table = model.language_model.get_input_embeddings().weight
    assert_close(embeddings, torch.cat([table[[1]], features]) * 48**0.5, atol=1e-4)


def test_phi4_is_a_phi3(tmp_path):
    write_checkpoint(tmp_path / "model", "phi3", partial_rotary_factor=0.75, head_dim=16, hidden_size=48)
    assert load_checkpoint(tmp_path / "model").family == "phi3"


@pytest.mark.parametrize(
    ("fields", "family"),
    [
        ({"model_type": "libra"}, "llama"),
        ({"model_type": "libra", "architectures": ["LibraMistralForCausalLM"]}, "mistral"),
        ({"model_type": "libra", "architectures": ["LibraPhi3ForCausalLM"]}, "phi3"),
        ({"model_type": "libra", "architectures": ["LlamaForCausalLM"]}, "llama"),
        ({"model_type": "libra_llama"}, "llama"),
        ({"model_type": "libra_gemma"}, "gemma"),
        ({"model_type": "llava"}, "llama"),
        ({"model_type": "llava_llama"}, "llama"),
        ({"model_type": "llava_mistral"}, "mistral"),
        ({"model_type": "qwen3"}, "qwen3"),
    ],
)
def test_families(fields, family):
    assert decoder_family(fields, "x") == family


def test_an_unknown_family_lists_the_known():
    with pytest.raises(ModelError, match="unknown decoder family 'libra_falcon'; known: libra, llama, mistral"):
        decoder_family({"model_type": "libra_falcon"}, "x")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"bits": 4}, "need a CUDA device"),
        ({"bits": 3}, "cannot quantise to 3 bit"),
        ({"attn_implementation": "no_such_attention"}, "cannot be built"),
    ],
)
def test_options_that_cannot_be_met(options, what):
    with pytest.raises(ModelError, match=what) as caught:
        load_checkpoint(MODELS / "tiny-libra-tac", **options)
    assert "\n" not in str(caught.value)


def test_eager_attention_gives_the_same(tmp_path):
    ids = torch.tensor([[1, 5, 9, 30]])
    with torch.no_grad():
        found = [
            load_checkpoint(MODELS / "tiny-libra-tac", attn_implementation=name).model(ids).logits
            for name in ("sdpa", "eager")
        ]
    assert_close(*found, atol=1e-5)

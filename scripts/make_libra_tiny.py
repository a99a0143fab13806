"""Make libra-tiny from nothing: a Libra of a few MB with seeded random weights, in the original's layout.

    python scripts/make_libra_tiny.py [--out DIR] [--seed N]

Writes `libra-tiny` (Llama decoder, temporal connector, tokenizer) and, beside it, `libra-tiny-tower` (DINOv2). The
tokenizer learns from phantom texts. Training starts from what this writes.
"""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from safetensors.torch import save_file
from transformers import Dinov2Config, Dinov2Model, LlamaConfig, LlamaForCausalLM

from benchmarks.files import write_json
from benchmarks.phantoms.writing import ALIGNMENT, TASKS, phantom_studies
from model_adapters.libra.network.connectors import build_connector
from model_adapters.templates import template

OUT = Path(__file__).parents[1] / "model_adapters" / "data"
TEXT_SEED, TEXT_PATIENTS = 1, 200
CONV_MODE = "libra_v1"

VOCABULARY = 704
HEADS = 4
TOWER = {
    "hidden_size": 96,
    "num_hidden_layers": 12,  # the connector reads twelve
    "num_attention_heads": HEADS,
    "mlp_ratio": 2,
    "image_size": 112,
    "patch_size": 16,
}
DECODER = {
    "vocab_size": VOCABULARY,
    "hidden_size": 128,
    "intermediate_size": 344,
    "num_hidden_layers": 4,
    "num_attention_heads": HEADS,
    "num_key_value_heads": HEADS,
    "max_position_embeddings": 1024,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "tie_word_embeddings": False,
}
LIBRA = {
    "architectures": ["LibraLlamaForCausalLM"],
    "model_type": "libra",
    "hidden_act": "silu",
    "initializer_range": 0.02,
    "image_aspect_ratio": "pad",
    "mm_hidden_size": TOWER["hidden_size"],
    "mm_projector_type": "TAC",
    "mm_use_im_patch_token": False,
    "mm_use_im_start_end": False,
    "mm_vision_select_feature": "patch",
    "mm_vision_select_layer": "all",
    "mm_vision_tower": "libra-tiny-tower",
    "tokenizer_model_max_length": 1024,
    "tokenizer_padding_side": "right",
    "torch_dtype": "float16",
    "use_cache": True,
    "use_mm_proj": True,
}
IMAGE_PROCESSOR = {
    "image_processor_type": "BitImageProcessor",
    "do_convert_rgb": True,
    "do_resize": True,
    "size": {"shortest_edge": TOWER["image_size"]},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": TOWER["image_size"], "width": TOWER["image_size"]},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5307] * 3,
    "image_std": [0.2583] * 3,
}
"""RAD-DINO's, at the tiny size."""


def make_tokenizer(folder: Path) -> None:
    """Train a SentencePiece model on phantom texts and write it as Llama's slow tokenizer reads it."""
    prompt = template(CONV_MODE)
    texts = []
    for study in phantom_studies(TEXT_PATIENTS, TEXT_SEED):
        for task in ALIGNMENT:
            for record in TASKS[task](study):
                texts.append(f"{prompt.system} {prompt.roles[0]}: ")
                texts.append(f"{record['text']} {prompt.roles[1]}: {record.get('reference') or record['answer']}")
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type="bpe",
        vocab_size=VOCABULARY,
        byte_fallback=True,
        character_coverage=1.0,
        hard_vocab_limit=False,
        split_digits=True,
        remove_extra_whitespaces=False,  # as in Llama: a space at the end of a prompt is a token
        normalization_rule_name="identity",
        num_threads=1,
        minloglevel=2,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    special = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    plain = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    tokens = {name: {"content": content, **plain} for name, content in special.items()}
    write_json(folder / "special_tokens_map.json", {**tokens, "pad_token": "<unk>"})
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "LlamaTokenizer",
            "legacy": False,
            "add_bos_token": True,
            "add_eos_token": False,
            "add_prefix_space": True,
            "added_tokens_decoder": {
                str(number): {**tokens[name], "special": True} for number, name in enumerate(special)
            },
            **special,
            "pad_token": "<unk>",
            "padding_side": "right",
            "model_max_length": LIBRA["tokenizer_model_max_length"],
            "clean_up_tokenization_spaces": False,
            "sp_model_kwargs": {},
            "spaces_between_special_tokens": False,
            "use_default_system_prompt": False,
        },
    )


def make_tower(folder: Path) -> None:
    """A DINOv2 with random weights and RAD-DINO's image processor."""
    tower = Dinov2Model(Dinov2Config(**TOWER)).half()
    tower.save_pretrained(folder)
    write_json(folder / "preprocessor_config.json", IMAGE_PROCESSOR)


def make_model(folder: Path) -> None:
    """Decoder and connector with random weights, under the original's names."""
    decoder = LlamaForCausalLM(LlamaConfig(**DECODER))
    connector = build_connector(
        "TAC", mm_hidden_size=TOWER["hidden_size"], hidden_size=DECODER["hidden_size"], num_attention_heads=HEADS
    )
    weights: dict[str, torch.Tensor] = dict(decoder.state_dict())
    weights |= {f"model.mm_projector.{name}": weight for name, weight in connector.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    halves = {name: weight.half().contiguous() for name, weight in weights.items()}
    save_file(halves, folder / "model.safetensors", metadata={"format": "pt"})
    config: dict[str, Any] = {**LIBRA, **DECODER}
    write_json(folder / "config.json", dict(sorted(config.items())))
    write_json(
        folder / "generation_config.json",
        {name: DECODER[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id")},
    )


def make(out: Path, seed: int) -> None:
    """Write both folders into `out`; the same seed gives the same weights."""
    torch.manual_seed(seed)
    make_tower(out / "libra-tiny-tower")
    make_model(out / "libra-tiny")
    make_tokenizer(out / "libra-tiny")
    sizes = {path.parent.name: path.stat().st_size for path in out.rglob("*.safetensors")}
    print(json.dumps(sizes), out)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    make(arguments.out, arguments.seed)


if __name__ == "__main__":
    main()

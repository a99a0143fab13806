"""What lies in a checkpoint's folder. Three kinds, told apart by their files:

    full        config.json, weights (`model.layers.*`, `lm_head.*`, `model.mm_projector.*`), tokenizer
    lora        adapter_config.json, adapter_model.*, non_lora_trainables.bin; needs the base model
    projector   mm_projector.bin or mm_tac_projector.bin; needs the base model

The vision tower is not in them (config.json names it), unless it was adapted (`unfreeze_mm_vision_tower`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from benchmarks.errors import ModelError
from model_adapters.checkpoints.config import read_json
from model_adapters.checkpoints.weights import INDEX_FILES, SINGLE_FILES, no_weights, read_weights
from model_adapters.libra.checkpoint.lora import ADAPTER_CONFIG, non_lora_weights, plain_name

PROJECTOR_FILES = ("mm_projector.bin", "mm_tac_projector.bin")
TOKENIZER_FILES = ("tokenizer.model", "tokenizer.json")

Kind = Literal["full", "lora", "projector"]


def checkpoint_kind(folder: Path, base: Path | None) -> Kind:
    """What a folder holds.

    Raises:
        ModelError: nothing that can be loaded, or a part of a model without its base.
    """
    full = any((folder / name).is_file() for name in (*SINGLE_FILES, *INDEX_FILES))
    if (folder / ADAPTER_CONFIG).is_file():
        if base is None:
            stated = read_json(folder / ADAPTER_CONFIG).get("base_model_name_or_path")
            raise ModelError(
                "is a LoRA and needs its base model",
                where=folder,
                hint=f"give --model-base (it was trained on {stated!r})",
            )
        return "lora"
    projector = any((folder / name).is_file() for name in PROJECTOR_FILES)
    if projector and base is not None:
        return "projector"
    if full and base is None:
        return "full"
    if full:
        raise ModelError("is a complete checkpoint and takes no base", where=folder, hint="leave --model-base out")
    if projector:
        raise ModelError("holds a projector alone and needs its base model", where=folder, hint="give --model-base")
    raise no_weights(folder)


def trained_weights(folder: Path, kind: Kind) -> dict[str, Any]:
    """What a LoRA or projector folder lays over its base, in a plain checkpoint's names."""
    if kind == "lora":
        return non_lora_weights(folder)
    if kind == "projector":
        path = next(folder / name for name in PROJECTOR_FILES if (folder / name).is_file())
        stored = {plain_name(key): weight for key, weight in read_weights([path]).items()}
        return {f"model.{key}" if key.startswith("mm_projector.") else key: weight for key, weight in stored.items()}
    return {}


def tokenizer_folder(folder: Path, base: Path | None) -> Path:
    """Where the tokenizer's files lie: in the base, as in the original, or in the checkpoint.

    Raises:
        ModelError: there are none.
    """
    for candidate in (base, folder):
        if candidate is not None and any((candidate / name).is_file() for name in TOKENIZER_FILES):
            return candidate
    raise ModelError(
        "no tokenizer in this folder", where=base or folder, hint="copy tokenizer.model or tokenizer.json into it"
    )


def check_base(fields: Mapping[str, Any], folder: Path, base: Path) -> None:
    """Refuse a base of another size before anything is read."""
    given = read_json(base / "config.json")
    for name in ("hidden_size", "num_hidden_layers", "intermediate_size", "num_attention_heads"):
        if name in given and name in fields and given[name] != fields[name]:
            raise ModelError(
                f"was trained on a base with {name} {fields[name]}, but {base} has {given[name]}",
                where=folder,
                hint="give the base that it was trained on",
            )

"""What a checkpoint's folder holds. Three kinds, told apart by their files:

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
from model_adapters.checkpoints.files import INDEX_FILES, SINGLE_FILES, no_weights, read_config, read_json

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
NON_LORA_WEIGHTS = "non_lora_trainables.bin"
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


def adapter_files(folder: Path) -> list[Path]:
    """The adapter's weights and, where there are any, the non-LoRA weights.

    Raises:
        ModelError: there is no adapter_model file.
    """
    found = [folder / name for name in ADAPTER_WEIGHTS if (folder / name).is_file()][:1]
    if not found:
        raise ModelError("no adapter weights in this folder", where=folder, hint=f"it needs {ADAPTER_WEIGHTS[0]}")
    return [*found, *(path for path in [folder / NON_LORA_WEIGHTS] if path.is_file())]


def projector_file(folder: Path) -> Path:
    """The weights of a projector folder, one of `PROJECTOR_FILES`."""
    return next(folder / name for name in PROJECTOR_FILES if (folder / name).is_file())


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
    given = read_config(base)
    for name in ("hidden_size", "num_hidden_layers", "intermediate_size", "num_attention_heads"):
        if name in given and name in fields and given[name] != fields[name]:
            raise ModelError(
                f"was trained on a base with {name} {fields[name]}, but {base} has {given[name]}",
                where=folder,
                hint="give the base that it was trained on",
            )

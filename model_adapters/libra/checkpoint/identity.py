"""What a checkpoint is, as hashes: known without loading it, and the same wherever its folder is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.files import sha256_file
from model_adapters.adapter import ModelSpec
from model_adapters.checkpoints.files import read_config, weight_files
from model_adapters.checkpoints.locate import find_checkpoint, find_tower
from model_adapters.libra.checkpoint.layout import (
    ADAPTER_CONFIG,
    adapter_files,
    checkpoint_kind,
    projector_file,
    tokenizer_folder,
)
from model_adapters.templates import DEFAULT_MODE

CONFIG_FILES = ("config.json", "generation_config.json", ADAPTER_CONFIG)
TOKENIZER_FILES = (
    "tokenizer.model",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
)
TOWER_FILES = ("config.json", "preprocessor_config.json", "open_clip_config.json")


def checkpoint_identity(
    path: str | Path, model_base: str | Path | None = None, *, vision_tower: str | Path | None = None
) -> dict[str, Any]:
    """The sha256 of every file that decides the model's answers.

    Returns:
        {"kind", "checkpoint": {file: hash}, "base": {...} or None, "tokenizer": {...}, "vision_tower": {...}}.
        No paths: the same files elsewhere have the same identity.

    Raises:
        ModelError: a folder that cannot be loaded either.
    """
    folder = find_checkpoint(path)
    base = None if model_base is None else find_checkpoint(model_base)
    kind = checkpoint_kind(folder, base)
    if kind == "lora":
        weights = adapter_files(folder)
    elif kind == "projector":
        weights = [projector_file(folder)]
    else:
        weights = weight_files(folder)
    tower = find_tower(str(vision_tower or read_config(folder).get("mm_vision_tower")), folder)
    return {
        "kind": kind,
        "checkpoint": _hashes([*weights, *_present(folder, CONFIG_FILES)]),
        "base": None if base is None else _hashes([*weight_files(base), *_present(base, CONFIG_FILES)]),
        "tokenizer": _hashes(_present(tokenizer_folder(folder, base), TOKENIZER_FILES)),
        "vision_tower": _hashes([*_tower_weights(tower), *_present(tower, TOWER_FILES)]),
    }


def conversation_mode(spec: ModelSpec, config: Mapping[str, Any]) -> str:
    """The template's name: as asked for, else the card's, else the checkpoint's; never guessed from a path."""
    return str(spec.conv_mode or spec.card.get("conv_mode") or config.get("conv_mode") or DEFAULT_MODE)


def _tower_weights(tower: Path) -> list[Path]:
    open_clip_weights = sorted(tower.glob("open_clip_*.safetensors")) or sorted(tower.glob("open_clip_*.bin"))
    return open_clip_weights or weight_files(tower)


def _present(folder: Path, names: Iterable[str]) -> list[Path]:
    return [folder / name for name in names if (folder / name).is_file()]


def _hashes(files: Sequence[Path]) -> dict[str, str]:
    """File name -> sha256; shards at once, since a 7B model has 14 GB."""
    with ThreadPoolExecutor() as pool:
        return {path.name: digest for path, digest in zip(files, pool.map(sha256_file, files), strict=True)}

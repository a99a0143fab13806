"""Which files a checkpoint folder holds: its JSON files, and its weights, whole or in shards. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.errors import ModelError
from benchmarks.files import sha256_file
from benchmarks.files.json_text import parse_json
from benchmarks.wording import first_few

INDEX_FILES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
SINGLE_FILES = ("model.safetensors", "pytorch_model.bin")
COUNTED = {re.compile(r"(^|_)(layers?|depth|blocks|experts)$"): 1_000, re.compile(r"(^|_)labels$"): 1_000_000}
"""Names of fields that state how many Python objects transformers makes -> more than any model has."""
DECIDING_SUFFIXES = (".json", ".safetensors", ".bin", ".model", ".txt", ".jinja", ".py")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object that belongs to a checkpoint.

    Raises:
        ModelError: the file is missing or isn't a JSON object.
    """
    try:
        value = parse_json(path.read_bytes(), not_finite="null")
    except FileNotFoundError as error:
        raise ModelError("no such file", where=path, hint="give the folder of a complete checkpoint") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot be read ({error})", where=path, hint="fetch the file again") from error
    if not isinstance(value, dict):
        raise ModelError(f"expected a JSON object, found {type(value).__name__}", where=path)
    return value


def read_config(folder: Path) -> dict[str, Any]:
    """Read a checkpoint's config.json.

    Raises:
        ModelError: as of `read_json`; or it states more layers, experts or labels than any model has, which would be
            built one by one for ever.
    """
    path = folder / "config.json"
    config = read_json(path)
    for name, value, most in _counts(config):
        if value > most:
            raise ModelError(f"{name} is {value:,}, more than {most:,}", where=path, hint="fetch the file again")
    return config


def _counts(config: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    """(name, value, the most that is believed) of what a configuration, and those within it, state the number of."""
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _counts(value)
        elif isinstance(value, int):
            yield from ((name, value, most) for pattern, most in COUNTED.items() if pattern.search(name))


def deciding_hashes(folder: Path) -> dict[str, str]:
    """The sha256 of each of `deciding_files`, by name."""
    return {path.name: sha256_file(path) for path in deciding_files(folder)}


def weight_files(folder: Path) -> list[Path]:
    """The weight files of a checkpoint folder: sharded or single, safetensors before .bin.

    Raises:
        ModelError: there are none, or a shard of the index is missing or outside the folder.
    """
    for single, index in zip(SINGLE_FILES, INDEX_FILES, strict=True):
        if (folder / index).is_file():
            return _shards(folder / index)
        if (folder / single).is_file():
            return [folder / single]
    raise no_weights(folder)


def deciding_files(folder: Path) -> list[Path]:
    """The files of a checkpoint that decide its answers: weights, configuration, tokenizer, templates, code."""
    return sorted(path for path in folder.iterdir() if path.suffix in DECIDING_SUFFIXES and path.is_file())


def no_weights(folder: Path) -> ModelError:
    """The error for a folder without weight files."""
    names = ", ".join((*SINGLE_FILES, *INDEX_FILES))
    return ModelError("no weights in this folder", where=folder, hint=f"it needs one of {names}")


def _shards(index: Path) -> list[Path]:
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(name, str) for name in weight_map.values()):
        raise ModelError("has no weight_map of file names", where=index, hint="fetch the file again")
    names = sorted(set(weight_map.values()))
    if outside := [name for name in names if Path(name).name != name]:
        raise ModelError(f"names a shard outside its own folder: {outside[0]}", where=index)
    if missing := [name for name in names if not (index.parent / name).is_file()]:
        raise ModelError(f"shards are missing: {first_few(missing)}", where=index, hint="fetch the missing files")
    return [index.parent / name for name in names]

"""A checkpoint as its files hold it: config.json, and the weights of its parts before any of them is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from benchmarks.errors import ModelError
from model_adapters.checkpoints.files import read_config, weight_files
from model_adapters.checkpoints.locate import find_checkpoint
from model_adapters.checkpoints.weights import materialize, raise_for_keys, read_weights, shape_of
from model_adapters.libra.checkpoint.layout import (
    NON_LORA_WEIGHTS,
    Kind,
    check_base,
    checkpoint_kind,
    projector_file,
    tokenizer_folder,
)
from model_adapters.libra.checkpoint.names import (
    EMBEDDINGS,
    OUTPUT_LAYER,
    PROJECTOR_PREFIX,
    TOWER_PREFIX,
    plain_name,
)


@dataclass(slots=True)
class StoredLibra:
    """Files of a checkpoint and of its base; weights are tensors or lazy slices, see `read_weights`."""

    folder: Path
    base: Path | None
    """Where a LoRA or a projector belongs to."""
    kind: Kind
    config: dict[str, Any]
    """config.json."""
    language_model: dict[str, Any]
    """In the original's names."""
    projector: dict[str, Any]
    """Without `PROJECTOR_PREFIX`; empty where neither the checkpoint nor its base has a connector."""
    tower: dict[str, Any]
    """Without `TOWER_PREFIX`; empty where the tower is not in the checkpoint."""
    projector_source: Path
    """Where the projector's weights come from, for errors."""
    wider_embeddings: Tensor | None = None
    """Trained embeddings with more rows than the base: tokens were added in training, and the output layer, which was
    not trained with them, must be widened after loading."""

    def lay_over(self, trained: Mapping[str, Any], source: Path) -> None:
        """Put weights on top that were trained with this model as their base; a projector replaces the whole projector.

        Raises:
            ModelError: embeddings of another width, or with fewer rows.
        """
        weights = dict(trained)
        self.wider_embeddings = _take_wider_embeddings(self.language_model, weights)
        if projector := _take(weights, PROJECTOR_PREFIX):
            self.projector, self.projector_source = projector, source
        self.tower.update(_take(weights, TOWER_PREFIX))
        self.language_model.update(weights)

    @property
    def tokenizer_folder(self) -> Path:
        """Where the tokenizer's files are.

        Raises:
            ModelError: there are none.
        """
        return tokenizer_folder(self.folder, self.base)

    @property
    def adapted_tower(self) -> Mapping[str, Any] | None:
        """The tower's own weights, where it was adapted in training; None: it is another folder's."""
        return self.tower if self.tower and self.config.get("unfreeze_mm_vision_tower") else None


def read_checkpoint(path: str | Path, model_base: str | Path | None = None) -> StoredLibra:
    """Read a checkpoint: a folder or a hub id.

    Args:
        path: the checkpoint, a LoRA folder, or a folder with a projector alone.
        model_base: the base model of the latter two.

    Raises:
        ModelError: what is wrong, where, and what to do about it, in one line.
    """
    folder = find_checkpoint(path)
    base = None if model_base is None else find_checkpoint(model_base)
    kind = checkpoint_kind(folder, base)
    config = read_config(folder)
    if base is not None:
        check_base(config, folder, base)
    weights = read_weights(weight_files(base or folder))
    projector, tower = _take(weights, PROJECTOR_PREFIX), _take(weights, TOWER_PREFIX)
    stored = StoredLibra(folder, base, kind, config, weights, projector, tower, folder)
    if kind == "projector":
        stored.lay_over(projector_weights(projector_file(folder)), projector_file(folder))
    elif kind == "lora" and (folder / NON_LORA_WEIGHTS).is_file():
        stored.lay_over(_plain(folder / NON_LORA_WEIGHTS), folder / NON_LORA_WEIGHTS)
    return stored


def projector_weights(path: Path) -> dict[str, Any]:
    """What a projector file holds, in a complete checkpoint's names: the projector, sometimes embeddings with it.

    Raises:
        ModelError: it is no weight file.
    """
    stored = _plain(path)
    return {f"model.{key}" if key.startswith("mm_projector.") else key: weight for key, weight in stored.items()}


def _plain(path: Path) -> dict[str, Any]:
    """The weights of a file without peft's wrapping of their names."""
    return {plain_name(key): weight for key, weight in read_weights([path]).items()}


def _take(weights: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Remove the keys of one part from `weights` and return them without their prefix."""
    return {key.removeprefix(prefix): weights.pop(key) for key in list(weights) if key.startswith(prefix)}


def _take_wider_embeddings(weights: Mapping[str, Any], trained: dict[str, Any]) -> Tensor | None:
    """Remove and return trained embeddings that have more rows than the base's, if the output layer has not."""
    if not (EMBEDDINGS in trained and EMBEDDINGS in weights and OUTPUT_LAYER in weights) or OUTPUT_LAYER in trained:
        return None
    found, wanted = shape_of(trained[EMBEDDINGS]), shape_of(weights[EMBEDDINGS])
    if found == wanted:
        return None
    if found[1:] != wanted[1:] or found[0] < wanted[0]:
        raise_for_keys("the trained embeddings", mismatched=[(EMBEDDINGS, found, wanted)])
    return materialize(trained.pop(EMBEDDINGS))


def required(config: Mapping[str, Any], name: str, folder: Path) -> Any:
    """A field that config.json must have.

    Raises:
        ModelError: it has not.
    """
    if name not in config:
        raise ModelError(
            f"has no {name}", where=folder / "config.json", hint="give a Libra checkpoint, not a plain language model"
        )
    return config[name]

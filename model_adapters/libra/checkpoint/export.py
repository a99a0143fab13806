"""Writing a model back in the original's layout, in its parameter names."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from benchmarks.errors import ModelError, StorageError
from benchmarks.files import write_json
from model_adapters.checkpoints.files import weight_files
from model_adapters.checkpoints.locate import local_tower
from model_adapters.checkpoints.weights import materialize, read_weights
from model_adapters.libra.checkpoint.identity import TOKENIZER_FILES
from model_adapters.libra.checkpoint.loading import LoadedLibra
from model_adapters.libra.checkpoint.names import OUTPUT_LAYER, TOWER_PREFIX, published_name
from model_adapters.libra.network.model import LibraModel

MAX_SHARD_SIZE = "5GB"


def original_state_dict(model: LibraModel, *, with_tower: bool = False) -> dict[str, Tensor]:
    """The model's weights under the names of the original: `model.layers.*`, `lm_head.*`, `model.mm_projector.*`.

    Args:
        model: a model without separate LoRA layers.
        with_tower: include the vision tower (`model.vision_tower.vision_tower.*`), for one that was adapted.
    """
    named = {published_name(name): weight for name, weight in model.state_dict().items()}
    weights = without_tower(named, model)
    if with_tower:
        stored = published_tower_weights(model.tower.vision_tower)
        weights |= {TOWER_PREFIX + key: weight for key, weight in stored.items()}
    return weights


def without_tower(named: Mapping[str, Tensor], model: LibraModel) -> dict[str, Tensor]:
    """Weights in the original's names as a published file holds them: no vision tower, no tied output embeddings."""
    weights = {name: weight for name, weight in named.items() if not name.startswith(TOWER_PREFIX)}
    if model.language_model.config.tie_word_embeddings:
        weights.pop(OUTPUT_LAYER, None)
    return weights


def published_tower_weights(vision_model: nn.Module) -> dict[str, Tensor]:
    """A tower's weights under the names of published files: transformers renames while saving, so it saves."""
    with tempfile.TemporaryDirectory() as folder:
        vision_model.save_pretrained(folder)
        return {key: materialize(weight).clone() for key, weight in read_weights(weight_files(Path(folder))).items()}


def save_merged(loaded: LoadedLibra, out: Path) -> None:
    """Write a plain checkpoint: config.json, safetensors (in shards of 5 GB), tokenizer, generation settings.

    A LoRA must have been merged on loading. The vision tower is stored where it was adapted; else config.json
    names it, as before.

    Raises:
        ModelError: `out` has something in it, or the model has separate LoRA layers.
        StorageError: it cannot be written.
    """
    from safetensors import SafetensorError

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ModelError("is not empty", where=out, hint="name a new folder")
    weights = original_state_dict(loaded.model, with_tower=bool(loaded.config.get("unfreeze_mm_vision_tower")))
    if any(".lora_" in key for key in weights):
        raise ModelError("the LoRA is not merged", where=loaded.folder, hint="load it with merge_lora=True")
    try:
        out.mkdir(parents=True, exist_ok=True)
        save_weights(weights, out)
        copy_files(loaded.tokenizer_folder, out, TOKENIZER_FILES)
    except (OSError, SafetensorError) as error:
        raise StorageError(f"cannot write ({error})", where=out, hint="free some space") from error
    write_json(out / "generation_config.json", _generation_settings(loaded))
    write_json(out / "config.json", _plain_config(loaded, out))


def _generation_settings(loaded: LoadedLibra) -> dict[str, Any]:
    ids = loaded.eos_token_ids
    settings = {
        "bos_token_id": loaded.bos_token_id,
        "eos_token_id": ids[0] if len(ids) == 1 else list(ids),
        "pad_token_id": loaded.pad_token_id,
    }
    return {name: value for name, value in settings.items() if value not in (None, [])}


def _plain_config(loaded: LoadedLibra, out: Path) -> dict[str, Any]:
    """The checkpoint's config.json with what the merged model has become; a tower beside it stays in reach."""
    return {
        **loaded.config,
        "vocab_size": loaded.model.vocabulary_size,
        "torch_dtype": str(loaded.model.dtype).removeprefix("torch."),
        "mm_vision_tower": tower_reference(loaded, out),
    }


def tower_reference(loaded: LoadedLibra, out: Path) -> str:
    """The `mm_vision_tower` of what is written to `out`: a tower beside the checkpoint is found from there, too."""
    name = str(loaded.config["mm_vision_tower"])
    return os.path.relpath(loaded.tower_folder, out) if local_tower(name, loaded.folder) else name


def save_weights(weights: dict[str, Tensor], out: Path) -> None:
    """Write weights as safetensors, in shards of at most 5 GB."""
    from huggingface_hub import save_torch_state_dict

    save_torch_state_dict(weights, out, max_shard_size=MAX_SHARD_SIZE, metadata={"format": "pt"})


def copy_files(source: Path, out: Path, names: Iterable[str]) -> None:
    """Copy those of the files that there are."""
    for name in names:
        if (source / name).is_file():
            shutil.copy(source / name, out / name)

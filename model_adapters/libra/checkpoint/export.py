"""Writing a model back in the original's layout, in its parameter names."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from benchmarks.errors import ModelError, StorageError
from benchmarks.files import write_json
from model_adapters.checkpoints.files import weight_files
from model_adapters.checkpoints.locate import local_tower
from model_adapters.checkpoints.weights import materialize, read_weights
from model_adapters.libra.checkpoint.identity import TOKENIZER_FILES
from model_adapters.libra.checkpoint.loading import PROJECTOR_PREFIX, TOWER_PREFIX, LoadedLibra
from model_adapters.libra.network.model import LibraModel

MAX_SHARD_SIZE = "5GB"


def original_state_dict(model: LibraModel, *, with_tower: bool = False) -> dict[str, Tensor]:
    """The model's weights under the names of the original: `model.layers.*`, `lm_head.*`, `model.mm_projector.*`.

    Tied output embeddings are left out, as in the published files.

    Args:
        model: a model without separate LoRA layers.
        with_tower: include the vision tower (`model.vision_tower.vision_tower.*`), for one that was adapted.
    """
    weights = dict(model.language_model.state_dict())
    if model.language_model.config.tie_word_embeddings:
        weights.pop("lm_head.weight", None)
    weights |= {PROJECTOR_PREFIX + key: weight for key, weight in model.connector.state_dict().items()}
    if with_tower:
        stored = published_tower_weights(model.tower.vision_tower)
        weights |= {TOWER_PREFIX + key: weight for key, weight in stored.items()}
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
    from huggingface_hub import save_torch_state_dict
    from safetensors import SafetensorError

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ModelError("is not empty", where=out, hint="name a new folder")
    weights = original_state_dict(loaded.model, with_tower=bool(loaded.config.get("unfreeze_mm_vision_tower")))
    if any(".lora_" in key for key in weights):
        raise ModelError("the LoRA is not merged", where=loaded.folder, hint="load it with merge_lora=True")
    try:
        out.mkdir(parents=True, exist_ok=True)
        save_torch_state_dict(weights, out, max_shard_size=MAX_SHARD_SIZE, metadata={"format": "pt"})
        _copy(loaded.tokenizer_folder, out, TOKENIZER_FILES)
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
    config = {
        **loaded.config,
        "vocab_size": loaded.model.vocabulary_size,
        "torch_dtype": str(loaded.model.dtype).removeprefix("torch."),
    }
    if local_tower(str(config["mm_vision_tower"]), loaded.folder):
        config["mm_vision_tower"] = os.path.relpath(loaded.tower_folder, out)
    return config


def _copy(source: Path, out: Path, names: tuple[str, ...]) -> None:
    for name in names:
        if (source / name).is_file():
            shutil.copy(source / name, out / name)

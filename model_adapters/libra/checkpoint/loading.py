"""Building a Libra model from its checkpoint: tower, connector and language model, put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.errors import ModelError
from model_adapters.checkpoints.files import read_json
from model_adapters.checkpoints.locate import find_tower
from model_adapters.checkpoints.weights import load_into, shape_of
from model_adapters.generation.stopping import end_token_ids
from model_adapters.libra.checkpoint.lora import apply_lora
from model_adapters.libra.checkpoint.names import EMBEDDINGS, PROJECTOR_PREFIX
from model_adapters.libra.checkpoint.stored import StoredLibra, read_checkpoint, required
from model_adapters.libra.inputs.image_processing import load_image_processor
from model_adapters.libra.network.connectors import (
    TAC_LAYERS,
    SingleImageProjector,
    TemporalAlignmentConnector,
    build_connector,
)
from model_adapters.libra.network.decoders import decoder_family, load_decoder
from model_adapters.libra.network.model import LibraModel
from model_adapters.libra.network.towers import VisionTower, load_tower


@dataclass(frozen=True, slots=True)
class LoadedLibra:
    """A model that is ready, and the facts of its checkpoint that others need."""

    model: LibraModel
    """In evaluation mode; nothing of it is trainable."""
    config: dict[str, Any]
    """The checkpoint's config.json, as it is."""
    image_processor: Any
    """The tower's own, in its PIL form."""
    folder: Path
    """The checkpoint."""
    tower_folder: Path
    tokenizer_folder: Path
    """Holds the tokenizer's files: the checkpoint, or its base where the checkpoint has none."""
    family: str
    """Decoder family, a key of `decoders.DECODERS`."""
    eos_token_ids: tuple[int, ...]
    """Any of them ends the text; from generation_config.json, else from config.json."""
    bos_token_id: int | None
    pad_token_id: int | None

    @property
    def image_aspect_ratio(self) -> str | None:
        """How images become square: see `image_processing.preprocess`."""
        return self.config.get("image_aspect_ratio")


def load_checkpoint(
    path: str | Path,
    *,
    model_base: str | Path | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    vision_tower: str | Path | None = None,
    attn_implementation: str = "sdpa",
    merge_lora: bool = True,
    bits: int | None = None,
    device_map: str | None = None,
) -> LoadedLibra:
    """Read and build a checkpoint: `read_checkpoint`, then `build`, whose arguments these are.

    Raises:
        ModelError: what is wrong, where, and what to do about it, in one line.
    """
    return build(
        read_checkpoint(path, model_base),
        device=device,
        dtype=dtype,
        vision_tower=vision_tower,
        attn_implementation=attn_implementation,
        merge_lora=merge_lora,
        bits=bits,
        device_map=device_map,
    )


def build(
    stored: StoredLibra,
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    vision_tower: str | Path | None = None,
    attn_implementation: str = "sdpa",
    merge_lora: bool = True,
    bits: int | None = None,
    device_map: str | None = None,
    new_connector_seed: int | None = None,
) -> LoadedLibra:
    """Build a model; its weights go straight into `dtype` on `device`, one tensor at a time.

    Args:
        stored: the checkpoint's files.
        device: where the model runs.
        dtype: floating-point type of every part.
        vision_tower: the tower's folder or hub id, instead of config.json's `mm_vision_tower`.
        attn_implementation: of the language model: "sdpa", "eager" or "flash_attention_2".
        merge_lora: add a LoRA to the base weights; otherwise it stays beside them (same output, slower).
        bits: 4 or 8 quantises the language model through bitsandbytes (needs a GPU).
        device_map: "auto" spreads the language model over all devices; `device` is then for tower and connector.
        new_connector_seed: of the random weights of a connector that is not there yet; None: there must be one.

    Raises:
        ModelError: what is wrong, where, and what to do about it, in one line.
    """
    device, folder, config = torch.device(device), stored.folder, stored.config
    source, tokenizer_folder = stored.base or folder, stored.tokenizer_folder
    family = decoder_family(config, folder / "config.json")
    tower_folder = find_tower(str(vision_tower or required(config, "mm_vision_tower", folder)), folder)
    tower = _load_tower(stored, tower_folder, device, dtype)
    connector = _build_connector(stored, tower, new_connector_seed)
    language_model = load_decoder(
        _decoder_fields(stored),
        stored.language_model,
        where=source,
        device=device,
        dtype=dtype,
        attn_implementation=attn_implementation,
        bits=bits,
        device_map=device_map,
    )
    model = LibraModel(tower, connector.to(device=device, dtype=dtype), language_model).eval()
    if stored.wider_embeddings is not None:
        _widen_embeddings(model, stored.wider_embeddings)
    if stored.kind == "lora":
        model.language_model = apply_lora(language_model, folder, merge=merge_lora)
    model.requires_grad_(False)
    return LoadedLibra(
        model=model,
        config=config,
        image_processor=load_image_processor(tower_folder),
        folder=folder,
        tower_folder=tower_folder,
        tokenizer_folder=tokenizer_folder,
        family=family,
        eos_token_ids=_eos_token_ids(config, source),
        bos_token_id=config.get("bos_token_id"),
        pad_token_id=config.get("pad_token_id"),
    )


@torch.no_grad()
def _widen_embeddings(model: LibraModel, embeddings: torch.Tensor) -> None:
    """Give the model the embeddings of a vocabulary that grew in training."""
    model.resize_vocabulary(embeddings.shape[0])
    model.language_model.get_input_embeddings().weight.copy_(embeddings)


def _load_tower(stored: StoredLibra, tower_folder: Path, device: torch.device, dtype: torch.dtype) -> VisionTower:
    config, folder = stored.config, stored.folder
    return load_tower(
        tower_folder,
        select_layer=required(config, "mm_vision_select_layer", folder),
        select_feature=config.get("mm_vision_select_feature", "patch"),
        final_norm=bool(config.get("use_maira_feature_norm", False)),
        weights=stored.adapted_tower,
        device=device,
        dtype=dtype,
    )


def _decoder_fields(stored: StoredLibra) -> dict[str, Any]:
    """config.json for the language model: the base's vocabulary may be smaller than the one that it states."""
    fields = dict(stored.config)
    if stored.base is not None and EMBEDDINGS in stored.language_model:
        fields["vocab_size"] = shape_of(stored.language_model[EMBEDDINGS])[0]
    return fields


def _build_connector(
    stored: StoredLibra, tower: VisionTower, new_seed: int | None
) -> TemporalAlignmentConnector | SingleImageProjector:
    config, folder = stored.config, stored.folder
    where = folder / "config.json"
    mm_hidden_size = int(config.get("mm_hidden_size", tower.hidden_size))
    if mm_hidden_size != tower.hidden_size:
        raise ModelError(
            f"mm_hidden_size is {mm_hidden_size}, but the vision tower gives {tower.hidden_size}",
            where=where,
            hint="correct mm_vision_tower: it is not the tower that this model was trained with",
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(new_seed or 0)
        connector = build_connector(
            config.get("mm_projector_type", "linear"),
            mm_hidden_size=mm_hidden_size,
            hidden_size=int(required(config, "hidden_size", folder)),
            num_attention_heads=int(required(config, "num_attention_heads", folder)),
        )
    needed = TAC_LAYERS if isinstance(connector, TemporalAlignmentConnector) else 1
    if tower.num_layers != needed:
        raise ModelError(
            f"its projector reads {needed} tower layer{'s' * (needed > 1)}, but this tower gives {tower.num_layers}",
            where=where,
            hint='mm_vision_select_layer is "all" (of a tower of 12 layers) for TAC, else one layer such as -2',
        )
    if stored.projector:
        load_into(connector, stored.projector, where=stored.projector_source, prefix=PROJECTOR_PREFIX)
    elif new_seed is None:
        raise ModelError(
            f"neither the checkpoint nor its base has projector weights ({PROJECTOR_PREFIX}*)",
            where=folder,
            hint="give the base that holds the trained projector",
        )
    connector.eval()
    return connector


def _eos_token_ids(config: Mapping[str, Any], folder: Path) -> tuple[int, ...]:
    generation = folder / "generation_config.json"
    stated = read_json(generation).get("eos_token_id") if generation.is_file() else None
    return end_token_ids(config.get("eos_token_id") if stated is None else stated)

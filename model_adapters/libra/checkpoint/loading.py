"""Loading a Libra checkpoint: the parts are read from the original's layout on disk and put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.errors import ModelError
from model_adapters.checkpoints.files import read_json, weight_files
from model_adapters.checkpoints.locate import find_checkpoint, find_tower
from model_adapters.checkpoints.weights import load_into, materialize, raise_for_keys, read_weights, shape_of
from model_adapters.libra.checkpoint.layout import Kind, check_base, checkpoint_kind, projector_file, tokenizer_folder
from model_adapters.libra.checkpoint.lora import apply_lora, non_lora_weights, plain_name
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

PROJECTOR_PREFIX = "model.mm_projector."
TOWER_PREFIX = "model.vision_tower.vision_tower."
EMBEDDINGS = "model.embed_tokens.weight"
OUTPUT_LAYER = "lm_head.weight"
DEFAULT_CONTEXT_LENGTH = 2048


@dataclass(frozen=True, slots=True)
class LoadedLibra:
    """A model that is ready, and the facts of its checkpoint that others need."""

    model: LibraModel
    """In evaluation mode."""
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
    def context_length(self) -> int:
        """Positions (prompt, image and answer) that the original allows."""
        return int(self.config.get("max_sequence_length") or DEFAULT_CONTEXT_LENGTH)

    @property
    def image_aspect_ratio(self) -> str | None:
        """How images become square: see `image_processing.preprocess`."""
        return self.config.get("image_aspect_ratio")

    @property
    def use_im_patch_token(self) -> bool:
        """Whether the tokenizer gets `<im_patch>` (the original's default where config.json is silent)."""
        return bool(self.config.get("mm_use_im_patch_token", True))

    @property
    def use_im_start_end(self) -> bool:
        """Whether the tokenizer gets `<im_start>` and `<im_end>`, which then stand around the image."""
        return bool(self.config.get("mm_use_im_start_end", False))


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
    """Load a checkpoint: a folder or a hub id.

    Weights go straight into `dtype` on `device`, a tensor at a time.

    Args:
        path: the checkpoint, a LoRA folder, or a folder with a projector alone.
        model_base: the base model of the latter two.
        device: where the model runs.
        dtype: floating-point type of every part.
        vision_tower: the tower's folder or hub id, instead of config.json's `mm_vision_tower`.
        attn_implementation: of the language model: "sdpa", "eager" or "flash_attention_2".
        merge_lora: add a LoRA to the base weights; otherwise it stays beside them (same output, slower).
        bits: 4 or 8 quantises the language model through bitsandbytes (needs a GPU).
        device_map: "auto" spreads the language model over all devices; `device` is then for tower and connector.

    Raises:
        ModelError: what is wrong, where, and the hint, in one line.
    """
    device = torch.device(device)
    folder = find_checkpoint(path)
    base = None if model_base is None else find_checkpoint(model_base)
    kind = checkpoint_kind(folder, base)
    fields = read_json(folder / "config.json")
    family = decoder_family(fields, folder / "config.json")
    if base is not None:
        check_base(fields, folder, base)
    tokenizer = tokenizer_folder(folder, base)
    weights = read_weights(weight_files(base or folder))
    trained = _trained_weights(folder, kind)
    added_embeddings = _take_wider_embeddings(weights, trained)
    weights.update(trained)

    projector_weights = _take(weights, PROJECTOR_PREFIX)
    tower_weights = _take(weights, TOWER_PREFIX)
    tower_folder = find_tower(str(vision_tower or _required(fields, "mm_vision_tower", folder)), folder)
    tower = load_tower(
        tower_folder,
        select_layer=_required(fields, "mm_vision_select_layer", folder),
        select_feature=fields.get("mm_vision_select_feature", "patch"),
        final_norm=bool(fields.get("use_maira_feature_norm", False)),
        weights=tower_weights if tower_weights and fields.get("unfreeze_mm_vision_tower") else None,
        device=device,
        dtype=dtype,
    )
    connector = _load_connector(fields, projector_weights, tower, folder).to(device=device, dtype=dtype)
    decoder_fields = dict(fields)
    if base is not None and EMBEDDINGS in weights:  # the base's vocabulary may be smaller than the one in config.json
        decoder_fields["vocab_size"] = shape_of(weights[EMBEDDINGS])[0]
    language_model = load_decoder(
        decoder_fields,
        weights,
        where=base or folder,
        device=device,
        dtype=dtype,
        attn_implementation=attn_implementation,
        bits=bits,
        device_map=device_map,
    )
    model = LibraModel(tower, connector, language_model).eval()
    if added_embeddings is not None:
        model.resize_vocabulary(added_embeddings.shape[0])
        with torch.no_grad():
            model.language_model.get_input_embeddings().weight.copy_(added_embeddings)
    if kind == "lora":
        model.language_model = apply_lora(language_model, folder, merge=merge_lora)
    model.requires_grad_(False)
    return LoadedLibra(
        model=model,
        config=fields,
        image_processor=load_image_processor(tower_folder),
        folder=folder,
        tower_folder=tower_folder,
        tokenizer_folder=tokenizer,
        family=family,
        eos_token_ids=_eos_token_ids(fields, base or folder),
        bos_token_id=fields.get("bos_token_id"),
        pad_token_id=fields.get("pad_token_id"),
    )


def _trained_weights(folder: Path, kind: Kind) -> dict[str, Any]:
    """What a LoRA or projector folder lays over its base, in a plain checkpoint's names."""
    if kind == "lora":
        return non_lora_weights(folder)
    if kind == "projector":
        stored = {plain_name(key): weight for key, weight in read_weights([projector_file(folder)]).items()}
        return {f"model.{key}" if key.startswith("mm_projector.") else key: weight for key, weight in stored.items()}
    return {}


def _load_connector(
    fields: Mapping[str, Any], weights: Mapping[str, Any], tower: VisionTower, folder: Path
) -> TemporalAlignmentConnector | SingleImageProjector:
    where = folder / "config.json"
    mm_hidden_size = int(fields.get("mm_hidden_size", tower.hidden_size))
    if mm_hidden_size != tower.hidden_size:
        raise ModelError(
            f"mm_hidden_size is {mm_hidden_size}, but the vision tower gives {tower.hidden_size}",
            where=where,
            hint="correct mm_vision_tower: it is not the tower that this model was trained with",
        )
    connector = build_connector(
        fields.get("mm_projector_type", "linear"),
        mm_hidden_size=mm_hidden_size,
        hidden_size=int(_required(fields, "hidden_size", folder)),
        num_attention_heads=int(_required(fields, "num_attention_heads", folder)),
    )
    needed = TAC_LAYERS if isinstance(connector, TemporalAlignmentConnector) else 1
    if tower.num_layers != needed:
        raise ModelError(
            f"its projector reads {needed} tower layer{'s' * (needed > 1)}, but this tower gives {tower.num_layers}",
            where=where,
            hint='mm_vision_select_layer is "all" (of a tower of 12 layers) for TAC, else one layer such as -2',
        )
    if not weights:
        raise ModelError(
            f"neither the checkpoint nor its base has projector weights ({PROJECTOR_PREFIX}*)",
            where=folder,
            hint="give the base that holds the trained projector",
        )
    load_into(connector, weights, where=folder, prefix=PROJECTOR_PREFIX)
    connector.eval().requires_grad_(False)
    return connector


def _take(weights: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Remove the keys of one part from `weights` and return them without their prefix."""
    return {key.removeprefix(prefix): weights.pop(key) for key in list(weights) if key.startswith(prefix)}


def _take_wider_embeddings(weights: Mapping[str, Any], trained: dict[str, Any]) -> torch.Tensor | None:
    """Remove and return trained embeddings that have more rows than the base: tokens were added in training.

    Only where the output layer was not trained with them: it has the base's rows and must be widened after loading.
    """
    if not (EMBEDDINGS in trained and EMBEDDINGS in weights and OUTPUT_LAYER in weights) or OUTPUT_LAYER in trained:
        return None
    found, wanted = shape_of(trained[EMBEDDINGS]), shape_of(weights[EMBEDDINGS])
    if found == wanted:
        return None
    if found[1:] != wanted[1:] or found[0] < wanted[0]:
        raise_for_keys("the trained embeddings", mismatched=[(EMBEDDINGS, found, wanted)])
    return materialize(trained.pop(EMBEDDINGS))


def _required(fields: Mapping[str, Any], name: str, folder: Path) -> Any:
    if name not in fields:
        raise ModelError(
            f"has no {name}", where=folder / "config.json", hint="give a Libra checkpoint, not a plain language model"
        )
    return fields[name]


def _eos_token_ids(fields: Mapping[str, Any], folder: Path) -> tuple[int, ...]:
    generation = folder / "generation_config.json"
    stated = read_json(generation).get("eos_token_id") if generation.is_file() else None
    stated = fields.get("eos_token_id") if stated is None else stated
    if stated is None:
        return ()
    return tuple(stated) if isinstance(stated, list) else (int(stated),)

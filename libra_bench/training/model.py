"""The model that is trained: put together from its parts, with the right ones learning.

Parameters bear the published names (`published_name`): `model.layers.*`, `lm_head.*`, `model.mm_projector.*`, and
with a LoRA `base_model.model.` before them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.errors import InputError, ModelError
from libra_bench.training.recipe import Recipe
from model_adapters.checkpoints.files import read_json, weight_files
from model_adapters.checkpoints.locate import find_checkpoint, find_tower
from model_adapters.checkpoints.weights import load_into, materialize, read_weights
from model_adapters.libra.checkpoint.loading import PROJECTOR_PREFIX, TOWER_PREFIX
from model_adapters.libra.inputs.image_processing import load_image_processor
from model_adapters.libra.inputs.tokenizer import LibraTokenizer
from model_adapters.libra.network.connectors import TemporalAlignmentConnector, build_connector
from model_adapters.libra.network.decoders import decoder_family, load_decoder
from model_adapters.libra.network.model import LibraModel
from model_adapters.libra.network.towers import VisionTower, load_tower

LORA_PREFIX = "base_model.model."


class TrainingModel(LibraModel):
    """A Libra model in training: takes cached tower features in place of pixels, and its tower never changes."""

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        images: Tensor | None = None,
        labels: Tensor | None = None,
        **language_model_options: Any,
    ) -> Any:
        """As `LibraModel.forward`; `images` may also be tower features [2, B, L, N, C]."""
        if images is None or images.shape[2] == 3:
            features_BNH = None if images is None else self.encode_images(images)
        else:
            features_BNH = self.connect(images[0], images[1])
        embeddings, mask, labels = self.splice(input_ids, attention_mask, features_BNH, labels)
        if features_BNH is not None and self.training:
            # Rows without an image don't see the features; every parameter still takes part in every step.
            embeddings = embeddings + 0 * features_BNH.sum()
        options = {"use_cache": False, **language_model_options}
        return self.language_model(inputs_embeds=embeddings, attention_mask=mask, labels=labels, **options)

    def train(self, mode: bool = True) -> TrainingModel:
        """Switch dropout on or off; the tower stays as it is."""
        super().train(mode)
        self.tower.eval()
        return self

    is_activation_checkpointing = False
    """Asked for by transformers' Trainer."""

    def activation_checkpointing_enable(self, **options: Any) -> None:
        """Compute the language model's activations twice instead of keeping them."""
        self.decoder.activation_checkpointing_enable(**options)
        self.is_activation_checkpointing = True

    @property
    def decoder(self) -> Any:
        """The language model without the LoRA's wrapping (its layers hold the LoRA)."""
        return self.language_model.base_model.model if self.has_lora else self.language_model

    @property
    def has_lora(self) -> bool:
        """Whether the language model is wrapped by peft."""
        return hasattr(self.language_model, "peft_config")

    def published_name(self, name: str) -> str:
        """A parameter's name in the original: `connector.x` -> `model.mm_projector.x`."""
        prefix = LORA_PREFIX if self.has_lora else ""
        if name.startswith("connector."):
            return prefix + PROJECTOR_PREFIX + name.removeprefix("connector.")
        if name.startswith("tower.vision_tower."):
            return prefix + TOWER_PREFIX + name.removeprefix("tower.vision_tower.")
        return name.removeprefix("language_model.")

    def named_trainable(self) -> Iterator[tuple[str, nn.Parameter]]:
        """(published name, parameter) of everything that learns."""
        for name, parameter in self.named_parameters():
            if parameter.requires_grad:
                yield self.published_name(name), parameter


@dataclass(frozen=True, slots=True)
class Parts:
    """The model and what belongs to it."""

    model: TrainingModel
    tokenizer: LibraTokenizer
    pad_id: int
    """As the original sets it: the tokenizer's, else unk, else EOS."""
    image_processor: Any
    config: dict[str, Any]
    """config.json of what is saved."""
    base_folder: Path
    tower_folder: Path


def build(recipe: Recipe) -> Parts:
    """Load language model, tower and connector, and set what learns.

    Raises:
        ModelError: a part is missing or does not fit.
        InputError: nothing would learn.
    """
    base = find_checkpoint(recipe.model_name_or_path)
    fields = read_json(base / "config.json")
    config = _config(fields, recipe)
    family = decoder_family(fields, base / "config.json")
    config["model_type"] = "libra" if family == "llama" else f"libra_{family}"
    dtype = torch.bfloat16 if recipe.bf16 else torch.float32
    weights = read_weights(weight_files(base))
    projector = {key: weights.pop(key) for key in list(weights) if key.startswith(PROJECTOR_PREFIX)}
    tower_weights = {key: weights.pop(key) for key in list(weights) if key.startswith(TOWER_PREFIX)}
    adapted = tower_weights if tower_weights and fields.get("unfreeze_mm_vision_tower") else {}

    tower_folder = find_tower(_needed(config, "mm_vision_tower", "vision_tower"), base)
    tower = load_tower(
        tower_folder,
        select_layer=_needed(config, "mm_vision_select_layer", "mm_vision_select_layer"),
        select_feature=config.get("mm_vision_select_feature", "patch"),
        final_norm=bool(fields.get("use_maira_feature_norm", False)),
        weights={key.removeprefix(TOWER_PREFIX): weight for key, weight in adapted.items()} or None,
        dtype=dtype,
    )
    config["mm_hidden_size"] = tower.hidden_size
    language_model = load_decoder(
        fields,
        weights,
        where=base,
        device=torch.device("cpu"),
        dtype=dtype,
        attn_implementation=recipe.attn_implementation,
    )
    connector, embeddings = _connector(recipe, config, tower, projector)
    model = TrainingModel(tower, connector.to(dtype), language_model)
    tokenizer = LibraTokenizer.load(base, config)
    if len(tokenizer) > model.vocabulary_size:
        model.resize_vocabulary(len(tokenizer))
    if embeddings is not None:
        with torch.no_grad():
            model.language_model.get_input_embeddings().weight.copy_(materialize(embeddings))
    config["vocab_size"] = model.vocabulary_size
    set_learning(model, recipe)
    pad_id = next(index for index in (tokenizer.pad_id, tokenizer.unk_id, tokenizer.eos_id, 0) if index is not None)
    return Parts(model, tokenizer, pad_id, load_image_processor(tower_folder), config, base, tower_folder)


def set_learning(model: TrainingModel, recipe: Recipe) -> None:
    """Choose what learns; a LoRA is put in.

    Raises:
        InputError: nothing would learn.
    """
    model.requires_grad_(False)
    if recipe.lora_enable:
        _add_lora(model, recipe)
    elif not recipe.tune_mm_mlp_adapter and not recipe.freeze_backbone:
        model.language_model.requires_grad_(True)
    model.connector.requires_grad_(recipe.tune_mm_mlp_adapter or not recipe.freeze_mm_mlp_adapter)
    if recipe.tune_mm_mlp_adapter and recipe.mm_use_im_start_end:
        model.language_model.get_input_embeddings().requires_grad_(True)
    if recipe.mm_projector_dropout is not None:
        for module in model.connector.modules():
            if isinstance(module, nn.Dropout):
                module.p = recipe.mm_projector_dropout
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise InputError(
            "no parameter would learn",
            where="recipe",
            hint="look at tune_mm_mlp_adapter, freeze_mm_mlp_adapter, freeze_backbone and lora_enable",
        )


def _add_lora(model: TrainingModel, recipe: Recipe) -> None:
    """Low-rank updates on every linear layer of the language model but the output layer."""
    from peft import LoraConfig, get_peft_model

    linear = {
        name.rpartition(".")[2]
        for name, module in model.language_model.named_modules()
        if isinstance(module, nn.Linear)
    }
    settings = LoraConfig(
        r=recipe.lora_r,
        lora_alpha=recipe.lora_alpha,
        target_modules=sorted(linear - {"lm_head"}),
        lora_dropout=recipe.lora_dropout,
        bias=recipe.lora_bias,
        task_type="CAUSAL_LM",
    )
    torch.manual_seed(recipe.init_seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by a name that will change
        model.language_model = get_peft_model(model.language_model, settings)
    model.language_model.peft_config["default"].base_model_name_or_path = recipe.model_name_or_path


def _connector(
    recipe: Recipe, config: dict[str, Any], tower: VisionTower, stored: dict[str, Any]
) -> tuple[nn.Module, Any]:
    """The connector with the recipe's, else the checkpoint's, else new weights; and trained embeddings beside them."""
    torch.manual_seed(recipe.init_seed)
    connector = build_connector(
        _needed(config, "mm_projector_type", "mm_projector_type"),
        mm_hidden_size=tower.hidden_size,
        hidden_size=int(config["hidden_size"]),
        num_attention_heads=int(config["num_attention_heads"]),
    )
    if isinstance(connector, TemporalAlignmentConnector) and tower.num_layers != 12:
        raise ModelError(
            f"the temporal connector needs 12 tower layers, this tower gives {tower.num_layers}",
            where=config["mm_vision_tower"],
            hint='it goes with mm_vision_select_layer "all" and a tower of 12 layers',
        )
    where: object = recipe.model_name_or_path
    embeddings = None
    if recipe.pretrain_mm_mlp_adapter is not None:
        where = Path(recipe.pretrain_mm_mlp_adapter)
        if not where.is_file():
            raise ModelError("no such file", where=where, hint="give stage 1's mm_projector.bin")
        stored = read_weights([where])
        embeddings = stored.pop("model.embed_tokens.weight", None)
    if stored:
        load_into(
            connector,
            {key.removeprefix(PROJECTOR_PREFIX): weight for key, weight in stored.items()},
            where=where,
            prefix=PROJECTOR_PREFIX,
        )
    return connector, embeddings


def _config(fields: dict[str, Any], recipe: Recipe) -> dict[str, Any]:
    """The base's config.json with the recipe's multimodal fields, as the original writes it."""
    given = {
        "mm_vision_tower": recipe.vision_tower,
        "mm_projector_type": recipe.mm_projector_type,
        "mm_vision_select_layer": recipe.mm_vision_select_layer,
        "mm_vision_select_feature": recipe.mm_vision_select_feature,
    }
    config = {key: value for key, value in fields.items() if key not in ("transformers_version", "_name_or_path")}
    config |= {name: value for name, value in given.items() if value is not None}
    config.setdefault("mm_vision_select_feature", "patch")
    config |= {
        "use_mm_proj": True,
        "image_aspect_ratio": recipe.image_aspect_ratio,
        "mm_use_im_start_end": recipe.mm_use_im_start_end,
        "mm_use_im_patch_token": recipe.mm_use_im_patch_token,
        "mm_projector_lr": recipe.mm_projector_lr,
        "tune_mm_mlp_adapter": recipe.tune_mm_mlp_adapter,
        "freeze_mm_mlp_adapter": recipe.freeze_mm_mlp_adapter,
        "tokenizer_model_max_length": recipe.model_max_length,
        "tokenizer_padding_side": "right",
        "torch_dtype": "bfloat16" if recipe.bf16 else "float32",
        "conv_mode": recipe.version,
    }
    return config


def _needed(config: dict[str, Any], name: str, field: str) -> str:
    if config.get(name) is None:
        raise ModelError(f"the checkpoint has no {name}", hint=f"set {field} in the recipe")
    return str(config[name])

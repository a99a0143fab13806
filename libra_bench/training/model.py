"""The model that is trained: the adapter's own, built from a whole checkpoint or a plain language model.

Parameters have the published names (`published_name`): `model.layers.*`, `lm_head.*`, `model.mm_projector.*`, and
with a LoRA `base_model.model.` before them.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.errors import InputError, ModelError
from libra_bench.training.recipe import Recipe
from model_adapters.checkpoints.files import weight_files
from model_adapters.checkpoints.locate import find_checkpoint
from model_adapters.checkpoints.precision import torch_dtype
from model_adapters.libra.checkpoint.layout import ADAPTER_CONFIG
from model_adapters.libra.checkpoint.loading import LoadedLibra
from model_adapters.libra.checkpoint.loading import build as build_libra
from model_adapters.libra.checkpoint.names import published_name
from model_adapters.libra.checkpoint.stored import StoredLibra, projector_weights, read_checkpoint
from model_adapters.libra.inputs.tokenizer import LibraTokenizer
from model_adapters.libra.network.decoders import decoder_family
from model_adapters.libra.network.marks import IGNORED_LABEL
from model_adapters.libra.network.model import LibraModel


class TrainingModel(LibraModel):
    """A Libra model as transformers' Trainer needs it."""

    is_activation_checkpointing = False
    """Asked for by the Trainer."""

    @property
    def _no_split_modules(self) -> list[str]:
        """Asked for by accelerate: what FSDP shards one by one, the language model's layers of whatever family."""
        return [type(self.decoder.get_decoder().layers[0]).__name__]

    def activation_checkpointing_enable(self, **options: Any) -> None:
        """Compute the language model's activations twice instead of keeping them."""
        self.decoder.activation_checkpointing_enable(**options)
        self.is_activation_checkpointing = True

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        images: Tensor | None = None,
        labels: Tensor | None = None,
        **language_model_options: Any,
    ) -> Any:
        """The loss of a right-padded batch; with labels, logits [K, V] of the K positions whose next token is learned.

        Arguments as in `LibraModel.forward`. The loss is that of all logits. The language model is not told of the
        padding: no position attends to what comes after it, and without a mask attention has its fastest kernel.
        """
        embeddings_BSH, _, labels_BS = self.read_batch(input_ids, attention_mask, images, labels)
        options = {"use_cache": False, **language_model_options}
        if labels_BS is not None:
            options |= _learned(labels_BS)
        return self.language_model(inputs_embeds=embeddings_BSH, **options)

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
        return published_name(name, wrapped=self.has_lora)

    def named_trainable(self) -> Iterator[tuple[str, nn.Parameter]]:
        """(published name, parameter) of everything that is trained."""
        for name, parameter in self.named_parameters():
            if parameter.requires_grad:
                yield self.published_name(name), parameter


@dataclass(frozen=True, slots=True)
class Weight:
    """A parameter as it is before several processes share it."""

    own_name: str
    """In the model's state dict."""
    shape: torch.Size
    dtype: torch.dtype
    is_trained: bool


@dataclass(frozen=True, slots=True)
class Parts:
    """The model and what belongs to it."""

    model: TrainingModel
    loaded: LoadedLibra
    """The same model, with the facts of its checkpoint; its `config` is the config.json of what is saved."""
    tokenizer: LibraTokenizer
    pad_id: int
    """As the original sets it: the tokenizer's, else unk, else EOS."""
    weights: Mapping[str, Weight]
    """Published name -> parameter."""

    @property
    def trained(self) -> dict[str, Weight]:
        """Published name -> parameter that is trained."""
        return {name: weight for name, weight in self.weights.items() if weight.is_trained}


def _learned(labels_BS: Tensor) -> dict[str, Tensor]:
    """transformers' options for logits where a label follows, and nowhere else."""
    next_BS = functional.pad(labels_BS[:, 1:], (0, 1), value=IGNORED_LABEL)
    learned_BS = next_BS != IGNORED_LABEL
    if not learned_BS.any():  # one position, whose loss is not a number either
        learned_BS[0, 0] = True
    return {"labels": labels_BS, "shift_labels": next_BS[learned_BS], "logits_to_keep": learned_BS}


def build(recipe: Recipe) -> Parts:
    """Build language model, tower and connector, and choose what is trained.

    Raises:
        ModelError: a part is missing or does not fit.
        InputError: nothing would be trained.
    """
    stored = _stored(recipe)
    loaded = build_libra(
        stored,
        dtype=torch_dtype("bfloat16" if recipe.bf16 else "float32"),
        attn_implementation=recipe.attn_implementation,
        new_connector_seed=recipe.init_seed,
    )
    model = TrainingModel(loaded.model.tower, loaded.model.connector, loaded.model.language_model)
    tokenizer = LibraTokenizer.load(loaded.tokenizer_folder, loaded.config)
    if len(tokenizer) > model.vocabulary_size:
        model.resize_vocabulary(len(tokenizer))
    loaded.config.update(mm_hidden_size=model.tower.hidden_size, vocab_size=model.vocabulary_size)
    set_trainable(model, recipe)
    pad_id = next(index for index in (tokenizer.pad_id, tokenizer.unk_id, tokenizer.eos_id, 0) if index is not None)
    weights = {
        model.published_name(name): Weight(name, parameter.shape, parameter.dtype, parameter.requires_grad)
        for name, parameter in model.named_parameters()
    }
    return Parts(model, dataclasses.replace(loaded, model=model), tokenizer, pad_id, weights)


def _stored(recipe: Recipe) -> StoredLibra:
    """The files of the model to start from, with the recipe's settings, and stage 1's connector on top."""
    folder = find_checkpoint(recipe.model_name_or_path)
    if (folder / ADAPTER_CONFIG).is_file():
        raise ModelError(
            "is a LoRA, and training starts from a whole model",
            where=folder,
            hint="merge it into its base first: libra-bench models merge",
        )
    weight_files(folder)  # a folder without any is refused in these words, not in those of a checkpoint without base
    stored = read_checkpoint(folder)
    stored.config = _config(stored, recipe)
    if recipe.pretrain_mm_mlp_adapter is not None:
        trained = Path(recipe.pretrain_mm_mlp_adapter)
        if not trained.is_file():
            raise ModelError("no such file", where=trained, hint="give stage 1's mm_projector.bin")
        stored.lay_over(projector_weights(trained), trained)
    return stored


def set_trainable(model: TrainingModel, recipe: Recipe) -> None:
    """Choose what is trained; a LoRA is put in.

    Raises:
        InputError: nothing would be trained.
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
            "no parameter would be trained",
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


def _config(stored: StoredLibra, recipe: Recipe) -> dict[str, Any]:
    """The base's config.json with the recipe's multimodal fields, as the original writes it."""
    given = {
        "mm_vision_tower": recipe.vision_tower,
        "mm_projector_type": recipe.mm_projector_type,
        "mm_vision_select_layer": recipe.mm_vision_select_layer,
        "mm_vision_select_feature": recipe.mm_vision_select_feature,
    }
    decided_here = ("transformers_version", "_name_or_path", "mm_hidden_size")
    config = {key: value for key, value in stored.config.items() if key not in decided_here}
    config |= {name: value for name, value in given.items() if value is not None}
    config.setdefault("mm_vision_select_feature", "patch")
    for name in ("mm_vision_tower", "mm_vision_select_layer", "mm_projector_type"):
        if config.get(name) is None:
            field = name.removeprefix("mm_") if name == "mm_vision_tower" else name
            raise ModelError(f"the checkpoint has no {name}", hint=f"set {field} in the recipe")
    family = decoder_family(stored.config, stored.folder / "config.json")
    config |= {
        "model_type": "libra" if family == "llama" else f"libra_{family}",
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

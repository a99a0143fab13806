"""What training leaves behind, in the original's layout and names.

Connector alone: `mm_projector.bin` (and .safetensors). LoRA: `adapter_config.json`, `adapter_model.safetensors`,
`non_lora_trainables.bin`. Everything: a plain checkpoint without the vision tower. With each a config.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.files import write_json
from libra_bench.training.model import Parts
from libra_bench.training.recipe import Recipe
from libra_bench.training.sharding import spread_weights
from model_adapters.checkpoints.files import weight_files
from model_adapters.checkpoints.weights import materialize, raise_for_keys, read_weights
from model_adapters.libra.checkpoint.export import copy_files, save_weights, tower_reference, without_tower
from model_adapters.libra.checkpoint.identity import TOKENIZER_FILES
from model_adapters.libra.checkpoint.layout import NON_LORA_WEIGHTS
from model_adapters.libra.checkpoint.names import PROJECTOR_PREFIX, TOWER_PREFIX

PROJECTOR_WEIGHTS = "mm_projector"


def write_weights(
    folder: Path, parts: Parts, recipe: Recipe, state: Mapping[str, Tensor] | None = None, *, to_continue: bool = False
) -> None:
    """Write what was trained, config.json and, with a whole model, the tokenizer.

    Args:
        folder: exists.
        parts: the model and its surroundings.
        recipe: says what was trained.
        state: the model's weights where they had to be gathered from several processes.
        to_continue: keep the type that the training has (FSDP trains bfloat16 weights in float32), not the model's.
    """
    model = parts.model
    held = dict(model.state_dict()) if state is None else dict(state)
    named = {model.published_name(name): _whole(weight) for name, weight in held.items()}
    for name, weight in parts.weights.items():
        if name in named:
            named[name] = named[name].reshape(weight.shape).to(named[name].dtype if to_continue else weight.dtype)
    if recipe.lora_enable:
        _write_lora(folder, parts, named, with_connector=recipe.pretrain_mm_mlp_adapter is not None)
    elif recipe.tune_mm_mlp_adapter:
        save_pair(folder / PROJECTOR_WEIGHTS, {name: weight for name, weight in named.items() if name in parts.trained})
    else:
        _write_model(folder, parts, named)
    # The tower is found from the output folder and from the folders in it; the whole tree can be moved.
    tower = tower_reference(parts.loaded, Path(recipe.output_dir))
    write_json(folder / "config.json", {**parts.loaded.config, "mm_vision_tower": tower})


def _whole(weight: Tensor) -> Tensor:
    return weight.detach().cpu().contiguous()


def save_pair(stem: Path, weights: Mapping[str, Tensor]) -> None:
    """The same weights as `.bin`, which the original reads, and as `.safetensors`."""
    from safetensors.torch import save_file

    torch.save(dict(weights), stem.with_suffix(".bin"))
    save_file(dict(weights), stem.with_suffix(".safetensors"), metadata={"format": "pt"})


def _write_lora(folder: Path, parts: Parts, named: Mapping[str, Tensor], *, with_connector: bool) -> None:
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    model = parts.model
    adapter = get_peft_model_state_dict(model.language_model, state_dict=dict(named), save_embedding_layers=False)
    save_file(
        {name: weight for name, weight in adapter.items() if ".mm_projector." not in name},
        folder / "adapter_model.safetensors",
        metadata={"format": "pt"},
    )
    settings = model.language_model.peft_config["default"]
    was, settings.inference_mode = settings.inference_mode, True
    settings.save_pretrained(str(folder))
    settings.inference_mode = was
    others = {name for name in parts.trained if ".lora_" not in name}
    if with_connector:  # the base does not have this connector, so it must come along, frozen or not
        others |= {name for name in named if PROJECTOR_PREFIX in name}
    torch.save({name: named[name] for name in named if name in others}, folder / NON_LORA_WEIGHTS)


def _write_model(folder: Path, parts: Parts, named: Mapping[str, Tensor]) -> None:
    base = parts.loaded.folder
    weights = without_tower(named, parts.model)
    if parts.loaded.config.get("unfreeze_mm_vision_tower"):  # an adapted tower is nowhere else
        stored = read_weights(weight_files(base))
        weights |= {name: materialize(stored[name]) for name in stored if name.startswith(TOWER_PREFIX)}
    save_weights(weights, folder)
    copy_files(base, folder, (*TOKENIZER_FILES, "generation_config.json"))


def load_weights(folder: Path, parts: Parts, recipe: Recipe, wrapped: nn.Module | None = None) -> None:
    """Put the weights that `write_weights` wrote back into the model.

    Args:
        folder: holds them.
        parts: the model and its surroundings.
        recipe: says what is trained.
        wrapped: the model as several processes share it, if they do; called in each of them.

    Raises:
        ModelError: keys that don't fit.
    """
    if recipe.lora_enable:
        stored = read_weights([folder / "adapter_model.safetensors", folder / NON_LORA_WEIGHTS])
        stored = {_default_adapter(name): weight for name, weight in stored.items()}
    elif recipe.tune_mm_mlp_adapter:
        stored = read_weights([folder / f"{PROJECTOR_WEIGHTS}.safetensors"])
    else:
        stored = read_weights(weight_files(folder))
    wanted = parts.trained
    raise_for_keys(
        folder,
        missing=[name for name in wanted if name not in stored],
        mismatched=[
            (name, tuple(materialize(stored[name]).shape), tuple(weight.shape))
            for name, weight in wanted.items()
            if name in stored and tuple(materialize(stored[name]).shape) != tuple(weight.shape)
        ],
    )
    state = {weight.own_name: materialize(stored[name]) for name, weight in wanted.items()}
    if wrapped is not None:
        spread_weights(wrapped, state)
        return
    with torch.no_grad():
        for name, weight in state.items():
            parts.model.get_parameter(name).copy_(weight)


def _default_adapter(name: str) -> str:
    """peft keeps the adapter's name in memory, not in files."""
    for kind in (".lora_A.", ".lora_B."):
        name = name.replace(kind, f"{kind}default.")
    return name

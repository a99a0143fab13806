"""LoRA folders as the original writes them: an adapter for the language model beside full non-LoRA weights."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from benchmarks.errors import ModelError
from model_adapters.checkpoints.files import read_json
from model_adapters.checkpoints.foreign import handed_over
from model_adapters.checkpoints.weights import materialize, raise_for_keys, read_weights
from model_adapters.libra.checkpoint.layout import ADAPTER_CONFIG, adapter_files


def apply_lora(language_model: Any, folder: Path, *, merge: bool) -> Any:
    """Put a LoRA into the language model.

    Args:
        language_model: the base, changed in place.
        folder: holds adapter_config.json and the adapter's weights.
        merge: add the low-rank updates to the base weights; otherwise they stay separate layers.

    Raises:
        ModelError: the adapter does not fit this base; lists the keys.
    """
    from peft import PeftConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

    kind = read_json(folder / ADAPTER_CONFIG).get("peft_type")
    if kind != "LORA":
        raise ModelError(f"is a {kind} adapter, not LoRA", where=folder / ADAPTER_CONFIG, hint="give a LoRA folder")
    weights = {key: materialize(weight) for key, weight in read_weights(adapter_files(folder)[:1]).items()}
    with handed_over(folder, "the LoRA does not fit the base", "give its own base"), warnings.catch_warnings():
        # peft asks transformers by a name that transformers has given up
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        config = PeftConfig.from_pretrained(str(folder))
        config.base_model_name_or_path = None  # the base is the one given, wherever it lay in training
        wrapped = get_peft_model(language_model, config)
    wanted = get_peft_model_state_dict(wrapped, save_embedding_layers=False)
    raise_for_keys(
        folder,
        missing=[key for key in wanted if key not in weights],
        unexpected=[key for key in weights if key not in wanted],
        mismatched=[
            (key, tuple(weight.shape), tuple(wanted[key].shape))
            for key, weight in weights.items()
            if key in wanted and weight.shape != wanted[key].shape
        ],
    )
    set_peft_model_state_dict(wrapped, weights)
    wrapped.eval().requires_grad_(False)
    return wrapped.merge_and_unload() if merge else wrapped.base_model.model

"""Decoder families: which of transformers' own classes a Libra checkpoint's language model is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from benchmarks.errors import ModelError
from model_adapters.checkpoints.foreign import handed_over
from model_adapters.checkpoints.precision import quantization_config
from model_adapters.checkpoints.weights import check_loading, quiet_loading_report

DECODERS = {
    "llama": ("LlamaConfig", "LlamaForCausalLM"),  # Vicuna, Meditron, Llama 2 and 3.x
    "mistral": ("MistralConfig", "MistralForCausalLM"),
    "phi3": ("Phi3Config", "Phi3ForCausalLM"),  # Phi-3 and Phi-4
    "gemma": ("GemmaConfig", "GemmaForCausalLM"),
    "qwen2": ("Qwen2Config", "Qwen2ForCausalLM"),
    "qwen3": ("Qwen3Config", "Qwen3ForCausalLM"),
}
"""Family -> configuration and model class of transformers."""

PREFIXES = ("libra", "llava")
"""What the original and LLaVA put before a family: model_type "libra_mistral", LlavaMistralForCausalLM."""

NOT_THE_DECODERS = frozenset({
    "_attn_implementation_autoset", "_name_or_path", "architectures", "auto_map", "dtype", "model_type",
    "quantization_config", "torch_dtype", "transformers_version",
})  # fmt: skip
"""Fields of config.json that are settled elsewhere."""


def decoder_family(fields: Mapping[str, Any], where: object) -> str:
    """The family that config.json names: by `model_type`, or by `architectures` where that is only "libra".

    Raises:
        ModelError: a family that is not in the table.
    """
    model_type = str(fields.get("model_type", ""))
    named = _without_prefix(model_type)
    if model_type in PREFIXES:
        architecture = next(iter(fields.get("architectures") or ["LlamaForCausalLM"]))
        named = _without_prefix(str(architecture).removesuffix("ForCausalLM").lower()) or "llama"
    if named not in DECODERS:
        raise ModelError(
            f"unknown decoder family {model_type!r}", where=where, hint=f"known: libra, {', '.join(DECODERS)}"
        )
    return named


def _without_prefix(name: str) -> str:
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name.lstrip("_")


def decoder_config(fields: Mapping[str, Any], where: object) -> Any:
    """transformers' configuration of the language model, without the multimodal fields."""
    import transformers

    config_class, _ = DECODERS[decoder_family(fields, where)]
    kept = {key: value for key, value in fields.items() if key not in NOT_THE_DECODERS and not key.startswith("mm_")}
    with handed_over(where, f"not a usable {config_class}"):
        return getattr(transformers, config_class).from_dict(kept)


def load_decoder(
    fields: Mapping[str, Any],
    weights: Mapping[str, Any],
    *,
    where: object,
    device: torch.device,
    dtype: torch.dtype,
    attn_implementation: str = "sdpa",
    bits: int | None = None,
    device_map: str | None = None,
) -> Any:
    """Build the language model and stream its weights straight into their type and place.

    Args:
        fields: the checkpoint's config.json.
        weights: key -> tensor or lazy slice, in the original's names (`model.layers.*`, `lm_head.*`).
        where: the checkpoint, for errors.
        device: where the weights go.
        dtype: floating-point type of the weights.
        attn_implementation: "sdpa", "eager" or "flash_attention_2".
        bits: 4 or 8 quantises through bitsandbytes (needs a GPU); None does not.
        device_map: "auto" spreads the weights over all devices through accelerate, whatever `device` says.

    Raises:
        ModelError: an unknown family, or keys that do not fit; lists them.
    """
    import transformers

    config = decoder_config(fields, where)
    _, model_class = DECODERS[decoder_family(fields, where)]
    options: dict[str, Any] = {} if device.type == "cpu" else {"device_map": {"": device}}
    if device_map is not None:
        options["device_map"] = device_map
    if bits is not None:
        options["quantization_config"] = quantization_config(bits, device, dtype)
    with handed_over(where, "the language model cannot be built"), quiet_loading_report():
        model, info = getattr(transformers, model_class).from_pretrained(
            None,
            config=config,
            state_dict={key: weight for key, weight in weights.items() if not key.endswith(".rotary_emb.inv_freq")},
            dtype=dtype,
            attn_implementation=attn_implementation,
            ignore_mismatched_sizes=True,  # so that they are reported, and refused below
            output_loading_info=True,
            **options,
        )
    check_loading(info, where)
    # A checkpoint's sampling defaults must not leak into our decoding: only the token ids are kept.
    model.generation_config = transformers.GenerationConfig(
        bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id
    )
    return model.eval()

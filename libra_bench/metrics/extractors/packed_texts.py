"""Packed texts: one after another in a single row, each of which sees itself alone.

No position is padding, so that nothing is computed for nothing. Everything but attention works position by position;
attention is computed text by text, without a mask. Legend: T tokens of all texts, H heads, D channels of a head, Q
positions that ask, N texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

ATTENTION = "libra_bench_packed_texts"
"""Its name among the attention functions of transformers."""
PADDED_POSITIONS = ("roberta", "xlm-roberta", "camembert")
"""Model types whose position embeddings begin after the padding's."""
TYPES = ("bert", "distilbert", *PADDED_POSITIONS)
"""Model types that can be told the positions of tokens, and for which nothing but these says where a token is."""


def positions_of(lengths: Sequence[int]) -> torch.Tensor:
    """The position [1, T] of each token in its own text."""
    import torch

    return torch.cat([torch.arange(length) for length in lengths])[None]


def attend_within_texts(
    query_1HQD: torch.Tensor,
    key_1HTD: torch.Tensor,
    value_1HTD: torch.Tensor,
    lengths: Sequence[int],
    scale: float | None = None,
) -> torch.Tensor:
    """What each position that asks finds in its own text [1, Q, H, D].

    Args:
        query_1HQD: of every position, or of the first one of each text.
        key_1HTD: of every position.
        value_1HTD: of every position.
        lengths: tokens of each of the N texts.
        scale: of the products; None: 1 / sqrt(D).
    """
    import torch

    asking = list(lengths) if query_1HQD.shape[2] == sum(lengths) else [1] * len(lengths)
    parts = zip(
        query_1HQD.split(asking, 2), *(side.split(list(lengths), 2) for side in (key_1HTD, value_1HTD)), strict=True
    )
    found = [torch.nn.functional.scaled_dot_product_attention(*part, scale=scale) for part in parts]
    return torch.cat(found, 2).transpose(1, 2)


def pack_texts_for(model: Any) -> None:
    """Let a model of transformers read packed texts and nothing else from now on, if it is one of TYPES on a CPU."""
    if model.device.type != "cpu" or model.config.model_type not in TYPES:
        return
    from transformers import AttentionInterface

    AttentionInterface.register(ATTENTION, _attention)
    model.set_attn_implementation(ATTENTION)


def takes_packed_texts(model: Any) -> bool:
    """Whether `packed_states` can read with this model."""
    return bool(model.config._attn_implementation == ATTENTION)


def packed_states(model: Any, tokens_1T: torch.Tensor, lengths: Sequence[int]) -> Sequence[torch.Tensor]:
    """The last hidden states of each text [tokens, C]."""
    import torch

    positions_1T = positions_of(lengths)
    if model.config.model_type in PADDED_POSITIONS:
        place, padding = model.embeddings.create_position_ids_from_input_ids, model.config.pad_token_id
        positions_1T = torch.cat([place(text, padding) for text in tokens_1T.split(list(lengths), 1)], 1)
    states_1TC = model(tokens_1T, position_ids=positions_1T, lengths=lengths)[0]
    texts: Sequence[torch.Tensor] = states_1TC[0].split(list(lengths))
    return texts


def _attention(
    module: Any,
    query_1HTD: torch.Tensor,
    key_1HTD: torch.Tensor,
    value_1HTD: torch.Tensor,
    mask: None,
    *,
    lengths: Sequence[int],
    scaling: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """The attention function as transformers calls it."""
    return attend_within_texts(query_1HTD, key_1HTD, value_1HTD, lengths, scaling), None

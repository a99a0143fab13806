"""How far apart a language model scores two texts of one prompt, both computed in the same way: near 0 they are a tie.

Shape legend: S prompt positions, T tokens of a text, H width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from model_adapters.adapter import Decoding
from model_adapters.libra.decoding.next_tokens import log_probabilities
from model_adapters.libra.inputs.prompt_stream import Prompt


@torch.inference_mode()
def text_gap(
    language_model: Any,
    prompt: Prompt,
    first: Sequence[int],
    second: Sequence[int],
    decoding: Decoding,
    vocabulary: int,
) -> float | None:
    """Nats between two texts: of beams between their scores, of a single sequence between the tokens where they part.

    None where a single sequence only goes on where the other was cut off.

    Args:
        language_model: a causal language model of transformers.
        prompt: what both continue.
        first: a text's ids, the EOS id included where it ended with one.
        second: another's.
        decoding: number of beams and length penalty.
        vocabulary: ids from here on are never produced.
    """
    if tuple(first) == tuple(second):
        return 0.0
    totals = [_log_probs(language_model, prompt, ids, vocabulary) for ids in (first, second)]
    if decoding.num_beams > 1:
        longest = float(max(len(first), len(second)))
        one, other = (
            float(log_probs_TV.gather(1, torch.tensor(ids)[:, None]).sum()) / float(len(ids)) ** decoding.length_penalty
            for log_probs_TV, ids in zip(totals, (first, second), strict=True)
        )
        return float(abs(one - other) * longest**decoding.length_penalty)
    pairs = zip(first, second, strict=False)
    place = next((place for place, (one, other) in enumerate(pairs) if one != other), None)
    if place is None:
        return None
    log_probs_V = totals[0][place]
    return abs(float(log_probs_V[first[place]] - log_probs_V[second[place]]))


def _log_probs(language_model: Any, prompt: Prompt, ids: Sequence[int], vocabulary: int) -> Tensor:
    """Log-probabilities [T, V], on the CPU, of what comes at each place of a text."""
    words_TH = language_model.get_input_embeddings()(torch.tensor(ids, device=prompt.embeddings_SH.device))
    both_1SH = torch.cat([prompt.embeddings_SH, words_TH.to(prompt.embeddings_SH)])[None]
    logits = language_model(inputs_embeds=both_1SH, use_cache=False, logits_to_keep=len(ids) + 1).logits
    return log_probabilities(logits[:, :-1, :vocabulary])[0].cpu()

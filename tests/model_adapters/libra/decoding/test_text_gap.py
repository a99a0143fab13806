"""The gap between two texts is that of the scores that the search itself gave them."""

from __future__ import annotations

import pytest
import torch
from decoder_models import VOCABULARY, language_model, make_prompts

from model_adapters.adapter import Decoding
from model_adapters.generation.stopping import StopRule
from model_adapters.libra.decoding.decoder import Decoder
from model_adapters.libra.decoding.text_gap import text_gap


def decoded(model, prompts, decoding):
    return {result.key: result for result in Decoder(model, decoding, StopRule((3,)), 2).run(prompts)}


@pytest.mark.parametrize("penalty", [2.0, 0.0])
def test_of_beams_it_is_that_of_their_scores(penalty):
    model = language_model(3)
    decoding = Decoding(num_beams=4, num_return_sequences=3, length_penalty=penalty, max_new_tokens=20)
    for prompt in (prompts := make_prompts(model, [6, 11])):
        best, _, third = decoded(model, prompts, decoding)[prompt.key].hypotheses
        longest = max(len(best.token_ids), len(third.token_ids))
        expected = (best.score - third.score) * longest**penalty
        found = text_gap(model, prompt, best.token_ids, third.token_ids, decoding, VOCABULARY)
        assert found == pytest.approx(expected, rel=1e-3)


def test_of_single_sequences_it_is_that_of_the_tokens_where_they_part():
    model = language_model(4)
    decoding = Decoding(max_new_tokens=12)
    (prompt,) = prompts = make_prompts(model, [9])
    greedy = list(decoded(model, prompts, decoding)[prompt.key].token_ids)
    with torch.no_grad():
        model.lm_head.weight[50] = model.lm_head.weight[greedy[5]]  # as likely, to the last digit
    tied = [*greedy[:5], 50, 1, 2]
    assert text_gap(model, prompt, greedy, tied, decoding, VOCABULARY) == 0
    other = next(token for token in range(4, VOCABULARY) if token not in (greedy[5], 50))
    assert text_gap(model, prompt, greedy, [*greedy[:5], other], decoding, VOCABULARY) > 0.01
    assert text_gap(model, prompt, greedy, greedy, decoding, VOCABULARY) == 0
    assert text_gap(model, prompt, greedy, greedy[:5], decoding, VOCABULARY) is None

"""Prefill that leaves out what nobody reads gives the keys, values and logits of a whole run."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from decoder_models import VOCABULARY, language_model, make_prompts
from transformers import DynamicCache

from model_adapters.adapter import Decoding
from model_adapters.generation.stopping import StopRule
from model_adapters.libra.decoding.decoder import Decoder
from model_adapters.libra.decoding.prefill import KEY_PROJECTIONS, Prefill, last_position_alone
from model_adapters.libra.network.attention import attend_for_decoding


def whole_run(model, embeddings):
    cache = DynamicCache()
    with torch.inference_mode():
        output = model(inputs_embeds=embeddings[None], past_key_values=cache, use_cache=True, logits_to_keep=1)
    return output.logits, cache


def assert_same(found, expected):
    (logits, cache), (expected_logits, expected_cache) = found, expected
    torch.testing.assert_close(logits, expected_logits, rtol=1e-4, atol=1e-4)
    for layer, its in zip(cache.layers, expected_cache.layers, strict=True):
        torch.testing.assert_close(layer.keys, its.keys, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(layer.values, its.values, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["gemma", "llama", "mistral", "phi3", "qwen2", "qwen3"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("opening", [0, 2])
def test_keys_values_and_logits_are_those_of_a_whole_run(kind, attention, opening):
    model = language_model(5, kind=kind, attention=attention)
    expected = [whole_run(model, prompt.embeddings_SH) for prompt in make_prompts(model, [9, 20, 6])]
    attend_for_decoding(model)  # an attention of our own where query heads share key heads
    run = Prefill(model)
    with torch.inference_mode():
        for prompt, its in zip(make_prompts(model, [9, 20, 6]), expected, strict=True):  # each begins with its own ids
            assert_same(run(replace(prompt, opening=opening)), its)


def test_the_last_layer_feeds_one_position_forward():
    model = language_model(1)
    seen = []
    model.model.layers[-1].mlp.register_forward_hook(lambda module, inputs, output: seen.append(output.shape[1]))
    (prompt,) = make_prompts(model, [12])
    Prefill(model)(prompt)
    whole_run(model, prompt.embeddings_SH)  # nothing of it stays with the model
    assert seen == [1, len(prompt.embeddings_SH)]


def test_families_are_known_by_their_own_projections():
    kinds = {kind: language_model(0, kind=kind) for kind in (*KEY_PROJECTIONS, "phi3")}
    having = {
        kind for kind, model in kinds.items() if "k_proj" in dict(model.model.layers[-1].self_attn.named_children())
    }
    assert having == KEY_PROJECTIONS


def test_what_prompts_begin_with_is_computed_once():
    model = language_model(2)
    shapes = []
    model.model.layers[0].register_forward_hook(lambda module, inputs, output: shapes.append(output.shape[1]))
    first, second = make_prompts(model, [8, 8])
    opening = 2
    second = replace(
        second,
        token_ids=(*first.token_ids[:opening], *second.token_ids[opening:]),
        embeddings_SH=torch.cat([first.embeddings_SH[:opening], second.embeddings_SH[opening:]]),
        opening=opening,
    )
    decoder = Decoder(model, Decoding(max_new_tokens=1), StopRule(()), 2, vocabulary=VOCABULARY)
    assert len(list(decoder.run([replace(first, opening=opening), second]))) == 2
    length = len(first.embeddings_SH)
    assert shapes == [opening, length - opening, length - opening]
    assert decoder.timings.shared_tokens == 2 * opening


def test_a_model_spread_over_devices_runs_whole():
    model = language_model(0)
    model.lm_head.to("meta")
    with last_position_alone(model):
        assert not model.model.layers[-1]._forward_pre_hooks

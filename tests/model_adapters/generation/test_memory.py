"""How many studies are decoded together where the user does not say."""

from __future__ import annotations

import os

import pytest
import torch

from model_adapters.adapter import Decoding
from model_adapters.generation.memory import CPU_BATCH_BYTES, MAX_BATCH, MIN_CPU_BATCH, fitting_batch, study_bytes


@pytest.fixture(scope="module")
def language_model():
    import transformers

    sizes = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=100, **sizes))


def test_a_batch_on_a_cpu_is_larger_where_studies_are_small(language_model):
    decoding = Decoding(max_new_tokens=32)
    assert fitting_batch(language_model, 100, decoding) == MAX_BATCH
    assert fitting_batch(language_model, 3000, decoding) == CPU_BATCH_BYTES // study_bytes(
        language_model, 3000, decoding
    )
    assert fitting_batch(language_model, 30_000, decoding) == MIN_CPU_BATCH


@pytest.mark.parametrize("beams", [1, 10])
def test_a_batch_does_not_ask_for_more_memory_than_the_machine_has(language_model, beams):
    decoding = Decoding(num_beams=beams, max_new_tokens=32)
    everything = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    a_fifth = everything // 5 // (study_bytes(language_model, 1, decoding) - study_bytes(language_model, 0, decoding))
    batch = fitting_batch(language_model, a_fifth, decoding)
    assert 1 <= batch <= 3
    assert fitting_batch(language_model, 5 * a_fifth, decoding) == 1


def test_memory_of_a_study_is_that_of_its_keys_and_values():
    """A 7B model in bfloat16: 0.5 MB per position (docs/decoding.md)."""
    import transformers

    with torch.device("meta"):
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig()).to(torch.bfloat16)
    decoding = Decoding(max_new_tokens=1)
    more, fewer = (study_bytes(model, positions, decoding) for positions in (1450, 0))
    assert more - fewer == 1450 * 2**19

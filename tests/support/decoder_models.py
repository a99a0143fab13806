"""Small random language models of every family, and prompts for them."""

from __future__ import annotations

import torch

from model_adapters.libra.inputs.prompt_stream import Prompt

VOCABULARY = 61
IMAGE = VOCABULARY  # an id that is never produced


def language_model(seed=0, *, kind="llama", heads=4, key_heads=2, attention="sdpa"):
    import transformers

    torch.manual_seed(seed)
    extra = {"head_dim": 8} if kind in ("gemma", "gemma2", "qwen3") else {}
    config = transformers.AutoConfig.for_model(
        kind,
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        max_position_embeddings=256,
        initializer_range=0.6,
        eos_token_id=None,
        bos_token_id=None,
        pad_token_id=None,
        **extra,
    )
    auto = transformers.AutoModelForCausalLM.from_config(config, attn_implementation=attention)
    return auto.eval()


def make_prompts(model, lengths, seed=0):
    generator = torch.Generator().manual_seed(seed)
    prompts = []
    for key, length in enumerate(lengths):
        ids = torch.randint(0, VOCABULARY, (length,), generator=generator).tolist()
        features = torch.randn(5, 32, generator=generator) * 0.5
        words = model.get_input_embeddings()(torch.tensor(ids)).detach()
        embeddings = torch.cat([words[:2], features, words[2:]])
        prompts.append(Prompt(key, (*ids[:2], IMAGE, *ids[2:]), embeddings))
    return prompts

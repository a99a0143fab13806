"""Tiny language models that chat, in Hugging Face's format, made for the tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

SIZE = 64
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }} : {{ message['content'] }} {% endfor %}"
    "{% if add_generation_prompt %}assistant{% endif %}"
)
STARTS = ("assistant", "<|assistant|>")
"""How a prompt ends."""
WORDS = "Compare reports Candidate reference report effusion left right no lungs are clear unchanged user system :"


def random_model(folder: Path, *, seed: int = 0, template: str | None = CHAT_TEMPLATE, context: int = 512) -> Path:
    """Weights at random, and large enough that texts differ."""
    torch.manual_seed(seed)
    words = _tokenizer(WORDS.split(), template)
    model = _model(len(words), context)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3)
    return _saved(model, words, folder)


def scripted(folder: Path, pieces: Sequence[str], *, template: str | None = CHAT_TEMPLATE, context: int = 4096) -> Path:
    """Replies with these pieces of text, each different from the others, whatever it is asked.

    Nothing is added to an embedding on its way through, and the head knows which token follows which.
    """
    words = _tokenizer(pieces, template)
    model = _model(len(words), context)
    ids = words.convert_tokens_to_ids
    following = list(zip(pieces, [*pieces[1:], "</s>"], strict=True)) + [(start, pieces[0]) for start in STARTS]
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(SIZE)[: len(words)])
        model.lm_head.weight.zero_()
        for token, after in following:
            model.lm_head.weight[ids(after), ids(token)] = 1.0
    return _saved(model, words, folder)


def _tokenizer(words: Sequence[str], template: str | None) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = dict.fromkeys(["<pad>", "<s>", "</s>", "<unk>", *STARTS, *words])
    fast = Tokenizer(models.WordLevel({name: place for place, name in enumerate(names)}, unk_token="<unk>"))
    fast.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=fast,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        chat_template=template,
    )


def _model(vocabulary: int, context: int) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=SIZE, intermediate_size=SIZE, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=context, bos_token_id=1, eos_token_id=2, pad_token_id=0,
        tie_word_embeddings=False,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def _saved(model: Any, words: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder

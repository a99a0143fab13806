"""Tiny random vision-language models in Hugging Face's format, made for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

VOCABULARY = (
    "provide a detailed description of the findings in radiology image there is no pleural effusion pneumothorax lungs "
    "are clear heart size normal compared prior unchanged user assistant system : . , ? following clinical context "
    "indication cough fever weakness given current frontal only and"
)
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }} : {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image> {% else %}{{ part['text'] }} {% endif %}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}assistant : {% endif %}"
)
SIDE, PATCH = 32, 8


def tokenizer(**special: str) -> Any:
    """Words as tokens; special tokens by the attribute that names them."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = special or {"image_token": "<image>"}
    names = ["<pad>", "<s>", "</s>", "<unk>", *special.values()]
    vocabulary = {word: place for place, word in enumerate(dict.fromkeys([*names, *VOCABULARY.split()]))}
    fast = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    fast.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=fast,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        extra_special_tokens=special,
    )


def _image_processor(kind: str, **settings: Any) -> Any:
    import transformers

    return getattr(transformers, kind)(
        size={"height": SIDE, "width": SIDE}, crop_size={"height": SIDE, "width": SIDE}, **settings
    )


def _vision() -> Any:
    from transformers import CLIPVisionConfig

    return CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4, image_size=SIDE,
        patch_size=PATCH, projection_dim=16,
    )  # fmt: skip


def _text(vocabulary: int, head_dim: int = 8) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=vocabulary, hidden_size=4 * head_dim, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512, bos_token_id=1, eos_token_id=2,
        pad_token_id=0,
    )  # fmt: skip


def _lively(model: Any) -> Any:
    """Weights large enough that images and words change what is written."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3 if "vision" in name else 0.5)
    model.generation_config.do_sample = True  # as chat checkpoints have it; must not leak into our decoding
    model.generation_config.temperature = 0.6
    return model


def llava(folder: Path, seed: int = 0) -> Path:
    """LLaVA: CLIP and Llama."""
    from transformers import LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

    torch.manual_seed(seed)
    words = tokenizer()
    config = LlavaConfig(
        vision_config=_vision(), text_config=_text(len(words)), image_token_index=words.image_token_id,
        vision_feature_layer=-2, vision_feature_select_strategy="default",
    )  # fmt: skip
    _lively(LlavaForConditionalGeneration(config)).save_pretrained(folder)
    images = _image_processor("CLIPImageProcessorPil")
    LlavaProcessor(
        images, words, patch_size=PATCH, vision_feature_select_strategy="default", chat_template=CHAT_TEMPLATE,
        num_additional_image_tokens=1,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def llava_next(folder: Path, seed: int = 0) -> Path:
    """LLaVA-NeXT: an image is cut into tiles, so that studies have different lengths."""
    from transformers import LlavaNextConfig, LlavaNextForConditionalGeneration, LlavaNextProcessor

    torch.manual_seed(seed)
    words = tokenizer()
    grid = [[SIDE, 2 * SIDE], [2 * SIDE, SIDE], [2 * SIDE, 2 * SIDE]]
    config = LlavaNextConfig(
        vision_config=_vision(), text_config=_text(len(words)), image_token_index=words.image_token_id,
        vision_feature_layer=-2, vision_feature_select_strategy="default", image_grid_pinpoints=grid,
    )  # fmt: skip
    _lively(LlavaNextForConditionalGeneration(config)).save_pretrained(folder)
    images = _image_processor("LlavaNextImageProcessorPil", image_grid_pinpoints=grid)
    images.size = {"shortest_edge": SIDE}
    LlavaNextProcessor(
        images, words, patch_size=PATCH, vision_feature_select_strategy="default", chat_template=CHAT_TEMPLATE,
        num_additional_image_tokens=1,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def gemma3(folder: Path, seed: int = 0) -> Path:
    """Gemma 3: SigLIP, another image token, attention both ways among an image's positions."""
    import transformers as t

    torch.manual_seed(seed)
    words = tokenizer(boi_token="<start_of_image>", eoi_token="<end_of_image>", image_token="<image_soft_token>")
    config = t.Gemma3Config(
        text_config=t.Gemma3TextConfig(
            vocab_size=len(words), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, head_dim=8, max_position_embeddings=512, bos_token_id=1, eos_token_id=2,
            pad_token_id=0, sliding_window=64,
        ),
        vision_config=t.SiglipVisionConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=SIDE,
            patch_size=PATCH, vision_use_head=False,
        ),
        mm_tokens_per_image=4, boi_token_index=words.boi_token_id, eoi_token_index=words.eoi_token_id,
        image_token_index=words.image_token_id,
    )  # fmt: skip
    _lively(t.Gemma3ForConditionalGeneration(config)).save_pretrained(folder)
    images = t.Gemma3ImageProcessorPil(size={"height": SIDE, "width": SIDE})
    template = CHAT_TEMPLATE.replace("<image>", "<start_of_image>")
    t.Gemma3Processor(images, words, chat_template=template, image_seq_length=4).save_pretrained(folder)
    return folder


def idefics3(folder: Path, seed: int = 0, head_dim: int = 8) -> Path:
    """Idefics 3 (SmolVLM's architecture): images are cut into tiles with a token for each row and column."""
    import transformers as t

    torch.manual_seed(seed)
    words = tokenizer(
        image_token="<image>", fake="<fake_token_around_image>", end="<end_of_utterance>", whole="<global-img>"
    )
    words.add_tokens([f"<row_{row}_col_{column}>" for row in (1, 2) for column in (1, 2)], special_tokens=True)
    config = t.Idefics3Config(
        text_config=_text(len(words), head_dim),
        vision_config=t.Idefics3VisionConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=SIDE,
            patch_size=PATCH,
        ),
        image_token_id=words.image_token_id, scale_factor=2, pad_token_id=0,
    )  # fmt: skip
    _lively(t.Idefics3ForConditionalGeneration(config)).save_pretrained(folder)
    images = t.Idefics3ImageProcessorPil(size={"longest_edge": 2 * SIDE}, max_image_size={"longest_edge": SIDE})
    t.Idefics3Processor(images, words, image_seq_len=4, chat_template=CHAT_TEMPLATE).save_pretrained(folder)
    return folder

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


def gemma3(folder: Path, seed: int = 0, template: str = "") -> Path:
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
    template = template or CHAT_TEMPLATE.replace("<image>", "<start_of_image>")
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


QWEN_TEMPLATE = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system\n"
    "You are a helpful assistant.<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ONEVISION_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }} "
    "{% for part in message['content'] if part['type'] == 'image' %}<image>{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}\n{{ part['text'] }}{% endfor %}<|im_end|>"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GEMMA_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}"
    "{% else %}<start_of_turn>user\n{% if loop.index0 == 1 %}{{ messages[0]['content'][0]['text'] }}\n\n{% endif %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<start_of_image>"
    "{% else %}{{ part['text'] | trim }}{% endif %}{% endfor %}<end_of_turn>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
"""As the published checkpoints of these families have them, for one question and without videos."""


def _qwen_words() -> Any:
    return tokenizer(
        image_token="<|image_pad|>", video_token="<|video_pad|>", vision_start_token="<|vision_start|>",
        vision_end_token="<|vision_end|>", turn_start="<|im_start|>", turn_end="<|im_end|>",
    )  # fmt: skip


def _qwen_processor(kind: str, words: Any) -> Any:
    import transformers as t

    from model_adapters.hf.images_only import images_only

    images = t.Qwen2VLImageProcessorPil(
        patch_size=4, temporal_patch_size=2, merge_size=2, min_pixels=16 * 16, max_pixels=16 * 16
    )
    return images_only(getattr(t, kind))(image_processor=images, tokenizer=words, chat_template=QWEN_TEMPLATE)


def qwen2_5_vl_processor(folder: Path) -> Path:
    """The processor of Qwen2.5-VL alone."""
    _qwen_processor("Qwen2_5_VLProcessor", _qwen_words()).save_pretrained(folder)
    (folder / "config.json").write_text('{"model_type": "qwen2_5_vl"}')
    return folder


def qwen3_vl_processor(folder: Path) -> Path:
    """The processor of Qwen3-VL alone."""
    _qwen_processor("Qwen3VLProcessor", _qwen_words()).save_pretrained(folder)
    (folder / "config.json").write_text('{"model_type": "qwen3_vl"}')
    return folder


def llava_onevision_processor(folder: Path) -> Path:
    """The processor of LLaVA-OneVision alone."""
    import transformers as t

    from model_adapters.hf.images_only import images_only

    words = tokenizer(image_token="<image>", video_token="<video>", turn_start="<|im_start|>", turn_end="<|im_end|>")
    images = t.LlavaOnevisionImageProcessorPil(
        size={"height": SIDE, "width": SIDE}, image_grid_pinpoints=[[SIDE, SIDE], [2 * SIDE, 2 * SIDE]]
    )
    processor = images_only(t.LlavaOnevisionProcessor)(
        image_processor=images, tokenizer=words, chat_template=ONEVISION_TEMPLATE,
        num_image_tokens=(SIDE // PATCH) ** 2, vision_feature_select_strategy="full",
    )  # fmt: skip
    processor.save_pretrained(folder)
    (folder / "config.json").write_text('{"model_type": "llava_onevision"}')
    return folder


def _qwen_ids(words: Any) -> dict[str, int]:
    return {
        "image_token_id": words.image_token_id, "video_token_id": words.video_token_id,
        "vision_start_token_id": words.vision_start_token_id, "vision_end_token_id": words.vision_end_token_id,
    }  # fmt: skip


def _qwen_text(words: Any, **changes: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(words), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 512,
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2], **changes},
    }  # fmt: skip


def qwen2_5_vl(folder: Path, seed: int = 0) -> Path:
    """Qwen2.5-VL: a tower without a fixed size, whose patches are merged."""
    import transformers as t

    torch.manual_seed(seed)
    words = _qwen_words()
    config = t.Qwen2_5_VLConfig(
        text_config=_qwen_text(words),
        vision_config={
            "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 4, "out_hidden_size": 32,
            "patch_size": 4, "spatial_merge_size": 2, "temporal_patch_size": 2, "window_size": 16,
            "fullatt_block_indexes": [1],
        },
        **_qwen_ids(words),
    )  # fmt: skip
    _lively(t.Qwen2_5_VLForConditionalGeneration(config)).save_pretrained(folder)
    _qwen_processor("Qwen2_5_VLProcessor", words).save_pretrained(folder)
    return folder


def qwen3_vl(folder: Path, seed: int = 0) -> Path:
    """Qwen3-VL: features of several of the tower's layers go into the language model."""
    import transformers as t

    torch.manual_seed(seed)
    words = _qwen_words()
    config = t.Qwen3VLConfig(
        text_config=_qwen_text(words, mrope_interleaved=True),
        vision_config={
            "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 4, "out_hidden_size": 32,
            "patch_size": 4, "spatial_merge_size": 2, "temporal_patch_size": 2, "num_position_embeddings": 16,
            "deepstack_visual_indexes": [0],
        },
        **_qwen_ids(words),
    )  # fmt: skip
    _lively(t.Qwen3VLForConditionalGeneration(config)).save_pretrained(folder)
    _qwen_processor("Qwen3VLProcessor", words).save_pretrained(folder)
    return folder


def llava_onevision(folder: Path, seed: int = 0) -> Path:
    """LLaVA-OneVision: SigLIP and Qwen2, images in tiles."""
    import transformers as t

    torch.manual_seed(seed)
    llava_onevision_processor(folder)
    from model_adapters.hf.images_only import load_images_only

    words = load_images_only(folder, "llava_onevision").tokenizer
    config = t.LlavaOnevisionConfig(
        vision_config=t.SiglipVisionConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=SIDE,
            patch_size=PATCH, vision_use_head=False,
        ),
        text_config=t.Qwen2Config(
            vocab_size=len(words), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=512, bos_token_id=1, eos_token_id=2, pad_token_id=0,
        ),
        image_token_index=words.image_token_id, video_token_index=words.video_token_id,
        image_grid_pinpoints=[[SIDE, SIDE], [2 * SIDE, 2 * SIDE]], vision_feature_select_strategy="full",
        vision_feature_layer=-1, vision_aspect_ratio="anyres_max_4",
    )  # fmt: skip
    _lively(t.LlavaOnevisionForConditionalGeneration(config)).save_pretrained(folder)
    return folder

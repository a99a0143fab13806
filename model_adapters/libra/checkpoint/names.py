"""The names that weights have in the original's files, and in our model."""

from __future__ import annotations

PROJECTOR_PREFIX = "model.mm_projector."
TOWER_PREFIX = "model.vision_tower.vision_tower."
LORA_PREFIX = "base_model.model."
"""What peft puts before every name of a model that it wraps."""
EMBEDDINGS = "model.embed_tokens.weight"
OUTPUT_LAYER = "lm_head.weight"


def plain_name(key: str) -> str:
    """A parameter's name without peft's wrapping: `base_model.model.model.mm_projector.*` -> `model.mm_projector.*`."""
    return key.removeprefix(LORA_PREFIX)


def published_name(name: str, *, wrapped: bool = False) -> str:
    """The original's name of one of `LibraModel`'s parameters: `connector.x` -> `model.mm_projector.x`.

    Args:
        name: as in `LibraModel.named_parameters()`.
        wrapped: whether the language model is wrapped by peft, which then renames the other parts, too.
    """
    prefix = LORA_PREFIX if wrapped else ""
    if name.startswith("connector."):
        return prefix + PROJECTOR_PREFIX + name.removeprefix("connector.")
    if name.startswith("tower.vision_tower."):
        return prefix + TOWER_PREFIX + name.removeprefix("tower.vision_tower.")
    return name.removeprefix("language_model.")

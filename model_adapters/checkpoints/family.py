"""Which family a checkpoint belongs to: its config.json says, never its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_libra(config: Mapping[str, Any]) -> bool:
    """Whether a config.json describes a checkpoint in the original's layout (Libra's own, LLaVA's first ones)."""
    model_type = str(config.get("model_type", ""))
    return model_type.startswith("libra") or "mm_projector_type" in config or "mm_vision_tower" in config

"""What a checkpoint's config.json says. Light: nothing here imports torch, so that names can be resolved without it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.errors import ModelError


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object that belongs to a checkpoint.

    Raises:
        ModelError: the file is missing or isn't a JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError("no such file", where=path, hint="give the folder of a complete checkpoint") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"cannot be read ({error})", where=path, hint="fetch the file again") from error
    if not isinstance(value, dict):
        raise ModelError(f"expected a JSON object, found {type(value).__name__}", where=path)
    return value


def is_libra(config: Mapping[str, Any]) -> bool:
    """Whether a config.json describes a checkpoint in the original's layout (Libra's own, LLaVA's first ones)."""
    model_type = str(config.get("model_type", ""))
    return model_type.startswith("libra") or "mm_projector_type" in config or "mm_vision_tower" in config

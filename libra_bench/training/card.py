"""The model card beside trained weights: recipe, data, validation scores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.files import atomic_write


def write_card(folder: Path, record: Mapping[str, Any], scores: Mapping[str, Any]) -> None:
    """Write README.md.

    Args:
        folder: where the weights are.
        record: what decides the run (`preparation.Prepared.record`).
        scores: of the validation.
    """
    recipe = record["recipe"]
    with atomic_write(folder / "README.md") as stream:
        stream.write(
            f"---\nbase_model: {recipe['model_name_or_path']}\n---\n\n"
            f"# Libra, {record['stage']}\n\n"
            "Trained with `libra-bench train`. Not a medical device.\n\n"
            "## Validation\n\n"
            + _table(scores, "score")
            + "\n## Data\n\n"
            + _table(record["sha256"], "sha256")
            + "\n## Recipe\n\n"
            + _table(recipe, "value")
        )


def _table(values: Mapping[str, Any], head: str) -> str:
    lines = [f"| {name} | {value} |\n" for name, value in values.items()]
    return f"| | {head} |\n|---|---|\n{''.join(lines)}" if lines else "none\n"

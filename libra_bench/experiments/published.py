"""Published tables of scores: a YAML file each, shipped or the user's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator

from benchmarks.errors import InputError, UnknownNameError
from benchmarks.files.yaml_text import read_yaml
from benchmarks.records.json_record import Record, first_fault

TARGETS_FOLDER = Path(__file__).parent / "targets"


class PublishedValue(Record):
    """One number of a table."""

    value: float
    decimals: int | None = None
    """As it was printed; None: the table's."""


class KnownCause(Record):
    """A setting that is known to change the scores."""

    model: str
    decoding: dict[str, Any]
    """Field of the decoding -> the value that has this effect."""
    says: str


class Target(Record):
    """One published table."""

    title: str
    source: str
    suite: str
    n: int
    counted: str = "samples"
    """What was counted: image-level samples are not studies."""
    protocol: str | None = None
    decimals: int = Field(default=2, ge=0)
    models: Mapping[str, Mapping[str, PublishedValue]]
    """Model -> key -> value."""
    known_causes: tuple[KnownCause, ...] = ()

    @field_validator("models", mode="before")
    @classmethod
    def _plain_numbers(cls, models: Any) -> Any:
        """`BLEU1: 51.25` is short for `BLEU1: {value: 51.25}`."""
        if not isinstance(models, dict):
            return models
        return {
            model: {key: value if isinstance(value, dict) else {"value": value} for key, value in row.items()}
            if isinstance(row, dict)
            else row
            for model, row in models.items()
        }


def target_names() -> list[str]:
    """The tables that ship with libra-bench."""
    return sorted(path.stem for path in TARGETS_FOLDER.glob("*.yaml"))


def read_target(name: str) -> Target:
    """A shipped table by its name, or one of the user's by its path.

    Raises:
        UnknownNameError: neither.
        InputError: the file cannot be read, or is no such table.
    """
    path = Path(name)
    if path.suffix not in {".yaml", ".yml"}:
        if name not in target_names():
            raise UnknownNameError("published table", name, target_names(), hint="or give a file (.yaml)")
        path = TARGETS_FOLDER / f"{name}.yaml"
    hint = f"see {TARGETS_FOLDER.name}/libra-v1.yaml for the layout (docs/experiments.md)"
    content = read_yaml(path, InputError, "published table")
    try:
        return Target.model_validate(content, strict=False)
    except ValidationError as error:
        raise InputError(first_fault(error), where=path, hint=hint) from error

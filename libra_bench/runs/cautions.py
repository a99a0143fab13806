"""Warnings about a model, shown before it answers and kept with the answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.files import sha256_file
from benchmarks.phantoms.recognition import DOMAIN, is_phantom, is_shipped_picture
from benchmarks.schema import Sample
from model_adapters.adapter import ModelSpec
from model_adapters.cards import shipped_card

TINY = "libra-tiny"
"""The card of the model that ships with libra-bench."""


def cautions_for_suite(spec: ModelSpec, samples: Sequence[Sample]) -> tuple[str, ...]:
    """The warnings before a model answers a suite."""
    return () if all(map(is_phantom, samples)) else cautions(spec)


def cautions_for_pictures(spec: ModelSpec, pictures: Sequence[Path]) -> tuple[str, ...]:
    """The warnings before a model describes a study."""
    return () if pictures and all(map(is_shipped_picture, pictures)) else cautions(spec)


def cautions(spec: ModelSpec) -> tuple[str, ...]:
    """The warnings about a model that may be used on patients."""
    if spec.card.get("made_for") != DOMAIN and not _is_shipped_phantom_model(spec):
        return ()
    return (f"{spec.name} was made for synthetic phantoms: what it writes about real radiographs is meaningless",)


def _is_shipped_phantom_model(spec: ModelSpec) -> bool:
    """Whether a folder holds the weights of libra-tiny: given by its path, it comes without its card."""
    shipped, given = (Path(folder or "") / "model.safetensors" for folder in (shipped_card(TINY).path, spec.path))
    is_same_size = given.is_file() and given.stat().st_size == shipped.stat().st_size
    return is_same_size and sha256_file(given) == sha256_file(shipped)

"""Warnings about a model, shown before it answers and kept with the answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.phantoms.recognition import DOMAIN, is_phantom, is_shipped_picture
from benchmarks.schema import Sample
from model_adapters.adapter import ModelSpec


def cautions_for_suite(spec: ModelSpec, samples: Sequence[Sample]) -> tuple[str, ...]:
    """The warnings before a model answers a suite."""
    return () if all(map(is_phantom, samples)) else cautions(spec)


def cautions_for_pictures(spec: ModelSpec, pictures: Sequence[Path]) -> tuple[str, ...]:
    """The warnings before a model describes a study."""
    return () if pictures and all(map(is_shipped_picture, pictures)) else cautions(spec)


def cautions(spec: ModelSpec) -> tuple[str, ...]:
    """The warnings about a model that may be used on patients."""
    if spec.card.get("made_for") != DOMAIN:
        return ()
    return (f"{spec.name} was made for synthetic phantoms: what it writes about real radiographs is meaningless",)

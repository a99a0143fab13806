"""Warnings about a model and its suite, shown before it answers and kept with the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.catalog import suite_names
from benchmarks.errors import InputError
from benchmarks.files import sha256_file
from benchmarks.phantoms.recognition import DOMAIN, is_phantom, is_shipped_picture
from benchmarks.records.data_card import read_card
from benchmarks.schema import Sample
from benchmarks.suites import Suite
from libra_bench.runs.options import RunOptions
from model_adapters.adapter import ModelSpec
from model_adapters.cards import shipped_card
from model_adapters.registry import adapter_class

TINY = "libra-tiny"
"""The card of the model that ships with libra-bench."""


def cautions_for_suite(spec: ModelSpec, samples: Sequence[Sample]) -> tuple[str, ...]:
    """The warnings before a model answers a suite."""
    return () if all(map(is_phantom, samples)) else cautions(spec)


def cautions_about_data(suite: Suite) -> tuple[str, ...]:
    """Where a suite's file is not what its data card says: built as another suite, or changed since."""
    try:
        card = read_card(suite.path)
    except InputError as error:
        return (f"the data card of the suite is not read: {error}",)
    if card is None:
        return ()
    found = []
    if suite.name != card.suite and {suite.name, card.suite} <= set(suite_names()):
        found.append(f"{suite.path.name} was built as {card.suite}, and is run as {suite.name}")
    if suite.sha256 != card.sha256:
        found.append(f"{suite.path.name} has changed since it was built (see `libra-bench suites show {suite.path}`)")
    return tuple(found)


def cautions_for_pictures(spec: ModelSpec, pictures: Sequence[Path]) -> tuple[str, ...]:
    """The warnings before a model describes a study."""
    return () if pictures and all(map(is_shipped_picture, pictures)) else cautions(spec)


def cautions(spec: ModelSpec) -> tuple[str, ...]:
    """The warnings about a model that may be used on patients."""
    if spec.card.get("made_for") != DOMAIN and not _is_shipped_phantom_model(spec):
        return ()
    return (f"{spec.name} was made for synthetic phantoms: what it writes about real radiographs is meaningless",)


def own_decoding(spec: ModelSpec, options: RunOptions) -> Mapping[str, int | float]:
    """The settings that a checkpoint states for itself, where neither a card nor the user says how to decode."""
    if spec.card or options.protocol or adapter_class(spec.adapter).default_protocol:
        return {}
    return adapter_class(spec.adapter).own_decoding(spec)


def cautions_without_card(spec: ModelSpec, options: RunOptions) -> tuple[str, ...]:
    """What is said of a model without a card: how it is decoded, and that it is asked in the suite's words."""
    adapter = adapter_class(spec.adapter)
    if spec.card or options.protocol or adapter.default_protocol or not adapter.asks_for_card:
        return ()
    stated = ", ".join(f"{name} {value}" for name, value in adapter.own_decoding(spec).items())
    own = f", with the checkpoint's own settings ({stated})" if stated else ""
    return (
        f"there is no card for {spec.name}: greedy decoding{own}, the suite's prompt without a system prompt; try it "
        "with `libra-bench models try` and see docs/models.md before its scores are compared",
    )


def _is_shipped_phantom_model(spec: ModelSpec) -> bool:
    """Whether a folder holds the weights of libra-tiny: given by its path, it comes without its card."""
    shipped, given = (Path(folder or "") / "model.safetensors" for folder in (shipped_card(TINY).path, spec.path))
    is_same_size = given.is_file() and given.stat().st_size == shipped.stat().st_size
    return is_same_size and sha256_file(given) == sha256_file(shipped)

"""Features of the frozen tower on disk (`cache_features`): encoded once, before training begins."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from benchmarks.errors import InputError
from libra_bench.training.data import ConversationData
from libra_bench.training.model import Parts
from libra_bench.training.recipe import Recipe
from model_adapters.libra.inputs.feature_store import FeatureStore, features_identity
from model_adapters.libra.inputs.image_reader import ImageReader
from model_adapters.libra.inputs.tower_features import ENCODER_BATCH, TowerFeatures, batches
from model_adapters.libra.network.model import LibraModel

if TYPE_CHECKING:
    from libra_bench.training.preparation import Prepared

FEATURE_BYTES = 2
"""Of a value in the features that training reads."""
READERS = 2
"""Threads that read images ahead of the tower."""


def training_store(recipe: Recipe, parts: Parts, reader: ImageReader) -> FeatureStore | None:
    """Features in the tower's own type, or in float16 if that has more than 16 bits.

    Raises:
        InputError: the folder cannot be written.
    """
    dtype = parts.model.dtype if parts.model.dtype.itemsize == FEATURE_BYTES else torch.float16
    return _store(recipe, parts, reader, dtype)


def validation_store(recipe: Recipe, parts: Parts, reader: ImageReader) -> FeatureStore | None:
    """Features in the tower's own type: those that a run with the same `feature_cache_dir` reads.

    Raises:
        InputError: the folder cannot be written.
    """
    return None if recipe.validation_data_path is None else _store(recipe, parts, reader, None)


def _store(recipe: Recipe, parts: Parts, reader: ImageReader, dtype: torch.dtype | None) -> FeatureStore | None:
    if recipe.cache_features is None:
        return None
    return FeatureStore(Path(recipe.cache_features), features_identity(parts.model.tower, reader), dtype)


def fill_cache(prepared: Prepared, accelerator: Accelerator, say: Callable[[str], None]) -> None:
    """Encode every image whose features are not kept yet, each in one process; says first how much disk that takes.

    Args:
        prepared: the run.
        accelerator: knows the processes, which share the work; all return when all features are there.
        say: shows one line.

    Raises:
        ImageError: an image cannot be read, and `on_error` is "stop".
        StorageError: the disk is full; what was written before stays.
    """
    if prepared.recipe.cache_features is None:
        return
    prepared.parts.model.tower.to(accelerator.device)
    for name, data in (("training", prepared.data), ("validation", prepared.validation_data)):
        if data is not None:
            _fill(name, data, prepared.parts.model, accelerator, say)
            accelerator.wait_for_everyone()


def _fill(
    name: str, data: ConversationData, model: LibraModel, accelerator: Accelerator, say: Callable[[str], None]
) -> None:
    images = data.images
    store = images.store
    if store is None:
        return
    paths = _image_paths(data)
    rank, processes = accelerator.process_index, accelerator.num_processes
    images.hashes.update(gather_object([(path, images.sha256(path)) for path in paths[rank::processes]]))
    of_content = {images.sha256(path): path for path in paths}
    missing = [(sha256, path) for sha256, path in of_content.items() if not store.holds(sha256)]
    accelerator.wait_for_everyone()  # nobody writes before everybody has looked
    tower = model.tower
    each = store.value_bytes(model.dtype) * tower.num_layers * tower.num_patches * tower.hidden_size
    size = each * len(missing) / 2**20
    say(f"features of {len(paths):,} {name} images: {len(missing):,} to encode, {size:,.0f} MB")
    features = TowerFeatures(model, images.reader, workers=READERS, memory_mb=0)
    for some, following in pairwise([*batches(missing[rank::processes], ENCODER_BATCH), []]):
        features.read_ahead(path for _, path in [*some, *following])
        for (sha256, _), found in zip(some, features.features([path for _, path in some]), strict=True):
            if not isinstance(found, Exception):
                store.write(sha256, found)
            elif data.on_error == "stop":
                raise found
            # else counted when its sample's turn comes


def _image_paths(data: ConversationData) -> list[Path]:
    paths: dict[Path, None] = {}
    for number in range(len(data)):
        try:
            pair = data.images.paths(data.samples[number])
        except InputError:
            continue  # counted when its sample's turn comes; on_error "stop" has refused it already
        paths |= dict.fromkeys(pair or ())
    return list(paths)

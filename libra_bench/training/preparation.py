"""Before training: read the data, build the model, look for every image, refuse what cannot work."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from packaging.version import Version
from torch import Tensor

from benchmarks.errors import ImageError, InputError
from libra_bench.runs.protocols import protocol_named
from libra_bench.training.data import Collator, ConversationData, Pictures
from libra_bench.training.masking import Conversations
from libra_bench.training.model import Parts, build
from libra_bench.training.recipe import Recipe, Stage
from libra_bench.training.recipe_file import Origins
from libra_bench.training.samples import SampleFile
from libra_bench.training.validation import Best, best_of, chosen_metrics
from model_adapters.libra.inputs.feature_store import FeatureStore, features_identity
from model_adapters.libra.inputs.image_processing import BLACK, preprocess
from model_adapters.templates import template

TRANSFORMERS = "5.23"
"""The oldest one whose Trainer takes our settings; answering questions works with older ones."""

FREE_FIELDS = frozenset(
    {"output_dir", "logging_steps", "report_to", "dataloader_num_workers", "cache_features", "use_cpu", "save_steps"}
)
"""May differ between a run and its continuation."""
FIRST_SAMPLES = 32
"""Samples whose labels are looked at beforehand."""
FEATURE_BYTES = 2
"""Of a value in the features on disk."""
ENCODED_TOGETHER = 16
"""Images that go through the tower together."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that a run needs, checked."""

    recipe: Recipe
    stage: Stage
    parts: Parts
    data: ConversationData
    validation_data: ConversationData | None
    collator: Collator
    best: Best

    def record(self) -> dict[str, Any]:
        """What decides the run."""
        decisive = {name: value for name, value in dataclasses.asdict(self.recipe).items() if name not in FREE_FIELDS}
        files = {"data": self.data, "validation_data": self.validation_data}
        hashes = {name: data.samples.sha256 for name, data in files.items() if data is not None}
        return {"stage": self.stage, "recipe": decisive, "sha256": hashes}


def prepare(origins: Origins, stage: Stage) -> Prepared:
    """Read the data, build the model, look for every image.

    Raises:
        InputError: what is wrong, before anything is trained.
    """
    recipe = origins.recipe
    template(recipe.version)
    check_packages(recipe)
    chosen_metrics(recipe)
    protocol_named(recipe.validation_protocol)
    best = best_of(recipe)
    samples = SampleFile(Path(recipe.data_path))
    others = None if recipe.validation_data_path is None else SampleFile(Path(recipe.validation_data_path))
    quiet_transformers()
    parts = build(recipe)
    pictures = Pictures(
        Path(recipe.image_folder),
        parts.image_processor,
        recipe.image_aspect_ratio,
        recipe.image_policy,
        _feature_store(recipe, parts),
    )
    conversations = Conversations(
        parts.tokenizer,
        recipe.version,
        recipe.model_max_length,
        parts.pad_id,
        recipe.masking,
        recipe.mm_use_im_start_end,
    )
    patches = parts.model.num_patches
    data = ConversationData(samples, conversations, pictures, on_error=recipe.on_error, num_patches=patches)
    validation_data = None
    if others is not None:
        validation_data = ConversationData(others, conversations, pictures, on_error="stop", num_patches=patches)
    prepared = Prepared(recipe, stage, parts, data, validation_data, _collator(recipe, parts), best)
    check_samples(prepared)
    return prepared


def check_packages(recipe: Recipe) -> None:
    """Refuse what needs a package that is not installed, or is too old.

    Raises:
        InputError: says what to install.
    """
    if Version(found := version("transformers")) < Version(TRANSFORMERS):
        raise InputError(
            f"training needs transformers {TRANSFORMERS}, here is {found}", hint="pip install 'libra-bench[train]'"
        )
    reports = [name.strip() for name in recipe.report_to.split(",")]
    needed = {
        "tensorboard": ("tensorboard" in reports, 'pip install "libra-bench[train]", or pass --report-to none'),
        "wandb": ("wandb" in reports, "pip install wandb, or pass --report-to tensorboard"),
        "deepspeed": (recipe.deepspeed is not None, "pip install deepspeed, or leave --deepspeed out"),
    }
    for package, (wanted, hint) in needed.items():
        if wanted and importlib.util.find_spec(package) is None:
            raise InputError(f"{package} is not installed", where="recipe", hint=hint)


def quiet_transformers() -> None:
    """Keep transformers' own progress bars off the screen; ours shows what matters."""
    from transformers.utils import logging as theirs

    theirs.disable_progress_bar()


def _collator(recipe: Recipe, parts: Parts) -> Collator:
    tower = parts.model.tower
    if recipe.cache_features is not None:
        shape: tuple[int, ...] = (tower.num_layers, tower.num_patches, tower.hidden_size)
    else:
        from PIL import Image

        blank = Image.new("RGB", (64, 64))
        shape = tuple(preprocess([blank], parts.image_processor, recipe.image_aspect_ratio, BLACK)[0].shape)
    return Collator(recipe.model_max_length, parts.pad_id, shape)


def _feature_store(recipe: Recipe, parts: Parts) -> FeatureStore | None:
    """Features in the tower's own type, or in float16 if that has more than 16 bits.

    Raises:
        InputError: the folder cannot be written.
    """
    if recipe.cache_features is None:
        return None
    tower = parts.model.tower
    identity = features_identity(tower, parts.image_processor, recipe.image_aspect_ratio, BLACK)
    dtype = parts.model.dtype if parts.model.dtype.itemsize == FEATURE_BYTES else torch.float16
    return FeatureStore(Path(recipe.cache_features), identity, dtype)


def check_samples(prepared: Prepared) -> None:
    """Look for every image, and at the labels of the first samples.

    Raises:
        InputError: an image is missing, or nothing is learned from any of the first samples.
    """
    for data in (prepared.data, prepared.validation_data):
        if data is not None and data.on_error == "stop":
            for number in range(len(data)):
                _check_images(data, number)
    learned = 0
    first = min(FIRST_SAMPLES, len(prepared.data))
    for number in range(first):
        sample = prepared.data.samples[number]
        try:
            tokens = prepared.data.conversations.tokens(sample["conversations"], has_image="image" in sample)
        except InputError:
            continue  # said, or counted, when its turn comes
        learned += tokens.num_learned
    if not learned:
        raise InputError(
            f"no token of the first {first} samples is learned: the labels are all masked",
            where=prepared.data.samples.path,
            hint="give replies that are not empty; `masking: replies` learns what the original leaves out",
        )


def _check_images(data: ConversationData, number: int) -> None:
    sample = data.samples[number]
    try:
        data.pictures.paths(sample)
    except InputError as error:
        raise InputError(f"sample {sample.get('id', number)!r}: {error}", where=data.samples.path) from error


def fill_cache(prepared: Prepared, say: Callable[[str], None]) -> None:
    """Encode every image whose features are not kept yet; says first how much disk that takes.

    Raises:
        ImageError: an image cannot be read, and `on_error` is "stop".
        StorageError: the disk is full; what was written before stays.
    """
    pictures = prepared.data.pictures
    store = pictures.store
    if store is None or int(os.environ.get("RANK", "0")):
        return
    paths, model = _all_images(prepared), prepared.parts.model
    of_content = {pictures.sha256(path): path for path in paths}
    missing = [(sha256, path) for sha256, path in of_content.items() if not store.holds(sha256)]
    each = FEATURE_BYTES * model.tower.num_layers * model.tower.num_patches * model.tower.hidden_size
    say(f"features of {len(paths):,} images: {len(missing):,} to encode, {each * len(missing) / 2**20:,.0f} MB")
    device = torch.device("cuda" if torch.cuda.is_available() and not prepared.recipe.use_cpu else "cpu")
    model.tower.to(device)
    for start in range(0, len(missing), ENCODED_TOGETHER):
        pixels: dict[str, Tensor] = {}
        for sha256, path in missing[start : start + ENCODED_TOGETHER]:
            try:
                pixels[sha256] = pictures.pixels(path)
            except ImageError:
                if prepared.recipe.on_error == "stop":
                    raise
                # else counted when its sample's turn comes
        if pixels:
            features_BLNC = model.tower_features(torch.stack(list(pixels.values())).to(device, model.dtype))
            for sha256, features_LNC in zip(pixels, features_BLNC, strict=True):
                store.write(sha256, features_LNC)


def _all_images(prepared: Prepared) -> list[Path]:
    paths: dict[Path, None] = {}
    for data in (prepared.data, prepared.validation_data):
        for number in range(0 if data is None else len(data)):
            try:
                pair = data.pictures.paths(data.samples[number]) if data is not None else None
            except InputError:
                continue  # counted when its sample's turn comes; on_error "stop" has refused it already
            paths |= dict.fromkeys(pair or ())
    return list(paths)

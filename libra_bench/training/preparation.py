"""Before training: read the data, build the model, look for every image, refuse what cannot work."""

from __future__ import annotations

import dataclasses
import importlib.util
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from packaging.version import Version

from benchmarks.errors import InputError
from libra_bench.runs.protocols import protocol_named
from libra_bench.training.data import Collator, ConversationData, SampleImages
from libra_bench.training.feature_cache import training_store, validation_store
from libra_bench.training.masking import Conversations
from libra_bench.training.model import Parts, build
from libra_bench.training.recipe import Recipe, Stage
from libra_bench.training.recipe_file import Origins
from libra_bench.training.samples import SampleFile
from libra_bench.training.validation import Best, best_of, chosen_metrics
from model_adapters.libra.inputs.image_processing import BLACK
from model_adapters.libra.inputs.image_reader import ImageReader
from model_adapters.templates import template

TRANSFORMERS = "5.23"
"""The oldest one whose Trainer takes our settings; answering questions works with older ones."""

FREE_FIELDS = frozenset(
    {"output_dir", "logging_steps", "report_to", "dataloader_num_workers", "cache_features", "use_cpu", "save_steps"}
)
"""May differ between a run and its continuation."""
FIRST_SAMPLES = 32
"""Samples whose labels are looked at beforehand."""


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
    conversations = Conversations(
        parts.tokenizer,
        recipe.version,
        recipe.model_max_length,
        parts.pad_id,
        recipe.masking,
        recipe.mm_use_im_start_end,
    )
    # Training pads as published; validation sees what a run sees.
    readers = [ImageReader(parts.loaded.image_processor, recipe.image_aspect_ratio, colour) for colour in (BLACK, None)]
    stores = [training_store(recipe, parts, readers[0]), validation_store(recipe, parts, readers[1])]
    images, validation_images = (
        SampleImages(Path(recipe.image_folder), reader, recipe.image_policy, store)
        for reader, store in zip(readers, stores, strict=True)
    )
    patches = parts.model.num_patches
    data = ConversationData(samples, conversations, images, on_error=recipe.on_error, num_patches=patches)
    validation_data = None
    if others is not None:
        validation_data = ConversationData(
            others, conversations, validation_images, on_error="stop", num_patches=patches
        )
    prepared = Prepared(recipe, stage, parts, data, validation_data, _collator(recipe, parts, readers[0]), best)
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


def _collator(recipe: Recipe, parts: Parts, reader: ImageReader) -> Collator:
    tower = parts.model.tower
    features = (tower.num_layers, tower.num_patches, tower.hidden_size)
    shape = reader.pixel_shape if recipe.cache_features is None else features
    return Collator(recipe.model_max_length, parts.pad_id, shape, parts.model.num_patches)


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
        data.images.paths(sample)
    except InputError as error:
        raise InputError(f"sample {sample.get('id', number)!r}: {error}", where=data.samples.path) from error

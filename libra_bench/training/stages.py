"""A training run from recipe to artefacts: check, build, resume or begin, train, write.

The output folder holds `recipe.yaml` (every value and its origin), `training.json` (what decides the run),
`log.jsonl`, `checkpoint-N` (the last and the best), `best_eval_model/`, the final weights, and plots.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import EarlyStoppingCallback, TrainerCallback
from transformers.trainer_callback import PrinterCallback

from benchmarks.errors import InputError, RunConflictError
from benchmarks.files import atomic_write, sha256_file, write_json
from benchmarks.images import read_radiograph
from libra_bench.protocols import protocol_named
from libra_bench.training.card import write_card
from libra_bench.training.data import Collator, ConversationData, Pictures
from libra_bench.training.feature_cache import FeatureCache, cache_folder
from libra_bench.training.log import LogFile, read_log
from libra_bench.training.masking import Conversations
from libra_bench.training.model import Parts, build
from libra_bench.training.recipe import Origins, Recipe, Stage
from libra_bench.training.samples import SampleFile
from libra_bench.training.trainer import LibraTrainer, checkpoints
from libra_bench.training.validation import Best, Validation, best_of, chosen_metrics
from model_adapters.libra.image_processing import BLACK, preprocess
from model_adapters.libra.weights import weight_files
from model_adapters.templates import template

logger = logging.getLogger(__name__)

FREE_FIELDS = frozenset(
    {"output_dir", "logging_steps", "report_to", "dataloader_num_workers", "cache_features", "use_cpu", "save_steps"}
)
"""May differ between a run and its continuation."""
TRAINING_RECORD = "training.json"


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
    chosen_metrics(recipe)
    protocol_named(recipe.validation_protocol)
    best = best_of(recipe)
    samples = SampleFile(Path(recipe.data_path))
    others = None if recipe.validation_data_path is None else SampleFile(Path(recipe.validation_data_path))
    quiet_transformers()
    parts = build(recipe)
    cache = _feature_cache(recipe, parts)
    pictures = Pictures(
        Path(recipe.image_folder), parts.image_processor, recipe.image_aspect_ratio, recipe.image_policy, cache
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
        validation_data = ConversationData(
            others, conversations, pictures, on_error=recipe.on_error, num_patches=patches
        )
    prepared = Prepared(recipe, stage, parts, data, validation_data, _collator(recipe, parts), best)
    check_samples(prepared)
    return prepared


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


def _feature_cache(recipe: Recipe, parts: Parts) -> FeatureCache | None:
    if recipe.cache_features is None:
        return None
    facts = {
        "tower": [sha256_file(path) for path in weight_files(parts.tower_folder)],
        "layer": parts.config["mm_vision_select_layer"],
        "feature": parts.config["mm_vision_select_feature"],
        "processor": parts.image_processor.to_dict(),
        "aspect_ratio": recipe.image_aspect_ratio,
        "dtype": str(parts.model.dtype),
    }
    return FeatureCache(cache_folder(Path(recipe.cache_features), json.loads(json.dumps(facts, default=str))))


def check_samples(prepared: Prepared) -> None:
    """Look for every image, and at the labels of the first samples.

    Raises:
        InputError: an image is missing, or nothing is learned from any of the first samples.
    """
    for data in (prepared.data, prepared.validation_data):
        if data is None:
            continue
        if prepared.recipe.on_error == "stop":
            for number in range(len(data)):
                _check_images(data, number)
    learned = 0
    for number in range(min(32, len(prepared.data))):
        sample = prepared.data.samples[number]
        try:
            tokens = prepared.data.conversations.tokens(sample["conversations"], has_image="image" in sample)
        except InputError:
            continue  # said, or counted, when its turn comes
        learned += tokens.num_learned
    if not learned:
        raise InputError(
            f"no token of the first {min(32, len(prepared.data))} samples is learned: the labels are all masked",
            where=prepared.data.samples.path,
            mend="give replies that are not empty; `masking: replies` learns what the original leaves out",
        )


def _check_images(data: ConversationData, number: int) -> None:
    sample = data.samples[number]
    try:
        data.pictures.paths(sample)
    except InputError as error:
        raise InputError(f"sample {sample.get('id', number)!r}: {error}", where=data.samples.path) from error


def fill_cache(prepared: Prepared, say: Any) -> None:
    """Encode every image that is not in the feature cache yet; says first how much disk that takes."""
    cache = prepared.data.pictures.cache
    if cache is None or int(os.environ.get("RANK", "0")):
        return
    paths: dict[Path, None] = {}
    for data in (prepared.data, prepared.validation_data):
        for number in range(0 if data is None else len(data)):
            pair = data.pictures.paths(data.samples[number]) if data is not None else None
            paths |= dict.fromkeys(pair or ())
    missing = cache.missing(paths)
    tower = prepared.parts.model.tower
    each = 2 * tower.num_layers * tower.num_patches * tower.hidden_size
    say(f"features of {len(paths):,} images: {len(missing):,} to encode, {each * len(missing) / 2**20:,.0f} MB")
    device = torch.device("cuda" if torch.cuda.is_available() and not prepared.recipe.use_cpu else "cpu")
    model, ratio = prepared.parts.model, prepared.recipe.image_aspect_ratio
    model.tower.to(device)

    def read(path: Path) -> torch.Tensor:
        return preprocess([read_radiograph(path)], prepared.parts.image_processor, ratio, BLACK)[0]

    cache.fill(missing, read, lambda pixels: model.tower_features(pixels.to(device, model.dtype)))


def train(prepared: Prepared, origins: Origins, callbacks: list[TrainerCallback], say: Any) -> dict[str, Any]:
    """Train, or continue what was interrupted.

    Args:
        prepared: from `prepare`.
        origins: for recipe.yaml.
        callbacks: what else listens.
        say: shows one line.

    Returns:
        `output_dir`, `steps`, `seconds`, `best`, `skipped`, `truncated`, validation `scores`.

    Raises:
        RunConflictError: the output folder belongs to another recipe.
        TrainingError: the loss is not a number. StorageError: the disk is full.
    """
    recipe = prepared.recipe
    out = Path(recipe.output_dir)
    main = int(os.environ.get("RANK", "0")) == 0
    record = prepared.record()
    finished = _claim(out, record, main=main)
    if finished is not None:
        say(f"{out} is finished; give another output_dir to train again")
        return finished
    if main:
        with atomic_write(out / "recipe.yaml") as stream:
            stream.write("\n".join(origins.lines()) + "\n")
    fill_cache(prepared, say)
    validation = None
    if prepared.validation_data is not None:
        validation = Validation(recipe, prepared.parts, prepared.validation_data)
    trainer = LibraTrainer(
        prepared.parts,
        recipe,
        prepared.data,
        prepared.validation_data,
        validation=validation,
        best=prepared.best,
        write_card=lambda folder, scores: write_card(folder, record, scores),
        collator=prepared.collator,
    )
    trainer.accelerator.wait_for_everyone()  # the main process fills the cache
    last = next(iter(reversed(checkpoints(out))), None)
    trainer.remove_callback(PrinterCallback)
    for callback in callbacks if main else []:
        trainer.add_callback(callback)
    trainer.add_callback(LogFile(out / "log.jsonl", after=_step(last)))
    if recipe.early_stopping_patience is not None:
        trainer.add_callback(EarlyStoppingCallback(recipe.early_stopping_patience))
    if last is not None:
        say(f"continuing from {last}")
    began = time.perf_counter()
    try:
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    except InputError as error:
        raise _without_worker(error) from error
    scores = _last_scores(out)
    trainer.save_final(scores)
    result = {
        "output_dir": str(out),
        "steps": trainer.state.global_step,
        "seconds": time.perf_counter() - began,
        "best": {"step": trainer.state.best_global_step, prepared.best.key: trainer.state.best_metric},
        "scores": scores,
        "skipped": len(trainer.skipped),
        "truncated": len(trainer.truncated),
    }
    if main:
        from libra_bench.training.plots import draw_training

        draw_training(out)
        write_json(out / TRAINING_RECORD, {**record, "result": result})
    return result


def _without_worker(error: InputError) -> InputError:
    """An error of a reading process brings that process's traceback along as text: only its last line is ours."""
    last = str(error).strip().splitlines()[-1]
    return InputError(last.removeprefix("benchmarks.errors.InputError: "))


def _claim(out: Path, record: Mapping[str, Any], *, main: bool) -> dict[str, Any] | None:
    """Take the output folder for this run; the result if it is finished already."""
    path = out / TRAINING_RECORD
    shutil.rmtree(out / ".saving", ignore_errors=True)
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        result: dict[str, Any] | None = found.pop("result", None)
        if different := _differences(found, json.loads(json.dumps(record))):
            raise RunConflictError(
                f"belongs to another recipe ({', '.join(different)})",
                where=out,
                mend="give another output_dir, or remove the folder",
            )
        return result
    if checkpoints(out):
        raise RunConflictError(f"has checkpoints, but no {TRAINING_RECORD}", where=out, mend="give another output_dir")
    if main:
        write_json(path, record)
    return None


def _differences(found: Mapping[str, Any], record: Mapping[str, Any]) -> list[str]:
    """The fields in which two runs differ."""
    names = [name for name in ("stage", "sha256") if found.get(name) != record[name]]
    old, new = found.get("recipe", {}), record["recipe"]
    return names + [f"{name}: {old.get(name)} -> {new.get(name)}" for name in new if old.get(name) != new.get(name)]


def _step(checkpoint: Path | None) -> int:
    return 0 if checkpoint is None else int(checkpoint.name.removeprefix("checkpoint-"))


def _last_scores(out: Path) -> dict[str, float]:
    """The newest validation scores of the log."""
    found: dict[str, float] = {}
    for line in read_log(out / "log.jsonl"):
        found |= {name.removeprefix("eval_"): value for name, value in line.items() if name.startswith("eval_")}
    return {name: value for name, value in found.items() if not name.endswith(("runtime", "per_second"))}

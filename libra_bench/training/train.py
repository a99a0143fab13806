"""A training run from a prepared recipe to artefacts: resume or begin, train, write.

The output folder holds `recipe.yaml` (every value and its origin), `training.json` (what decides the run),
`log.jsonl`, `checkpoint-N` (the last and the best), `best_eval_model/`, the final weights, and plots.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from transformers import EarlyStoppingCallback, TrainerCallback
from transformers.trainer_callback import PrinterCallback

from benchmarks.errors import InputError, RunConflictError
from benchmarks.files import atomic_write, write_json
from benchmarks.files.folder_lock import locked
from benchmarks.records.json_record import Record, read_record
from libra_bench.training.card import write_card
from libra_bench.training.feature_cache import fill_cache
from libra_bench.training.log import LogFile, read_log
from libra_bench.training.preparation import Prepared
from libra_bench.training.recipe_file import Origins
from libra_bench.training.resuming import NEEDED, check_checkpoint
from libra_bench.training.tally import Tally
from libra_bench.training.trainer import SAVING, LibraTrainer, checkpoints
from libra_bench.training.validation import Validation

TRAINING_RECORD = "training.json"


def train(
    prepared: Prepared, origins: Origins, callbacks: list[TrainerCallback], say: Callable[[str], None]
) -> dict[str, Any]:
    """Train, or continue what was interrupted.

    Args:
        prepared: from `preparation.prepare`.
        origins: for recipe.yaml.
        callbacks: what else listens.
        say: shows one line.

    Returns:
        `output_dir`, `steps`, `seconds`, `best`, `skipped`, `truncated`, `padding` (share of the last epoch's
        positions), validation `scores`.

    Raises:
        RunConflictError: the output folder belongs to another recipe, or another process trains in it.
        InputError: what an earlier training left in it is damaged.
        TrainingError: the loss is not a number. StorageError: the disk is full.
    """
    out = Path(prepared.recipe.output_dir)
    main = int(os.environ.get("RANK", "0")) == 0
    with locked(out, otherwise="give another --output-dir") if main else nullcontext():
        return _train(prepared, origins, callbacks, say, main=main)


def _train(
    prepared: Prepared, origins: Origins, callbacks: list[TrainerCallback], say: Callable[[str], None], *, main: bool
) -> dict[str, Any]:
    """As `train`, in a folder that is ours."""
    out = Path(prepared.recipe.output_dir)
    record = prepared.record()
    finished = _claim(out, record, main=main)
    if finished is not None:
        say(f"{out} is finished; give another --output-dir to train again")
        return finished
    if main:
        with atomic_write(out / "recipe.yaml") as stream:
            stream.write("\n".join(origins.lines()) + "\n")
    trainer = _trainer(prepared, record)
    fill_cache(prepared, trainer.accelerator, say)
    last = next(iter(reversed(checkpoints(out))), None)
    if last is not None:
        check_checkpoint(last, needed=NEEDED[1:] if trainer.is_deepspeed_enabled else NEEDED)
        read_before = Tally.of_checkpoint(last)
        if main:  # the sum of all processes: one of them goes on counting from it
            trainer.tally = read_before
    for callback in callbacks if main else []:
        trainer.add_callback(callback)
    trainer.add_callback(LogFile(out / "log.jsonl", after=_step(last)))
    if last is not None:
        say(f"continuing from {last}")
    began = time.perf_counter()
    try:
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    except InputError as error:
        raise _without_worker(error) from error
    scores, read = _last_scores(out), trainer.tally.of_all_processes()
    trainer.save_final(scores)
    result = {
        "output_dir": str(out),
        "steps": trainer.state.global_step,
        "seconds": time.perf_counter() - began,
        "best": {"step": trainer.state.best_global_step, prepared.best.key: trainer.state.best_metric},
        "scores": scores,
        "skipped": len(read.skipped),
        "truncated": len(read.truncated),
        "padding": read.padding_share,
    }
    if main:
        from libra_bench.training.plots import draw_training

        draw_training(out)
        write_json(out / TRAINING_RECORD, {**record, "result": result})
    return result


def _trainer(prepared: Prepared, record: Mapping[str, Any]) -> LibraTrainer:
    """The Trainer of this run."""
    recipe, validation_data = prepared.recipe, prepared.validation_data
    trainer = LibraTrainer(
        prepared.parts,
        recipe,
        prepared.data,
        validation_data,
        validation=None if validation_data is None else Validation(recipe, prepared.parts, validation_data),
        best=prepared.best,
        write_card=lambda folder, scores: write_card(folder, record, scores),
        collator=prepared.collator,
    )
    trainer.remove_callback(PrinterCallback)
    if recipe.early_stopping_patience is not None:
        trainer.add_callback(EarlyStoppingCallback(recipe.early_stopping_patience))
    return trainer


def _without_worker(error: InputError) -> InputError:
    """An error of a reading process brings that process's traceback along as text: only its last line is ours."""
    lines = error.what.strip().splitlines()
    return error if len(lines) < 2 else InputError(lines[-1].removeprefix("benchmarks.errors.InputError: "))


def _claim(out: Path, record: Mapping[str, Any], *, main: bool) -> dict[str, Any] | None:
    """Take the output folder for this run; the result if it is finished already."""
    path = out / TRAINING_RECORD
    shutil.rmtree(out / SAVING, ignore_errors=True)
    found = read_record(path, _Stored, version=1, hint="give another --output-dir, or remove the folder")
    if found is not None:
        if different := _differences(found, json.loads(json.dumps(record))):
            raise RunConflictError(
                f"belongs to another recipe ({', '.join(different)})",
                where=out,
                hint="give another --output-dir, or remove the folder",
            )
        return found.result
    if checkpoints(out):
        raise RunConflictError(
            f"has checkpoints, but no {TRAINING_RECORD}", where=out, hint="give another --output-dir"
        )
    if main:
        write_json(path, record)
    return None


class _Stored(Record):
    """training.json: what decides the run and, when it is finished, its result."""

    stage: str
    sha256: dict[str, str | None]
    recipe: dict[str, Any]
    result: dict[str, Any] | None = None


def _differences(found: _Stored, record: Mapping[str, Any]) -> list[str]:
    """The fields in which two runs differ."""
    names = [name for name, value in (("stage", found.stage), ("sha256", found.sha256)) if value != record[name]]
    old, new = found.recipe, record["recipe"]
    return names + [f"{name}: {old.get(name)} -> {new.get(name)}" for name in new if old.get(name) != new.get(name)]


def _step(checkpoint: Path | None) -> int:
    return 0 if checkpoint is None else int(checkpoint.name.removeprefix("checkpoint-"))


def _last_scores(out: Path) -> dict[str, float]:
    """The newest validation scores of the log."""
    found: dict[str, float] = {}
    for line in read_log(out / "log.jsonl"):
        found |= {name.removeprefix("eval_"): value for name, value in line.items() if name.startswith("eval_")}
    return {name: value for name, value in found.items() if not name.endswith(("runtime", "per_second"))}

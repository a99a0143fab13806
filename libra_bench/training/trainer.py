"""transformers' Trainer and what the recipe needs beside it: parameter groups, atomic checkpoints, scores of texts.

What it leaves alone: the loop, mixed precision, accumulation, DeepSpeed and FSDP, logging to TensorBoard or wandb.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object, save_fsdp_optimizer
from torch import Tensor
from torch.utils.data import Sampler
from transformers import Trainer

from benchmarks.errors import StorageError, TrainingError
from benchmarks.files.numbers import whole_number
from benchmarks.wording import first_line
from libra_bench.training.arguments import training_arguments
from libra_bench.training.artefacts import load_weights, write_weights
from libra_bench.training.atomic_folder import flush, is_write_error, replacing
from libra_bench.training.data import Collator, ConversationData
from libra_bench.training.divergence import is_spike, stopped
from libra_bench.training.model import Parts
from libra_bench.training.order import LengthGroupedSampler
from libra_bench.training.recipe import Recipe
from libra_bench.training.resuming import readable
from libra_bench.training.sharding import (
    check_can_be_whole,
    gathered_weights,
    shard_on_cpus,
    whole_weights,
    without_scalars,
)
from libra_bench.training.tally import Tally
from libra_bench.training.validation import Best, Validation

BEST = "best_eval_model"
SAVING = ".saving"
SCHEDULER = "scheduler.pt"
MODEL_INPUTS = ("input_ids", "attention_mask", "images", "labels")


class LibraTrainer(Trainer):
    """Trains the trainable parts of a Libra model.

    Args:
        parts: the model and its surroundings.
        recipe: decides everything.
        train_data: what is learned from.
        eval_data: what the validation loss is measured on, or None.
        validation: generates and scores texts, or None.
        best: what decides the best checkpoint.
        write_card: writes the model card into a folder, given the validation scores.
        collator: makes batches.
        tally: what this process has read.
    """

    def __init__(
        self,
        parts: Parts,
        recipe: Recipe,
        train_data: ConversationData,
        eval_data: ConversationData | None,
        *,
        validation: Validation | None,
        best: Best,
        write_card: Callable[[Path, Mapping[str, Any]], None],
        collator: Collator,
    ) -> None:
        self.parts, self.recipe = parts, recipe
        self.validation, self.best, self.write_card = validation, best, write_card
        self.tally = Tally()
        self._ids: list[Any] = []
        self._of_step: list[tuple[list[Any], Tensor]] = []
        self._output: str | None = None
        self.optimizer: Any = None
        if recipe.fsdp is not None or recipe.deepspeed is not None:
            without_scalars(parts.model)
        super().__init__(
            model=parts.model,
            args=training_arguments(recipe, best, evaluates=eval_data is not None),
            data_collator=collator,
            train_dataset=train_data,
            eval_dataset=eval_data,
        )
        if validation is not None and validation.question_ids:
            check_can_be_whole(self.accelerator)
        self.model_accepts_loss_kwargs = False  # the published loss: the mean of each batch, averaged over batches

    def create_accelerator_and_postprocess(self) -> None:
        """The Accelerator; with FSDP it shards on CPUs as well."""
        settings = self.args.fsdp_plugin_args
        if settings is not None:
            settings["sync_module_states"] = False  # all processes build the same weights
        super().create_accelerator_and_postprocess()
        if settings is not None and shard_on_cpus(self.accelerator, settings):
            self.is_fsdp_enabled = True

    def create_optimizer(self, model: Any = None) -> Any:
        """AdamW with decay on weights alone, and the connector in groups of its own where it has a rate of its own."""
        if getattr(self, "optimizer", None) is not None:
            return self.optimizer
        target = self.model if model is None else model
        decayed = set(self.get_decay_parameter_names(target))
        own_rate = self.recipe.mm_projector_lr
        groups: list[dict[str, Any]] = []
        for connector in (False, True) if own_rate is not None else (None,):
            for decays in (True, False):
                chosen = [
                    parameter
                    for name, parameter in target.named_parameters()
                    if parameter.requires_grad
                    and (name in decayed and "bias" not in name) == decays
                    and (connector is None or _is_connector(name) == connector)
                ]
                group = {"params": chosen, "weight_decay": self.args.weight_decay if decays else 0.0}
                groups.append(group | ({"lr": own_rate} if connector else {}))
        optimizer_class, options = self.get_optimizer_cls_and_kwargs(self.args, target)
        self.optimizer = optimizer_class(groups, **options)
        return self.optimizer

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int] | None:
        data = self.train_dataset if train_dataset is None else train_dataset
        if not self.recipe.group_by_modality_length:
            return super()._get_train_sampler(train_dataset)
        return LengthGroupedSampler(
            data.samples.modality_lengths,
            batch_size=self.args.train_batch_size,
            batches_per_step=self.args.world_size * self.args.gradient_accumulation_steps,
            seed=self.recipe.seed,
            steps_per_group=self.recipe.length_group_steps or 1,
        )

    def _run_epoch(self, *arguments: Any, **options: Any) -> None:
        """One pass over the data; none where the run continues from the checkpoint after its last step."""
        if self.state.global_step < self.state.max_steps:
            self.tally.begin(int(self.state.epoch or 0))
            super()._run_epoch(*arguments, **options)
        else:
            self.control.should_training_stop = True

    def compute_loss(self, model: Any, inputs: dict[str, Any], *arguments: Any, **options: Any) -> Any:
        """The model's own loss; remembers what the batch was made of."""
        self._ids = inputs["sample_ids"]
        self.tally.add(inputs, learned=model.training)
        kept = {name: inputs[name] for name in MODEL_INPUTS}
        if self.recipe.bf16:
            kept["images"] = kept["images"].to(torch.bfloat16)
        return super().compute_loss(model, kept, *arguments, **options)

    def log(self, logs: dict[str, float], *arguments: Any, **options: Any) -> None:
        """Log; beside a loss, the share of the epoch's positions so far that was padding."""
        if "loss" in logs:
            counted = torch.tensor([self.tally.positions, self.tally.padding], device=self.args.device)
            positions, padding = self.accelerator.reduce(counted).tolist()
            logs = {**logs, "padding": padding / max(1, positions)}
        super().log(logs, *arguments, **options)

    def training_step(self, *arguments: Any, **options: Any) -> Tensor:
        """One batch.

        Raises:
            TrainingError: the loss is not a number; says the step and the batch.
        """
        loss: Tensor = super().training_step(*arguments, **options)
        if not bool(torch.isfinite(loss)):
            raise self._stopped(f"the loss is {loss.item()}", self._ids)
        self._of_step.append((self._ids, loss))
        return loss

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        """The gradients' norm, once a step, in all processes, before the weights change.

        Raises:
            TrainingError: it is not a number, or the step's loss has jumped; names all samples of the step.
        """
        norm = super()._get_grad_norm(model, grad_norm)
        ids = [name for some, _ in self._of_step for name in some]
        mean = sum((loss for _, loss in self._of_step), torch.zeros((), device=self.args.device))
        self._of_step = []
        if norm is not None and not bool(torch.isfinite(torch.as_tensor(norm))):
            raise self._stopped(f"the gradient's norm is {float(norm)}", gather_object(ids))
        times = self.recipe.max_loss_spike
        if times is not None:
            loss = float(self.accelerator.gather(mean[None]).mean())
            if is_spike(loss, self.state.log_history, times):
                raise self._stopped(f"the loss jumped to {loss:.4g} (max_loss_spike {times})", gather_object(ids))
        return norm

    def _stopped(self, what: str, ids: Sequence[Any]) -> TrainingError:
        last = next(iter(reversed(checkpoints(Path(self.args.output_dir)))), None)
        return stopped(what, step=self.state.global_step + 1, ids=ids, last=last)

    def prediction_step(
        self, model: Any, inputs: dict[str, Any], prediction_loss_only: bool, ignore_keys: Any = None
    ) -> tuple[Any, Any, Any]:
        """The loss of a validation batch; logits are never kept.

        Raises:
            TrainingError: the loss is not a number; names the batch.
        """
        loss, _, _ = super().prediction_step(model, inputs, True, ignore_keys)
        if not bool(torch.isfinite(loss)):
            raise self._stopped(f"the validation loss is {loss.item()}", self._ids)
        return loss, None, None

    def evaluate(self, *arguments: Any, **options: Any) -> dict[str, float]:
        """Validation loss, and the scores of generated texts."""
        metrics: dict[str, float] = super().evaluate(*arguments, **options)
        if self.validation is not None and self.validation.question_ids:
            mine = self.validation.question_ids[self.args.process_index :: self.args.world_size]
            with whole_weights(self.model, self.accelerator):
                answered = self.validation.answers(mine)
            answers = gather_object(answered)
            if self.args.should_save:
                self.validation.write(answers, Path(self.args.output_dir), self.state.global_step)
            scores = {f"eval_{key}": value for key, value in self.validation.scores(answers).items()}
            self.log(dict(scores))
            metrics |= scores
        return metrics

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        is_best: bool = super()._determine_best_metric(metrics=metrics, trial=trial)
        if is_best:
            state = self._gathered()
            if self.args.should_save:
                with replacing(Path(self.args.output_dir) / BEST) as folder:
                    write_weights(folder, self.parts, self.recipe, state)
                    self.write_card(folder, {**_scores(metrics), "step": self.state.global_step})
        return is_best

    def _gathered(self) -> dict[str, Tensor] | None:
        """The weights where several processes hold parts of them: accelerate puts them together."""
        if self.is_deepspeed_enabled or self.is_fsdp_enabled:
            return gathered_weights(self.accelerator, self.model_wrapped)
        return None

    def save_final(self, scores: Mapping[str, Any]) -> None:
        """Write the trained weights, as they are after the last step, into the output folder itself."""
        state = self._gathered()
        if not self.args.should_save:
            return
        out = Path(self.args.output_dir)
        with replacing(out / ".final") as folder:
            write_weights(folder, self.parts, self.recipe, state)
            self.write_card(folder, scores)
        for path in sorted((out / ".final").iterdir(), key=lambda path: path.name == "config.json"):
            os.replace(path, out / path.name)
        (out / ".final").rmdir()

    def _get_output_dir(self, trial: Any) -> str:
        return self._output or super()._get_output_dir(trial)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        folder = Path(output_dir or self.args.output_dir)
        if self.args.should_save:
            folder.mkdir(parents=True, exist_ok=True)
            write_weights(folder, self.parts, self.recipe, state_dict, to_continue=True)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the weights of a checkpoint, in the layout of the final ones whatever the processes share."""
        self._save(output_dir, self._gathered())

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not self.is_fsdp_enabled:
            super()._save_optimizer_and_scheduler(output_dir)
            return
        # Theirs also writes the whole model once more, for a LoRA of some megabytes.
        save_fsdp_optimizer(
            self.accelerator.state.fsdp_plugin, self.accelerator, self.optimizer, self.model, output_dir
        )
        if self.args.should_save:
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / SCHEDULER)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Write a checkpoint aside, give it its name when it is whole, then forget all but the last and the best."""
        out = Path(self.args.output_dir)
        staging, name = out / SAVING, f"checkpoint-{self.state.global_step}"
        try:
            if self.args.should_save:
                shutil.rmtree(staging, ignore_errors=True)
                staging.mkdir(parents=True)
            self.accelerator.wait_for_everyone()
            self._output = str(staging)
            super()._save_checkpoint(model, trial)
            tally = self.tally.of_all_processes()
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                tally.write(staging / name)
                flush(staging)
                shutil.rmtree(out / name, ignore_errors=True)
                (staging / name).rename(out / name)
                keep = {name, f"checkpoint-{self.state.best_global_step}"}
                for path in checkpoints(out):
                    if path.name not in keep:
                        shutil.rmtree(path)
        except (OSError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not is_write_error(error):
                raise
            raise StorageError(
                f"cannot save ({first_line(error)})",
                where=out / name,
                hint="free some space; the same command continues from the checkpoint before",
            ) from error
        finally:
            self._output = None
            if self.args.should_save:
                shutil.rmtree(staging, ignore_errors=True)
            self.accelerator.wait_for_everyone()

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        with readable(Path(checkpoint or "")):
            super()._load_optimizer_and_scheduler(checkpoint)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        with readable(Path(checkpoint or "")):
            super()._load_rng_state(checkpoint)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        load_weights(Path(resume_from_checkpoint), self.parts, self.recipe, model if self.is_fsdp_enabled else None)


def checkpoints(out: Path) -> list[Path]:
    """The checkpoints in an output folder, oldest first; each is whole."""
    steps = ((whole_number(path.name.removeprefix("checkpoint-")), path) for path in out.glob("checkpoint-*"))
    return [path for _, path in sorted((step, path) for step, path in steps if step is not None)]


def _is_connector(name: str) -> bool:
    return "connector." in name


def _scores(metrics: Mapping[str, float]) -> dict[str, float]:
    """Validation scores by the keys of scores.json."""
    speed = ("runtime", "samples_per_second", "steps_per_second", "model_preparation_time")
    named = {name.removeprefix("eval_"): value for name, value in metrics.items() if name.startswith("eval_")}
    return {name: value for name, value in named.items() if name not in speed}

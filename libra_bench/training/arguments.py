"""A recipe in the words of transformers' Trainer."""

from __future__ import annotations

import os

import torch
from transformers import TrainingArguments

from benchmarks.errors import InputError
from libra_bench.training.recipe import Recipe, parallel_file
from libra_bench.training.validation import Best


def training_arguments(recipe: Recipe, best: Best, *, evaluates: bool) -> TrainingArguments:
    """The recipe in transformers' words."""
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    evaluation = ("steps" if recipe.eval_steps else "epoch") if evaluates else "no"
    if recipe.save_steps and not (evaluates and recipe.metric_for_best_model):
        saving, save_steps = "steps", recipe.save_steps
    elif evaluation == "steps":
        saving, save_steps = "steps", recipe.eval_steps or 1
    else:
        saving, save_steps = ("steps", recipe.save_steps) if recipe.save_steps else ("epoch", 500)
    reports = [name.strip() for name in recipe.report_to.split(",") if name.strip() not in ("", "none")]
    on_cpu = recipe.use_cpu or not torch.cuda.is_available()
    for name, settings in (("fsdp", recipe.fsdp), ("deepspeed", recipe.deepspeed)):
        if settings is not None and "LOCAL_RANK" not in os.environ:
            raise InputError(
                f"{name} shares the weights among several processes, and this is a single one",
                where="recipe",
                hint=f"start it with torchrun --nproc_per_node N --no_python libra-bench ..., or leave --{name} out",
            )
    return TrainingArguments(
        output_dir=recipe.output_dir,
        num_train_epochs=recipe.num_train_epochs,
        max_steps=recipe.max_steps,
        per_device_train_batch_size=recipe.per_device_train_batch_size,
        per_device_eval_batch_size=recipe.per_device_train_batch_size,
        gradient_accumulation_steps=recipe.accumulation(world_size),
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        warmup_steps=recipe.warmup_ratio,
        lr_scheduler_type=recipe.lr_scheduler_type,
        max_grad_norm=recipe.max_grad_norm,
        optim=recipe.optim,
        bf16=recipe.bf16,
        activation_checkpointing=recipe.gradient_checkpointing or None,
        activation_checkpointing_kwargs={"use_reentrant": False} if recipe.gradient_checkpointing else None,
        seed=recipe.seed,
        use_cpu=on_cpu,
        ddp_backend="gloo" if on_cpu and world_size > 1 else None,
        ddp_find_unused_parameters=False if world_size > 1 else None,
        dataloader_num_workers=recipe.dataloader_num_workers,
        dataloader_pin_memory=not on_cpu,
        deepspeed=None if recipe.deepspeed is None else str(parallel_file(recipe.deepspeed)),
        fsdp=None if recipe.fsdp is None else True,
        fsdp_config=None if recipe.fsdp is None else str(parallel_file(recipe.fsdp)),
        eval_strategy=evaluation,
        eval_steps=recipe.eval_steps,
        save_strategy=saving,
        save_steps=save_steps,
        metric_for_best_model=best.key if evaluates else None,
        greater_is_better=best.greater_is_better if evaluates else None,
        prediction_loss_only=True,
        label_names=["labels"],
        remove_unused_columns=False,
        logging_steps=recipe.logging_steps,
        logging_nan_inf_filter=False,
        report_to=reports or "none",
        disable_tqdm=True,
    )

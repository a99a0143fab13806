"""What a training recipe says, and what it must not.

Fields have the names that the original's command line has, where it has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.errors import InputError, UnknownNameError
from benchmarks.files.json_text import parse_json
from benchmarks.wording import first_line

Stage = Literal["align", "finetune"]
PARALLEL_FOLDER = Path(__file__).parent / "parallel"


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides a training run."""

    model_name_or_path: str = ""
    """The language model to start from (stage 1), or a whole Libra checkpoint: a folder, a hub id or libra-tiny."""
    version: str = "libra_v1"
    """Conversation template."""
    vision_tower: str | None = None
    """The vision tower's folder or hub id; none: the one that the checkpoint names."""
    mm_projector_type: str | None = None
    """Connector: TAC, linear or mlpNx_gelu; none: the checkpoint's."""
    mm_vision_select_layer: str | None = None
    """Which tower layers are read: "all" or an index; none: the checkpoint's."""
    mm_vision_select_feature: str | None = None
    """patch, or cls_patch to keep the CLS token; none: the checkpoint's, else patch."""
    pretrain_mm_mlp_adapter: str | None = None
    """Weights of a trained connector (mm_projector.bin of stage 1, or a .safetensors file)."""
    mm_use_im_start_end: bool = False
    """Put `<im_start>` and `<im_end>` around the image."""
    mm_use_im_patch_token: bool = False
    """Give the tokenizer an `<im_patch>` token, as the original can."""
    attn_implementation: str = "sdpa"
    """Attention of the language model: sdpa, eager or flash_attention_2."""

    tune_mm_mlp_adapter: bool = False
    """Train only the connector (stage 1)."""
    freeze_mm_mlp_adapter: bool = False
    """Freeze the connector (stage 2)."""
    freeze_backbone: bool = False
    """Freeze the language model."""
    mm_projector_dropout: float | None = None
    """Dropout of the temporal connector; none: as published (0.1)."""
    lora_enable: bool = False
    """Train low-rank updates of the language model's linear layers."""
    lora_r: int = 64
    """Rank of the LoRA updates."""
    lora_alpha: int = 16
    """The updates are multiplied by alpha / r."""
    lora_dropout: float = 0.05
    """Dropout before the updates."""
    lora_bias: Literal["none", "all", "lora_only"] = "none"
    """Which biases are trained with the updates."""

    data_path: str = ""
    """Training data: a JSON list (or JSON lines) in the published format, a suite file, or demo, which is shipped."""
    image_folder: str = "."
    """Folder that image paths in the data are relative to."""
    image_aspect_ratio: Literal["pad", "square"] = "pad"
    """pad: make images square with black bars; square: leave it to the tower's processor, which crops them."""
    image_policy: Literal["prior", "dummy"] = "prior"
    """prior: a study's prior image if it has one; dummy: always the current image again."""
    masking: Literal["replies", "original"] = "replies"
    """original: the published labels, which leave some well-formed samples out; see docs/training.md."""
    on_error: Literal["stop", "skip"] = "stop"
    """What to do with a sample that cannot be read: stop, or skip it and count it."""
    model_max_length: int = 2048
    """Longer samples are truncated, and counted."""
    group_by_modality_length: bool = False
    """The published order: batches that take equally long, samples with and without image in different steps."""
    length_group_steps: int | None = None
    """Sort the samples of N steps by length: each step gets samples of like length, little padding; none: 1."""
    cache_features: str | None = None
    """Folder that keeps the frozen tower's features, so that later epochs skip the encoder."""

    num_train_epochs: float = 1.0
    """Number of epochs."""
    max_steps: int = -1
    """Stop after this many optimiser steps; -1: as many as the epochs have."""
    global_batch_size: int = 16
    """Samples per optimiser step, over all processes; gradient accumulation follows from it."""
    per_device_train_batch_size: int = 1
    """Samples per process and batch."""
    learning_rate: float = 2e-5
    """Peak learning rate."""
    mm_projector_lr: float | None = None
    """The connector's own learning rate."""
    weight_decay: float = 0.0
    """Weight decay, except on norms and anything called bias."""
    warmup_ratio: float = 0.03
    """Share of the steps for warm-up, rounded up; the first step has rate 0."""
    lr_scheduler_type: str = "cosine"
    """Learning rate schedule after the warm-up."""
    max_grad_norm: float = 1.0
    """Gradients are clipped to this norm."""
    max_loss_spike: float | None = None
    """Stop before a step whose loss is more than this many times the median of the last 20 logged; none: never."""
    optim: str = "adamw_torch"
    """Optimiser, by transformers' name."""
    bf16: bool = False
    """Weights and arithmetic in bfloat16."""
    gradient_checkpointing: bool = False
    """Recompute activations instead of keeping them (gradient checkpointing)."""
    seed: int = 42
    """Seed of the order of the data and of dropout."""
    init_seed: int = 0
    """Seed of new weights: a connector without a file, the LoRA."""
    dataloader_num_workers: int = 0
    """Number of processes that read samples ahead."""
    deepspeed: str | None = None
    """A DeepSpeed configuration file, or the shipped one: zero2."""
    fsdp: str | None = None
    """transformers' settings of FSDP as a JSON file, or the shipped one: fsdp."""

    validation_data_path: str | None = None
    """Validation data in the format of the training data."""
    eval_steps: int | None = None
    """Validate (and save) every N steps; none: after each epoch."""
    validation_samples: int = 64
    """Number of validation samples for which text is generated, evenly spread; 0: loss only."""
    validation_metrics: str = "bleu,rouge_l,temporal_f1"
    """Metrics of the generated texts, as for `run --metrics`."""
    validation_protocol: str = "greedy"
    """Named decoding of the generated texts."""
    validation_max_new_tokens: int = 256
    """Maximum number of new tokens of a generated text."""
    metric_for_best_model: str = "loss"
    """What decides the best checkpoint: loss, or a key of scores.json (ROUGE-L, BLEU4, Temporal_entity_score, ...)."""
    early_stopping_patience: int | None = None
    """Stop after this many validations without improvement."""

    output_dir: str = ""
    """Checkpoints, logs and the trained weights."""
    save_steps: int | None = None
    """Save every N steps; none: with each validation, else after each epoch."""
    logging_steps: int = 1
    """Log every N steps."""
    report_to: str = "tensorboard"
    """tensorboard, wandb, none, or several with commas; log.jsonl is always written."""
    use_cpu: bool = False
    """Train on the CPU, even if there is an accelerator."""

    def accumulation(self, world_size: int) -> int:
        """Batches an optimiser step in each process.

        Raises:
            InputError: the global batch does not divide.
        """
        held = self.per_device_train_batch_size * world_size
        if self.global_batch_size % held:
            raise InputError(
                f"global_batch_size {self.global_batch_size} is no multiple of per_device_train_batch_size "
                f"{self.per_device_train_batch_size} x {world_size} processes",
                hint="change one of them",
            )
        return self.global_batch_size // held


def parallel_file(name: str) -> Path:
    """The file of a DeepSpeed or FSDP configuration: a path, or the name of a shipped one.

    Raises:
        UnknownNameError: neither.
    """
    shipped = {path.stem: path for path in PARALLEL_FOLDER.glob("*.json")}
    if Path(name).is_file():
        return Path(name)
    if name in shipped:
        return shipped[name]
    raise UnknownNameError("configuration", name, shipped, hint="or give a JSON file")


def check_recipe(recipe: Recipe, stage: Stage) -> None:
    """Refuse a recipe that cannot be meant.

    Raises:
        InputError: names the fields that are missing or contradict each other.
    """
    for field in ("model_name_or_path", "data_path", "output_dir"):
        if not getattr(recipe, field):
            raise InputError(f"{field} is not set", hint=f"set it in the recipe or with --{field.replace('_', '-')}")
    contradictions = [
        (recipe.tune_mm_mlp_adapter and recipe.freeze_mm_mlp_adapter, "tune_mm_mlp_adapter and freeze_mm_mlp_adapter"),
        (recipe.tune_mm_mlp_adapter and recipe.lora_enable, "tune_mm_mlp_adapter (connector alone) and lora_enable"),
        (
            recipe.freeze_backbone and recipe.freeze_mm_mlp_adapter and not recipe.lora_enable,
            "freeze_backbone and freeze_mm_mlp_adapter leave nothing to train; they",
        ),
        (stage == "align" and not recipe.tune_mm_mlp_adapter, "`train align` and tune_mm_mlp_adapter: false"),
        (stage == "finetune" and recipe.tune_mm_mlp_adapter, "`train finetune` and tune_mm_mlp_adapter: true"),
        (bool(recipe.deepspeed and recipe.fsdp), "deepspeed and fsdp"),
        (
            recipe.length_group_steps is not None and not recipe.group_by_modality_length,
            "length_group_steps and group_by_modality_length: false",
        ),
        (
            recipe.metric_for_best_model != "loss" and not recipe.validation_samples,
            f"metric_for_best_model {recipe.metric_for_best_model} and validation_samples 0",
        ),
        (
            recipe.early_stopping_patience is not None and not recipe.validation_data_path,
            "early_stopping_patience without validation_data_path",
        ),
    ]
    for contradicts, names in contradictions:
        if contradicts:
            raise InputError(f"{names} contradict each other", where="recipe", hint="change one of them")
    for configuration in (recipe.deepspeed, recipe.fsdp):
        if configuration is not None:
            parallel_file(configuration)
    if recipe.deepspeed is not None:
        _check_zero_stage(parallel_file(recipe.deepspeed))
    positive = (
        "global_batch_size per_device_train_batch_size lora_r logging_steps model_max_length validation_max_new_tokens"
    )
    for field in positive.split():
        if getattr(recipe, field) < 1:
            raise InputError(f"{field} must be at least 1, not {getattr(recipe, field)}", where="recipe")
    if recipe.max_loss_spike is not None and recipe.max_loss_spike <= 1:
        raise InputError(f"max_loss_spike must be above 1, not {recipe.max_loss_spike:g}", where="recipe")
    for field in ("eval_steps", "save_steps", "early_stopping_patience", "length_group_steps"):
        if getattr(recipe, field) is not None and getattr(recipe, field) < 1:
            raise InputError(f"{field} must be at least 1, not {getattr(recipe, field)}", where="recipe")
    if recipe.max_steps < 1 and recipe.num_train_epochs <= 0:
        raise InputError("num_train_epochs must be above 0, or max_steps at least 1", where="recipe")


def _check_zero_stage(path: Path) -> None:
    """Refuse ZeRO-3: it gathers with every call of a layer, and how often the tower is called depends on the batch.

    Raises:
        InputError: stage 3, or no JSON object.
    """
    try:
        settings = parse_json(path.read_bytes())
    except ValueError as error:
        raise InputError(f"is no JSON ({first_line(error)})", where=path) from error
    zero = settings.get("zero_optimization") if isinstance(settings, dict) else None
    if isinstance(zero, dict) and zero.get("stage") == 3:
        raise InputError(
            "ZeRO-3 is not supported: it hangs where the processes' batches differ in kind (with and without priors)",
            where=path,
            hint="--fsdp fsdp shares the same among the processes",
        )

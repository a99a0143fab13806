"""What a training run would do: parameters, steps, memory, and one sample with its labels."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from benchmarks.errors import LibraBenchError
from libra_bench.training.preparation import Prepared
from model_adapters.libra.network.marks import IGNORED_LABEL, IMAGE_TOKEN

ACTIVATIONS = 34
"""Bytes an activation of each layer's width takes in half precision when nothing is computed twice (Korthikanti et
al., 2022); attention itself keeps nothing of quadratic size."""
OPTIMIZER_STATES = 2
"""AdamW's means and squares, in the type of the weights."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The facts of a run before it begins."""

    parameters: dict[str, tuple[int, int]]
    """Module -> (trainable, all)."""
    samples: int
    steps: int
    global_batch: int
    processes: int
    accumulation: int
    memory_mb: dict[str, float]
    """Per process, estimated: weights, gradients, optimiser states, activations."""
    sample: str
    """The first sample as text; what is learned is in [[ ]]."""
    sample_ids: int
    """Positions it takes, image included."""

    def lines(self) -> list[str]:
        """For people."""
        total = [sum(counts) for counts in zip(*self.parameters.values(), strict=True)]
        table = {**self.parameters, "total": (total[0], total[1])}
        return [
            *(f"{name}: {learns:,} of {of:,} parameters are trained" for name, (learns, of) in table.items()),
            f"{self.samples:,} samples, {self.steps:,} steps of {self.global_batch} samples "
            f"({self.processes} process{'es' * (self.processes > 1)} x {self.accumulation} accumulated)",
            "memory per process, estimated: "
            + ", ".join(f"{name} {size:,.0f} MB" for name, size in self.memory_mb.items()),
            f"first sample ({self.sample_ids} positions; learned: [[ ]]):",
            self.sample,
        ]

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return dataclasses.asdict(self)


def plan_of(prepared: Prepared, processes: int) -> Plan:
    """What training would do with so many processes.

    Raises:
        InputError: the global batch does not divide.
    """
    recipe, model = prepared.recipe, prepared.parts.model
    modules = {"vision tower": model.tower, "connector": model.connector, "language model": model.language_model}
    parameters = {
        name: (
            sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad),
            sum(parameter.numel() for parameter in module.parameters()),
        )
        for name, module in modules.items()
    }
    accumulation = recipe.accumulation(processes)
    batches = math.ceil(math.ceil(len(prepared.data) / processes) / recipe.per_device_train_batch_size)
    steps_an_epoch = max(1, math.ceil(batches / accumulation))
    steps = recipe.max_steps if recipe.max_steps > 0 else math.ceil(steps_an_epoch * recipe.num_train_epochs)
    text, positions, learned = _sample(prepared)
    return Plan(
        parameters,
        len(prepared.data),
        steps,
        recipe.global_batch_size,
        processes,
        accumulation,
        _memory(prepared, parameters, positions, learned),
        text,
        positions,
    )


def _memory(
    prepared: Prepared, parameters: dict[str, tuple[int, int]], positions: int, learned: int
) -> dict[str, float]:
    recipe, config = prepared.recipe, prepared.parts.model.language_model.config
    size = 2 if recipe.bf16 else 4
    learning = sum(learns for learns, _ in parameters.values())
    held = 2 * config.hidden_size if recipe.gradient_checkpointing else ACTIVATIONS * config.hidden_size * size / 2
    tokens = recipe.per_device_train_batch_size * positions
    logits = recipe.per_device_train_batch_size * learned * config.vocab_size * (size + 4)
    layers = config.num_hidden_layers
    bytes_of = {
        "weights": size * sum(count for _, count in parameters.values()),
        "gradients": size * learning,
        "optimiser": OPTIMIZER_STATES * size * learning,
        "activations": tokens * held * layers + logits,
    }
    return {name: round(value / 2**20, 1) for name, value in bytes_of.items()}


def _sample(prepared: Prepared) -> tuple[str, int, int]:
    """The first sample that can be read, decoded, with what is learned in [[ ]]; its positions, and those learned."""
    data, tokenizer = prepared.data, prepared.parts.tokenizer
    for number in range(len(data)):
        sample = data.samples[number]
        try:
            tokens = data.conversations.tokens(sample["conversations"], has_image="image" in sample)
        except LibraBenchError:
            continue
        pieces: list[str] = []
        run: list[int] = []
        learned = False
        for index, label in [*zip(tokens.input_ids, tokens.labels, strict=True), (None, None)]:
            learns = label is not None and label != IGNORED_LABEL
            if run and (index is None or index == IMAGE_TOKEN or learns != learned):
                text = tokenizer.decode(run)
                pieces.append(f"[[{text}]]" if learned else text)
                run = []
            if index == IMAGE_TOKEN:
                pieces.append("<image>")
            elif index is not None:
                run.append(index)
            learned = learns
        images = tokens.input_ids.count(IMAGE_TOKEN)
        return " ".join(pieces), len(tokens.input_ids) + images * (data.num_patches - 1), tokens.num_learned
    return "", 0, 0

"""One way of training a model of random weights, step by step at request: what `bench_training.py` starts and times.

    python scripts/training_ways.py WAY JOB

`features` is `libra-bench train` with the frozen tower's features from disk, `pixels` without. `plain` is a loop that
does what the original does: each image of a batch is encoded, the language model is told of the padding and gives
logits for every position, over the whole vocabulary; it reads and prepares the data by our code. Each line on stdin
asks for one step; the answer is a line of JSON. At the end of stdin a last line tells of memory.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator
from bench_generation import SHAPES
from torch import Tensor
from transformers import (
    CLIPImageProcessorPil,
    Dinov2Config,
    Dinov2Model,
    LlamaConfig,
    LlamaForCausalLM,
    TrainerCallback,
)

from benchmarks.files import write_json
from benchmarks.phantoms import write_phantoms
from libra_bench.training.feature_cache import fill_cache
from libra_bench.training.preparation import Prepared, prepare
from libra_bench.training.recipe import Stage
from libra_bench.training.recipe_file import Origins, load_recipe
from libra_bench.training.train import train
from libra_bench.training.trainer import LibraTrainer
from model_adapters.libra.network.model import LibraModel

Way = Literal["features", "pixels", "plain"]
WAYS: tuple[Way, ...] = ("features", "pixels", "plain")
RATE = 2e-5
TOKENIZER = Path(__file__).parents[1] / "model_adapters" / "data" / "libra-tiny"


@dataclass(frozen=True, slots=True)
class Job:
    """What is trained."""

    folder: str
    """Holds the data; what is made for it is put there, too."""
    stage: Stage
    batch: int
    patients: int = 24
    shape: str = "mid"
    vocabulary: int = 704
    full: bool = False
    """Stage 2 trains all weights of the language model instead of a LoRA."""
    attention: str = "sdpa"
    """Of the plain loop."""
    optim: str = "adamw_torch"
    """Of ours."""
    group_steps: int | None = None
    """Steps whose samples are sorted by length; none: samples as they come."""
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """An optimiser step, the reading of its batch included."""

    seconds: float
    cpu_seconds: float
    loss: float


def write_data(job: Job) -> None:
    """Phantoms; replies of 60 to 200 tokens, as those of chest X-ray reports; in stage 1 every second one is short."""
    folder, random = Path(job.folder), np.random.default_rng(0)
    write_phantoms(folder, patients=job.patients, seed=3, image_size=300)
    samples = json.loads((folder / "train.json").read_text())
    findings = [sample["conversations"][1]["value"] for sample in samples]
    for sample in samples:
        sample["conversations"][1]["value"] = " ".join(random.choice(findings, random.integers(2, 6)))
    write_json(folder / "finetune.json", samples)
    for number, sample in enumerate(samples[1::2]):
        human, reply = sample["conversations"]
        human["value"] = "<image>\nIs there a pleural effusion?"
        reply["value"] = ("no", "yes, a small one")[number % 2]
    write_json(folder / "align.json", samples)


def write_model(job: Job) -> None:
    """A language model and a tower of random weights, as training finds them on disk."""
    torch.manual_seed(0)
    sizes, folder = SHAPES[job.shape], Path(job.folder)
    config = LlamaConfig(
        vocab_size=job.vocabulary, max_position_embeddings=4096, bos_token_id=1, eos_token_id=2, **sizes["decoder"]
    )
    LlamaForCausalLM(config).save_pretrained(folder / "llm")
    for path in TOKENIZER.glob("*token*"):
        shutil.copy(path, folder / "llm")
    Dinov2Model(Dinov2Config(patch_size=14, **sizes["tower"])).save_pretrained(folder / "tower")
    side = sizes["tower"]["image_size"]
    CLIPImageProcessorPil(
        size={"shortest_edge": side},
        crop_size={"height": side, "width": side},
        image_mean=[0.53] * 3,
        image_std=[0.26] * 3,
    ).save_pretrained(folder / "tower")


def recipe(job: Job, way: Way) -> Origins:
    """The published recipe's parts and order; without dropout, so that losses can be compared."""
    folder = Path(job.folder)
    flags: dict[str, object] = {
        "model_name_or_path": folder / "llm",
        "vision_tower": folder / "tower",
        "data_path": folder / f"{job.stage}.json",
        "image_folder": folder,
        "output_dir": folder / f"out-{job.stage}-{way}",
        "attn_implementation": job.attention if way == "plain" else "sdpa",
        "global_batch_size": job.batch,
        "per_device_train_batch_size": job.batch,
        "optim": job.optim,
        "group_by_modality_length": job.group_steps is not None,
        "length_group_steps": job.group_steps,
        "lora_dropout": 0,
        "mm_projector_dropout": 0,
        "learning_rate": RATE,
        "lr_scheduler_type": "constant",
        "warmup_ratio": 0,
        "metric_for_best_model": "loss",
        "logging_steps": 1,
        "use_cpu": True,
    }
    if way == "features":
        flags["cache_features"] = folder / "features"
    if job.stage == "finetune" and job.full:
        flags |= {"lora_enable": False, "freeze_backbone": False}
    given = {name: str(value) for name, value in flags.items() if value is not None}
    return load_recipe(f"phantom-{job.stage}", job.stage, given)


def encode_all(job: Job) -> float:
    """Fill the cache of features; the seconds that it took."""
    prepared = prepare(recipe(job, "features"), job.stage)
    began = time.perf_counter()
    fill_cache(prepared, Accelerator(cpu=True), lambda text: None)
    return time.perf_counter() - began


def padding(job: Job, patches: int) -> dict[str, float]:
    """Order -> share of an epoch's positions that is padding, for images of so many positions; no image is read."""
    prepared = prepare(recipe(job, "pixels"), job.stage)
    data = prepared.data
    widths = []
    for number in range(len(data)):
        tokens = data.conversations.tokens(data.samples[number]["conversations"], has_image=True)
        widths.append(len(tokens.input_ids) - 1 + patches)
    shares: dict[str, float] = {}
    for name, steps in (("as they come", None), ("in the published order", 1), ("with 50 steps sorted", 50)):
        order = trainer_of(prepared, recipe(replace(job, group_steps=steps), "pixels"))._get_train_sampler() or ()
        sorted_widths = [widths[number] for number in order]
        batches = [sorted_widths[start : start + job.batch] for start in range(0, len(widths), job.batch)]
        shares[name] = 1 - sum(widths) / sum(max(batch) * len(batch) for batch in batches)
    return shares


class Turns(TrainerCallback):
    """Waits for a request before each step, and answers when it is done."""

    def __init__(self) -> None:
        self.began = self.cpu_began = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Before the first step."""
        self.ready()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """After each step: its loss is logged."""
        if logs is not None and "loss" in logs:
            self.done(logs["loss"])
            self.wait()

    def ready(self) -> None:
        """Say so, and wait for the first request."""
        print(json.dumps({"loaded_mb": peak_mb()}), flush=True)
        self.wait()

    def done(self, loss: float) -> None:
        """Answer."""
        step = Step(time.perf_counter() - self.began, time.process_time() - self.cpu_began, loss)
        print(json.dumps(asdict(step)), flush=True)

    def wait(self) -> None:
        """For the next request; ends the process when there is none."""
        if not sys.stdin.readline():
            print(json.dumps({"peak_mb": peak_mb()}), flush=True)
            os._exit(0)  # nothing is saved
        self.began, self.cpu_began = time.perf_counter(), time.process_time()


def peak_mb() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def trainer_of(prepared: Prepared, origins: Origins) -> LibraTrainer:
    """The Trainer, for the order of its samples."""
    return LibraTrainer(
        prepared.parts,
        origins.recipe,
        prepared.data,
        None,
        validation=None,
        best=prepared.best,
        write_card=lambda folder, scores: None,
        collator=prepared.collator,
    )


def plain_image_features(model: LibraModel, pixels_2B3HW: Tensor) -> Tensor:
    """Current images and prior ones through the tower, however often each is shown."""
    current, prior = (model.tower_features(pixels_B3HW) for pixels_B3HW in pixels_2B3HW)
    return model.connect(current, prior)


def plain_loop(prepared: Prepared, origins: Origins, turns: Turns) -> None:
    """Forward, backward, clipping and update, an epoch long."""
    batches = trainer_of(prepared, origins).get_train_dataloader()
    model = prepared.parts.model.train()
    weights = [weight for _, weight in model.named_trainable()]
    optimizer = torch.optim.AdamW(weights, lr=RATE, weight_decay=0.0)
    turns.ready()
    for batch in batches:
        features = plain_image_features(model, batch["images"])
        embeddings, mask, labels = model.splice(batch["input_ids"], batch["attention_mask"], features, batch["labels"])
        loss = model.language_model(inputs_embeds=embeddings, attention_mask=mask, labels=labels, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        turns.done(loss.item())
        turns.wait()


def main() -> None:
    """One way, until nobody asks any more."""
    way, job = sys.argv[1], Job(**json.loads(sys.argv[2]))
    if job.threads:
        torch.set_num_threads(job.threads)
    origins = recipe(job, way)
    prepared = prepare(origins, job.stage)
    if way == "plain":
        plain_loop(prepared, origins, Turns())
    else:
        train(prepared, origins, [Turns()], lambda text: None)


if __name__ == "__main__":
    main()

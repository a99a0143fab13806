"""Warm up libra-tiny: give its tower and its decoder what a published tower and decoder bring along.

RAD-DINO has seen radiographs and Meditron has read reports before Libra is trained; random weights have not. So the
tower learns to tell the size of every finding on a phantom's picture, and the decoder learns to word phantom reports
from a listing of what was drawn. Neither sees the other; the connector that joins them stays random, and its
training is the real one (`libra-bench train align`, `train finetune`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import Dinov2Model, LlamaConfig, LlamaForCausalLM

from benchmarks.phantoms.history import SIDES, Finding
from benchmarks.phantoms.stream import Stream
from benchmarks.phantoms.writing import TASKS, Study, phantom_studies, training_record
from model_adapters.libra.inputs.image_processing import load_image_processor, preprocess
from model_adapters.libra.inputs.tokenizer import LibraTokenizer
from model_adapters.libra.network.marks import IMAGE_TOKEN
from model_adapters.templates import render, template

CONV_MODE = "libra_v1"
WIDTH = 49
"""Positions that an image takes: 112 px in patches of 16."""
LEVELS = 4
SLOTS = (
    *(Finding("PICC", side) for side in SIDES),
    *(Finding("lung opacity", side, zone) for side in SIDES for zone in ("upper", "mid")),
    *(Finding("pleural effusion", side) for side in SIDES),
    *(Finding("pneumothorax", side) for side in SIDES),
    Finding("cardiomegaly"),
)
"""Every finding that a phantom may have."""
SHOT = ((-0.025, 0.025), (0.97, 1.03), (-0.025, 0.025), (-0.025, 0.025))
"""Ranges of a shot's turn, zoom and shifts: what differs between two pictures of a patient where nothing changed."""


def levels_of(study: Study) -> list[int]:
    """The size of every slot's finding on the current picture."""
    return [study.visit.levels.get(finding, 0) for finding in SLOTS]


def shot_of(study: Study) -> list[float]:
    """How the picture was positioned, each number in -1 to 1 (the first four that `draw_study` draws for a shot)."""
    stream = Stream(study.patient.seed, study.patient.number, 2, study.visit.number)
    return [2 * (stream.uniform(low, high) - low) / (high - low) - 1 for low, high in SHOT]


class Readout(nn.Module):
    """Findings' sizes and the shot's position, read from patch features by one linear layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, len(SLOTS) * LEVELS + len(SHOT))

    def loss(self, features_BC: Tensor, levels_BF: Tensor, shots_B4: Tensor) -> Tensor:
        """Cross entropy of the sizes plus squared error of the position."""
        out = self.linear(features_BC)
        logits_BFL = out[:, : len(SLOTS) * LEVELS].reshape(-1, len(SLOTS), LEVELS)
        sizes = functional.cross_entropy(logits_BFL.flatten(0, 1), levels_BF.flatten())
        return sizes + 0.3 * functional.mse_loss(out[:, len(SLOTS) * LEVELS :], shots_B4)

    def right(self, features_BC: Tensor, levels_BF: Tensor) -> Tensor:
        """Which sizes are read right."""
        logits = self.linear(features_BC)[:, : len(SLOTS) * LEVELS].reshape(-1, len(SLOTS), LEVELS)
        return logits.argmax(-1) == levels_BF


def warm_up_tower(folder: Path, images: Path, studies: Sequence[Study], *, epochs: int, seed: int) -> None:
    """Teach the tower in `folder` what phantoms show; its weights are replaced."""
    torch.manual_seed(seed)
    order = random.Random(seed)
    tower = Dinov2Model.from_pretrained(folder, dtype=torch.float32)
    readout = Readout(tower.config.hidden_size)
    pixels = read_pixels(folder, images, studies)
    levels = torch.tensor([levels_of(study) for study in studies])
    shots = torch.tensor([shot_of(study) for study in studies])
    parameters = [*tower.parameters(), *readout.parameters()]
    batch, held_out = 32, max(64, len(studies) // 20)
    steps = epochs * ((len(studies) - held_out) // batch)
    optimizer = torch.optim.AdamW(parameters, lr=1.5e-3, weight_decay=0.02, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.5e-3, total_steps=steps, pct_start=0.1)
    began, step = time.perf_counter(), 0
    indices = list(range(held_out, len(studies)))
    for epoch in range(epochs):
        order.shuffle(indices)
        for start in range(0, len(indices) - batch + 1, batch):
            chosen = indices[start : start + batch]
            hidden = tower(augment(pixels[chosen]), output_hidden_states=True).hidden_states[-1][:, 1:]
            place = torch.randint(hidden.shape[1], (batch,))
            loss = readout.loss(hidden.mean(1), levels[chosen], shots[chosen])
            loss = loss + readout.loss(hidden[torch.arange(batch), place], levels[chosen], shots[chosen])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            if step % 50 == 0:
                print(
                    f"tower step {step}/{steps} loss {loss.item():.3f} {time.perf_counter() - began:.0f} s", flush=True
                )
        with torch.no_grad():
            hidden = tower(as_floats(pixels[:held_out]), output_hidden_states=True).hidden_states[-1][:, 1:]
            right = readout.right(hidden.mean(1), levels[:held_out])
        worst = min(zip(right.float().mean(0).tolist(), [slot.name for slot in SLOTS], strict=True))
        print(f"tower epoch {epoch + 1}: {100 * right.float().mean():.1f} % of sizes right, worst {worst}", flush=True)
        if epoch % 2 or epoch + 1 == epochs:
            save_tower(tower, folder)


def save_tower(tower: Any, folder: Path) -> None:
    """Replace the tower's weights, in half precision and under their published names."""
    held = {name: weight.detach().clone() for name, weight in tower.state_dict().items()}
    tower.half().save_pretrained(folder)
    tower.float().load_state_dict(held)


def read_pixels(folder: Path, images: Path, studies: Sequence[Study]) -> Tensor:
    """The processor's pixels of every study, [B, 1, H, W] in half precision (phantoms are grey)."""
    processor = load_image_processor(folder)
    found = []
    for study in studies:
        picture = Image.open(images / study.images[0]).convert("RGB")
        found.append(preprocess([picture], processor, "pad")[0, :1].half())
    return torch.stack(found)


def as_floats(pixels_B1HW: Tensor) -> Tensor:
    """Three equal channels in single precision."""
    return pixels_B1HW.float().expand(-1, 3, -1, -1)


def augment(pixels_B1HW: Tensor) -> Tensor:
    """A little blur (larger pictures are blurred when they are made small), brightness, contrast and noise."""
    x = pixels_B1HW.float()
    blurred = functional.avg_pool2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    some = torch.rand(len(x), 1, 1, 1)
    x = x + 0.6 * some * (blurred - x)
    x = x * (1 + 0.06 * torch.randn(len(x), 1, 1, 1)) + 0.06 * torch.randn(len(x), 1, 1, 1)
    return (x + 0.05 * torch.randn_like(x)).expand(-1, 3, -1, -1)


def listing(study: Study, with_prior: bool, rng: random.Random, encode: Callable[[str], list[int]]) -> list[int]:
    """Token ids that say what was drawn, in random order and said again until WIDTH tokens are filled."""
    prior = study.prior if with_prior else None
    facts = []
    for finding in SLOTS:
        now = study.visit.levels.get(finding, 0)
        before = prior.levels.get(finding, 0) if prior else 0
        if now or before:
            facts.append(
                f"{finding.name} {_size(finding, now)}" + (f" since {_size(finding, before)}." if prior else ".")
            )
    facts.append("prior image." if prior else "No prior image.")
    ids: list[int] = []
    while len(ids) < WIDTH:
        rng.shuffle(facts)
        for fact in facts:
            ids += encode(fact)[1:]
    return ids[:WIDTH]


def _size(finding: Finding, level: int) -> str:
    return (finding.size(level) or "present") if level else "none"


class Codes(nn.Module):
    """Vectors in the image's place that say what was drawn: a stand-in for a connector, thrown away afterwards.

    Every position tells a random part of the facts, so that the decoder learns to listen to all of them.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.now = nn.Parameter(0.05 * torch.randn(len(SLOTS), LEVELS, width))
        self.before = nn.Parameter(0.05 * torch.randn(len(SLOTS), LEVELS + 1, width))

    def forward(self, facts_B2F: Tensor) -> Tensor:
        """Vectors [B, WIDTH, H] of sizes now and before (LEVELS where there is no prior image)."""
        slots = torch.arange(len(SLOTS))
        told_BFH = self.now[slots, facts_B2F[:, 0]] + self.before[slots, facts_B2F[:, 1]]
        told = torch.rand(len(facts_B2F), WIDTH, len(SLOTS)) < 0.6
        vectors_BNH = told.float() @ told_BFH
        return vectors_BNH + 0.05 * torch.randn_like(vectors_BNH)


def warm_up_decoder(folder: Path, studies: Sequence[Study], *, steps: int, code_steps: int, seed: int) -> None:
    """Teach the decoder in `folder` to word reports and answers; its weights are replaced.

    First it reads what was drawn as a listing in words, then as vectors in the image's place.
    """
    torch.manual_seed(seed)
    rng = random.Random(seed)
    tokenizer = LibraTokenizer.load(folder)
    weights = load_file(folder / "model.safetensors")
    decoder = LlamaForCausalLM(LlamaConfig.from_pretrained(folder))
    decoder.load_state_dict({n: w.float() for n, w in weights.items() if not n.startswith("model.mm_projector.")})
    codes = Codes(decoder.config.hidden_size)
    samples = decoder_samples(studies, tokenizer, rng)
    decoder.train()
    for phase, count, rate in (("words", steps, 1.5e-3), ("vectors", code_steps, 1e-3)):
        if not count:
            continue
        learning = [*decoder.parameters(), *(codes.parameters() if phase == "vectors" else ())]
        optimizer = torch.optim.AdamW(learning, lr=rate, weight_decay=0.01, betas=(0.9, 0.98))
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=count, pct_start=0.05)
        began, total = time.perf_counter(), 0.0
        for step in range(1, count + 1):
            batch = [next(samples) for _ in range(24)]
            ids, labels, mask = collate(batch)
            embeddings = decoder.get_input_embeddings()(ids)
            if phase == "vectors":
                vectors = codes(torch.tensor([sample.facts for sample in batch]))
                rows = [
                    torch.cat([row[: sample.place], vector, row[sample.place + WIDTH :]])
                    for row, sample, vector in zip(embeddings, batch, vectors, strict=True)
                ]
                embeddings = torch.stack(rows)
            loss = decoder(inputs_embeds=embeddings, attention_mask=mask, labels=labels).loss
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(learning, 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item()
            if step % 50 == 0:
                told = f"decoder ({phase}) step {step}/{count} loss {total / 50:.3f}"
                print(f"{told} {time.perf_counter() - began:.0f} s", flush=True)
                total = 0.0
    trained = {name: weight.detach().half().contiguous() for name, weight in decoder.state_dict().items()}
    save_file(weights | trained, folder / "model.safetensors", metadata={"format": "pt"})


@dataclass(frozen=True, slots=True)
class Sample:
    """A conversation for the decoder."""

    ids: list[int]
    """With the listing in the image's place."""
    start: int
    """Where the reply begins."""
    place: int
    """Where the listing begins."""
    facts: list[list[int]]
    """Sizes now and before."""


def decoder_samples(studies: Sequence[Study], tokenizer: LibraTokenizer, rng: random.Random) -> Iterator[Sample]:
    """Endless: half of them findings, half the other tasks."""
    form = template(CONV_MODE)
    while True:
        study = rng.choice(studies)
        task = "findings" if rng.random() < 0.5 else rng.choice(["impressions", "vqa", "diff-vqa"])
        records = TASKS[task](study)
        if not records:
            continue
        record = rng.choice(records)
        human, reply = (turn["value"] for turn in training_record(record)["conversations"])
        prompt = tokenizer.encode_prompt(render(form, [human, None]))
        whole = tokenizer.encode_prompt(render(form, [human, reply]))
        place = whole.index(IMAGE_TOKEN)
        facts = listing(study, len(record["image"]) > 1, rng, tokenizer.encode)
        prior = study.prior if len(record["image"]) > 1 else None
        before = [LEVELS] * len(SLOTS) if prior is None else [prior.levels.get(finding, 0) for finding in SLOTS]
        ids = [*whole[:place], *facts, *whole[place + 1 :]]
        yield Sample(ids, len(prompt) + WIDTH - 1, place, [levels_of(study), before])


def collate(samples: Sequence[Sample]) -> tuple[Tensor, Tensor, Tensor]:
    """Token ids, labels (the reply alone) and mask, padded on the right."""
    longest = max(len(sample.ids) for sample in samples)
    ids_BT = torch.zeros(len(samples), longest, dtype=torch.long)
    labels_BT, mask_BT = torch.full_like(ids_BT, -100), torch.zeros_like(ids_BT)
    for row, sample in enumerate(samples):
        length = len(sample.ids)
        ids_BT[row, :length] = torch.tensor(sample.ids)
        labels_BT[row, sample.start : length] = ids_BT[row, sample.start : length]
        mask_BT[row, :length] = 1
    return ids_BT, labels_BT, mask_BT


def text_studies(patients: int, seed: int) -> list[Study]:
    """Phantoms of which nothing is drawn."""
    return list(phantom_studies(patients, seed))

"""One way of generating, measured in a process of its own: ours, or what the original program does.

    python scripts/generation_ways.py {ours,original} OPTIONS-AS-JSON

Prints one JSON object. `bench_generation.py` starts it. A random model; the same weights, prompts and images for both
ways. The original's way is transformers' own `generate` with its n-gram filter and the published stop criterion, one
study at a time: both images are encoded once per beam (the current one twice where there is no prior), the connector
convolves and keeps its attention weights, and each beam's prompt is prefilled with the logits of every position.
Studies are visits of a patient, so the prior image of one is the current image of another.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from hardware_limits import limits
from PIL import Image
from torch.nn.functional import conv2d
from transformers import (
    CLIPImageProcessorPil,
    Dinov2Config,
    Dinov2Model,
    LlamaConfig,
    LlamaForCausalLM,
    StoppingCriteria,
    StoppingCriteriaList,
)

from benchmarks.images import read_radiograph
from benchmarks.schema import Question
from model_adapters.adapter import Decoding, ModelSpec
from model_adapters.checkpoints.onednn import use_onednn
from model_adapters.libra.adapter import LibraAdapter
from model_adapters.libra.assembly import assemble_prompts
from model_adapters.libra.checkpoint.loading import LoadedLibra
from model_adapters.libra.generator import TextGenerator
from model_adapters.libra.inputs.image_processing import mean_colour, pad_to_square
from model_adapters.libra.inputs.tokenizer import LibraTokenizer
from model_adapters.libra.network.connectors import TemporalAlignmentConnector, build_connector
from model_adapters.libra.network.marks import IMAGE_TOKEN
from model_adapters.libra.network.model import LibraModel
from model_adapters.libra.network.towers import VisionTower
from model_adapters.templates import render, template

TOKENIZER = Path(__file__).parents[1] / "model_adapters" / "data" / "libra-tiny"
VISITS = 4
NGRAM = 3
SHAPES: dict[str, dict[str, dict[str, int]]] = {
    "mid": {
        "decoder": {"hidden_size": 512, "intermediate_size": 1376, "num_hidden_layers": 8, "num_attention_heads": 8},
        "tower": {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6, "image_size": 224},
    },
    "7b": {
        "decoder": {
            "hidden_size": 4096,
            "intermediate_size": 11008,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
        },
        "tower": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "image_size": 518},
    },
    "tiny": {
        "decoder": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4},
        "tower": {"hidden_size": 48, "num_hidden_layers": 12, "num_attention_heads": 4, "image_size": 56},
    },
}


def random_libra(shape: str, device: str, dtype: torch.dtype, tokenizer: LibraTokenizer) -> LoadedLibra:
    """A Libra with random weights; the output layer is wide, so that the best tokens are clearly separated."""
    torch.manual_seed(0)
    sizes = SHAPES[shape]
    vocabulary = len(tokenizer) if shape != "7b" else 32000
    with torch.device(device):
        tower = VisionTower(Dinov2Model(Dinov2Config(patch_size=14, **sizes["tower"])).to(dtype))
        decoder_config = LlamaConfig(vocab_size=vocabulary, max_position_embeddings=4096, **sizes["decoder"])
        torch.set_default_dtype(dtype)
        decoder = LlamaForCausalLM(decoder_config)
        connector = build_connector(
            "TAC",
            mm_hidden_size=tower.hidden_size,
            hidden_size=decoder_config.hidden_size,
            num_attention_heads=decoder_config.num_attention_heads,
        )
        torch.set_default_dtype(torch.float32)
    with torch.no_grad():
        decoder.lm_head.weight.mul_(15)
    model = LibraModel(tower.eval(), connector.eval(), decoder.eval())
    side = sizes["tower"]["image_size"]
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": side},
        crop_size={"height": side, "width": side},
        image_mean=[0.53] * 3,
        image_std=[0.26] * 3,
    )
    return LoadedLibra(
        model=model.requires_grad_(False),
        config={"image_aspect_ratio": "pad", "max_position_embeddings": 4096, "tokenizer_model_max_length": 4096},
        image_processor=processor,
        folder=TOKENIZER,
        tower_folder=TOKENIZER,
        tokenizer_folder=TOKENIZER,
        family="llama",
        eos_token_ids=(2,),
        bos_token_id=1,
        pad_token_id=0,
    )


def make_questions(count: int, folder: Path) -> list[Question]:
    """Patients with several visits, prompts of several lengths."""
    random = np.random.default_rng(0)
    questions: list[Question] = []
    previous: Path | None = None
    for number in range(count):
        if number % VISITS == 0:
            previous = None
        current = folder / f"{number}.png"
        Image.fromarray(random.integers(0, 256, (300, 260), dtype=np.uint8)).save(current)
        history = "cough, fever and shortness of breath, " * int(random.integers(1, 6))
        prompt = (
            f"Provide a detailed description of the findings in the radiology image. History: {history}visit {number}."
        )
        questions.append(Question(number, prompt, (current, previous) if previous else (current,)))
        previous = current
    return questions


class PublishedStop(StoppingCriteria):  # type: ignore[misc]
    """The published stop criterion: every row's tail compared and decoded at every step, all rows must match."""

    def __init__(self, tokenizer: LibraTokenizer, stop: str) -> None:
        self.tokenizer, self.stop, self.ids = tokenizer, stop, torch.tensor(tokenizer.stop_ids(stop))

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        """One verdict for all rows."""
        size = len(self.ids)
        hits = [
            torch.equal(row[-size:].cpu(), self.ids) or self.stop in self.tokenizer.decode(row[-size:].tolist())
            for row in input_ids
        ]
        return torch.full((len(hits),), all(hits), device=input_ids.device)


class PublishedConnector(TemporalAlignmentConnector):
    """The temporal connector by the original's operations: convolutions of scaled features, attention with weights."""

    def extract(self, x_BLNC: torch.Tensor) -> torch.Tensor:
        """One layer [B, N, C] made of the twelve [B, 12, N, C]."""
        for excitation, mixing in zip(self.LFE[::2], self.LFE[1::2], strict=True):
            x_BLNC = conv2d(x_BLNC * excitation(x_BLNC), mixing.weight)
        return x_BLNC.squeeze(1)

    def _attend(
        self, attention: torch.nn.MultiheadAttention, query_BNC: torch.Tensor, memory_BNC: torch.Tensor
    ) -> torch.Tensor:
        attended_BNC: torch.Tensor = attention(query_BNC, memory_BNC, memory_BNC)[0]
        return attended_BNC


class Original:
    """The original's way, with a clock on its parts."""

    def __init__(self, loaded: LoadedLibra, tokenizer: LibraTokenizer) -> None:
        self.loaded, self.tokenizer, self.form = loaded, tokenizer, template("default")
        config, width = loaded.model.language_model.config, loaded.model.tower.hidden_size
        with torch.device("meta"):
            self.connector = PublishedConnector(width, config.hidden_size, config.num_attention_heads).eval()
        self.connector.load_state_dict(loaded.model.connector.state_dict(), assign=True)
        self.seconds: Counter[str] = Counter()

    @contextmanager
    def clock(self, part: str) -> Iterator[None]:
        """Add up the seconds of one part."""
        began = time.perf_counter()
        yield
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.seconds[part] += time.perf_counter() - began

    def pixels(self, path: Path) -> torch.Tensor:
        """What the tower reads of one image [1, 3, H, W], by its processor on three channels."""
        processor, model = self.loaded.image_processor, self.loaded.model
        square = pad_to_square(read_radiograph(path), mean_colour(processor))
        return processor(square, return_tensors="pt")["pixel_values"].to(model.device, model.dtype)

    def layers(self, pixels_B3HW: torch.Tensor) -> torch.Tensor:
        """Tower features [B, 12, N, C] of one image per beam, each layer copied by itself and stacked."""
        states = self.loaded.model.tower.vision_tower(pixels_B3HW, output_hidden_states=True).hidden_states
        return torch.stack([layer[:, 1:].contiguous() for layer in states[1:]]).transpose(0, 1)

    @torch.inference_mode()
    def answer(self, question: Question, decoding: Decoding) -> str:
        """The text of one study."""
        model, tokenizer, beams = self.loaded.model, self.tokenizer, decoding.num_beams
        with self.clock("image loading"):
            pixels = [self.pixels(path) for path in (question.images[0], question.images[-1])]
        with self.clock("encoder"):
            layers = torch.stack([self.layers(picture.expand(beams, -1, -1, -1)) for picture in pixels])
        with self.clock("connector"):
            features = self.connector(*layers)[0]
            del layers
        ids = tokenizer.encode_prompt(render(self.form, [f"<image>\n{question.prompt}", None]))
        embeddings = model.embed_prompt(ids, features)[None]
        seen = [
            token
            for index in ids
            for token in ([model.vocabulary_size] * len(features) if index == IMAGE_TOKEN else [index])
        ]
        with self.clock("generate"):
            output = model.language_model.generate(
                input_ids=torch.tensor([seen], device=model.device),
                inputs_embeds=embeddings,
                attention_mask=torch.ones(1, len(seen), dtype=torch.long, device=model.device),
                do_sample=False,
                num_beams=beams,
                length_penalty=decoding.length_penalty if beams > 1 else None,
                no_repeat_ngram_size=decoding.no_repeat_ngram_size,
                max_new_tokens=decoding.max_new_tokens,
                eos_token_id=2,
                pad_token_id=0,
                logits_to_keep=0,  # those of every position
                stopping_criteria=StoppingCriteriaList([PublishedStop(tokenizer, self.form.stop)]),
            )
        return tokenizer.decode(output[0, len(seen) :].tolist()).strip().removesuffix(self.form.stop).strip()


Answers: TypeAlias = tuple[dict[str, str], dict[str, float], dict[str, Any] | None]
"""Texts by question, seconds by part, and the adapter's report where it is ours."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is measured."""

    shape: str = "mid"
    device: str = "cpu"
    dtype: str = "float32"
    studies: int = 32
    beams: int = 10
    new_tokens: int = 32
    batch_size: int | None = None
    threads: int | None = None
    """Of torch; None: its own number."""
    with_limits: bool = False
    """Measure afterwards what this machine could do at most; for ours."""

    @property
    def decoding(self) -> Decoding:
        """Beams as published; a single sequence without n-gram filter."""
        return Decoding(self.beams, 2.0, NGRAM if self.beams > 1 else 0, max_new_tokens=self.new_tokens)


@dataclass(frozen=True, slots=True)
class Measured:
    """One way, once."""

    seconds: float
    cpu_seconds: float
    other_cores: float | None
    """Cores that were busy with something else meanwhile, on average; None where the system does not say."""
    loaded_mb: float
    """Of the process, before the first study."""
    peak_mb: float
    texts: dict[str, str]
    parts: dict[str, float]
    """Part -> seconds."""
    report: dict[str, Any] | None = None
    """The adapter's own; ours alone."""
    limits: dict[str, dict[str, float]] | None = None


def measure(way: str, job: Job) -> Measured:
    """Answer all studies one way, after two to warm up."""
    if job.threads:
        torch.set_num_threads(job.threads)
    tokenizer = LibraTokenizer.load(TOKENIZER, {"mm_use_im_patch_token": False})
    loaded = random_libra(job.shape, job.device, getattr(torch, job.dtype), tokenizer)
    spec = ModelSpec("random", "libra", batch_size=job.batch_size, device=job.device, dtype=job.dtype)
    with tempfile.TemporaryDirectory() as folder:
        questions = make_questions(job.studies, Path(folder))

        def ours(asked: list[Question]) -> Answers:
            prompts = assemble_prompts(loaded, tokenizer, spec)  # new ones: no features kept from before
            adapter = LibraAdapter(TextGenerator(loaded, prompts, spec.batch_size), spec)
            texts = {str(answer.question_id): answer.text for answer in adapter.generate(asked, job.decoding)}
            report = dict(adapter.describe())
            return texts, report["seconds"], report

        def original(asked: list[Question]) -> Answers:
            program = Original(loaded, tokenizer)
            texts = {str(question.question_id): program.answer(question, job.decoding) for question in asked}
            return texts, dict(program.seconds), None

        if way == "ours":
            use_onednn(loaded.model)  # as where a checkpoint is loaded
        answer = {"ours": ours, "original": original}[way]
        loaded_mb = resident_mb()
        answer(questions[:2])
        began, cpu_began, busy_began = time.perf_counter(), time.process_time(), busy_seconds()
        texts, parts, report = answer(questions)
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
        busy_ended = busy_seconds()
    peak = peak_mb(job.device)
    other = None
    if busy_began is not None and busy_ended is not None:
        other = max(0.0, busy_ended - busy_began - cpu_seconds) / seconds
    least = None
    if report is not None and job.with_limits:
        found = limits(loaded.model, report, job.studies, job.beams)
        least = {part: {**asdict(limit), "seconds": limit.seconds} for part, limit in found.items()}
    return Measured(seconds, cpu_seconds, other, loaded_mb, peak, texts, parts, report, least)


def busy_seconds() -> float | None:
    """Processor seconds that all processes together have used; None where the system does not say."""
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    except OSError:
        return None
    user, nice, system, _, _, interrupts, soft_interrupts, *_ = map(int, fields)
    return (user + nice + system + interrupts + soft_interrupts) / os.sysconf("SC_CLK_TCK")


def resident_mb() -> float:
    """Memory of this process now; what it has had at most where the system does not say more."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return peak_mb("cpu")
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak_mb(device: str) -> float:
    """The most memory so far: of the device, else of the process."""
    if device != "cpu":
        return torch.cuda.max_memory_allocated() / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    print(json.dumps(asdict(measure(sys.argv[1], Job(**json.loads(sys.argv[2]))))))

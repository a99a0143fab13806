"""Compare generation with the naive way: one study at a time, images encoded and prompt prefilled once per beam.

    python scripts/bench_generation.py [--studies 32] [--beams 10] [--new-tokens 32] [--rounds 3] [--threads 1]

A random model; the same weights, the same prompts, the same images, the same tokens (checked). The naive way is
transformers' own `generate` with its n-gram filter and the published stop criterion. Studies are visits of a patient,
so the prior image of one is the current image of another. Prints ratios, where the time goes, and the least time that
this machine needs for it. Both ways are run one right after the other, `--rounds` times. On a machine that has other
work, `--threads 1` and the ratio of processor seconds are what to look at: threads that wait for each other lose most.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hardware_limits import limits
from PIL import Image
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
from model_adapters.generation.memory import position_bytes
from model_adapters.libra.adapter import LibraAdapter
from model_adapters.libra.assembly import assemble_prompts
from model_adapters.libra.checkpoint.loading import LoadedLibra
from model_adapters.libra.generator import TextGenerator
from model_adapters.libra.inputs.image_processing import preprocess
from model_adapters.libra.inputs.tokenizer import LibraTokenizer
from model_adapters.libra.network.connectors import build_connector
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


class Naive:
    """The naive way, with a clock on its parts."""

    def __init__(self, loaded: LoadedLibra, tokenizer: LibraTokenizer) -> None:
        self.loaded, self.tokenizer, self.form = loaded, tokenizer, template("default")
        self.seconds: Counter[str] = Counter()

    @contextmanager
    def clock(self, part: str) -> Iterator[None]:
        """Add up the seconds of one part."""
        began = time.perf_counter()
        yield
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.seconds[part] += time.perf_counter() - began

    @torch.inference_mode()
    def answer(self, question: Question, decoding: Decoding) -> str:
        """One study."""
        model, tokenizer, beams = self.loaded.model, self.tokenizer, decoding.num_beams
        with self.clock("image loading"):
            images = [read_radiograph(path) for path in (question.images[0], question.images[-1])]
            pixels = preprocess(images, self.loaded.image_processor, "pad").to(model.device, model.dtype)
        with self.clock("encoder and connector"):
            features = model.encode_images(pixels[:, None].expand(-1, beams, -1, -1, -1))[0]
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
                stopping_criteria=StoppingCriteriaList([PublishedStop(tokenizer, self.form.stop)]),
            )
        return tokenizer.decode(output[0, len(seen) :].tolist()).strip().removesuffix(self.form.stop).strip()


@dataclass(frozen=True, slots=True)
class Round:
    """Both ways once, one right after the other."""

    seconds: float
    naive_seconds: float
    cpu_ratio: float
    """Of processor seconds, threads that wait for each other included."""
    naive_parts: Mapping[str, float]
    report: Mapping[str, Any]
    differing: list[Any]
    """Questions whose texts are not those of the naive way."""

    @property
    def ratio(self) -> float:
        """How many times as fast as the naive way."""
        return self.naive_seconds / self.seconds


def run_round(questions: list[Question], many: int, decoding: Decoding, adapter: LibraAdapter, naive: Naive) -> Round:
    """Answer all questions our way and the first `many` the naive way, whose times are scaled up."""
    began, cpu_began = time.perf_counter(), time.process_time()
    ours = {answer.question_id: answer.text for answer in adapter.generate(questions, decoding)}
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    scale, began, cpu_began = len(questions) / many, time.perf_counter(), time.process_time()
    theirs = {question.question_id: naive.answer(question, decoding) for question in questions[:many]}
    naive_seconds, naive_cpu = scale * (time.perf_counter() - began), scale * (time.process_time() - cpu_began)
    differing = [key for key, text in theirs.items() if ours[key] != text]
    parts = {part: scale * spent for part, spent in naive.seconds.items()}
    return Round(seconds, naive_seconds, naive_cpu / cpu_seconds, parts, adapter.describe(), differing)


def print_round(done: Round, model: LibraModel, questions: list[Question], decoding: Decoding) -> None:
    """Where the time went, and the least that this machine needs for it."""
    report, studies = done.report, len(questions)
    parts = ", ".join(f"{part} {spent:.2f} s" for part, spent in done.naive_parts.items())
    print(f"  naive {done.naive_seconds:.2f} s: {parts}")
    priors = sum(len(question.images) > 1 for question in questions)
    print(
        f"  ours {done.seconds:.2f} s: batch {report['batch_size']}, peak memory {report['peak_memory_mb']:.0f} MB, "
        f"{report['images']['encoded']} images encoded ({priors} of the {studies} studies have a prior image, which is "
        "always another one's current image)"
    )
    prompt = report["prefill_tokens"] / studies
    shared = prompt * position_bytes(model.language_model) / 2**20
    print(
        f"  cache of a prompt of {prompt:.0f} positions: {shared:.1f} MB shared by the beams, "
        f"{decoding.num_beams * shared:.1f} MB with a copy a beam"
    )
    least = limits(model, report, studies, decoding.num_beams)
    print("  part          seconds         GFLOP/s   of at most   least seconds (share)")
    for part, limit in least.items():
        spent = report["seconds"][part]
        print(
            f"  {part:<12} {spent:8.2f} {spent / done.seconds:5.0%} {limit.flop / spent / 1e9:9.0f} "
            f"{limit.flop / limit.product_seconds / 1e9:12.0f} {limit.seconds:15.2f} {limit.seconds / spent:5.0%}"
        )
    rest = done.seconds - sum(report["seconds"][part] for part in least)
    print(f"  {'rest':<12} {rest:8.2f} {rest / done.seconds:5.0%}")
    bound, decode = sum(limit.seconds for limit in least.values()), least["decode"]
    if any(limit.seconds > report["seconds"][part] for part, limit in least.items()):
        print("  a least time above the measured one: the machine had other work meanwhile; try again, or --threads 1")
        return
    print(
        f"  decode reads {decode.read_bytes / 1e9:.1f} GB of keys and values at {decode.bandwidth / 1e9:.1f} GB/s; "
        f"products and reading alone take {bound:.2f} s, so no ratio above {done.naive_seconds / bound:.1f} can be had"
    )


def measure(name: str, rounds: list[Round], model: LibraModel, questions: list[Question], decoding: Decoding) -> None:
    """Print the ratio of the middle round."""
    rounds = sorted(rounds, key=lambda done: done.ratio)
    middle = rounds[len(rounds) // 2]
    print(
        f"{name}: {middle.ratio:.2f}x the naive way ({len(questions) / middle.seconds * 60:.1f} studies per minute); "
        f"rounds {', '.join(f'{done.ratio:.2f}' for done in rounds)}; processor seconds {middle.cpu_ratio:.2f}x"
    )
    print_round(middle, model, questions, decoding)
    differing = [key for done in rounds for key in done.differing]
    if differing:
        message = f"{len(differing)} texts differ from the naive way: {differing}"
        if middle.report["dtype"] == "float32":
            raise SystemExit(message)
        print(f"  {message} (rounding in half precision)")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=32)
    parser.add_argument("--naive-studies", type=int, help="how many of them go the naive way too (default: all)")
    parser.add_argument("--beams", type=int, default=10)
    parser.add_argument("--new-tokens", type=int, default=32)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--rounds", type=int, default=1, help="the one in the middle is reported")
    parser.add_argument("--shape", choices=SHAPES, default="mid")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="float32")
    parser.add_argument("--threads", type=int, help="threads of torch (default: its own)")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    tokenizer = LibraTokenizer.load(TOKENIZER, {"mm_use_im_patch_token": False})
    loaded = random_libra(arguments.shape, arguments.device, getattr(torch, arguments.dtype), tokenizer)
    spec = ModelSpec("random", "libra", batch_size=arguments.batch_size, device=arguments.device, dtype=arguments.dtype)
    many = min(arguments.naive_studies or arguments.studies, arguments.studies)
    with tempfile.TemporaryDirectory() as folder:
        questions = make_questions(arguments.studies, Path(folder))
        for beams in sorted({1, arguments.beams}, reverse=True):
            ngram = NGRAM if beams > 1 else 0
            decoding = Decoding(beams, 2.0, ngram, max_new_tokens=arguments.new_tokens)

            def run(asked: list[Question], many: int, decoding: Decoding = decoding) -> Round:
                prompts = assemble_prompts(loaded, tokenizer, spec)  # new ones: no features kept from before
                adapter = LibraAdapter(TextGenerator(loaded, prompts, spec.batch_size), spec)
                return run_round(asked, many, decoding, adapter, Naive(loaded, tokenizer))

            run(questions[:2], 1)  # warm up
            rounds = [run(questions, many) for _ in range(arguments.rounds)]
            name = f"{arguments.shape}, {arguments.studies} studies, {beams} beams, {arguments.new_tokens} new tokens"
            measure(name, rounds, loaded.model, questions, decoding)


if __name__ == "__main__":
    main()

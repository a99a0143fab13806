"""Compare generation with the naive way: one study at a time, images encoded and prompt prefilled once per beam.

    python scripts/bench_generation.py [--studies 32] [--beams 10] [--new-tokens 32] [--shape mid|7b] [--device cuda]

A random model; the same weights, the same prompts, the same images, the same tokens (checked). The naive way is
transformers' own `generate` with its n-gram filter and the published stop criterion. Studies are visits of a patient,
so the prior image of one is the current image of another. Prints ratios, and where the time goes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
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
from model_adapters.libra.adapter import LibraAdapter
from model_adapters.libra.checkpoint import LoadedLibra
from model_adapters.libra.connectors import build_connector
from model_adapters.libra.image_features import wait_for
from model_adapters.libra.image_processing import preprocess
from model_adapters.libra.memory import position_bytes
from model_adapters.libra.model import IMAGE_TOKEN, LibraModel
from model_adapters.libra.prompts import LibraPrompts
from model_adapters.libra.tokenizer import LibraTokenizer
from model_adapters.libra.towers import VisionTower
from model_adapters.protocol import Decoding, ModelSpec
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
    """A Libra with random weights; the output layer is wide, so that the best tokens stand apart."""
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


def bandwidth(device: torch.device) -> float:
    """Bytes a second that the memory gives: a large copy, read and written, the best of five."""
    source = torch.empty(2**28 if device.type == "cuda" else 2**26, dtype=torch.float32, device=device).fill_(1)
    target, best = torch.empty_like(source), 0.0
    for _ in range(5):
        began = time.perf_counter()
        target.copy_(source)
        wait_for(target)
        best = max(best, 2 * source.nbytes / (time.perf_counter() - began))
    return best


def print_roofline(adapter: LibraAdapter, report: Mapping[str, Any], decoding: Decoding, studies: int) -> None:
    """Decode time against the time that reading weights (once a step) and prompts' caches (once a study) takes.

    A lower bound: full batches to the end, and nothing read of the cache behind the prompts.
    """
    model = adapter._loaded.model.language_model
    weights, position = sum(weight.nbytes for weight in model.parameters()), position_bytes(model)
    prompt = report["prefill_tokens"] / studies
    rows = report["decode_tokens"] / decoding.num_beams
    steps = rows / min(report["batch_size"], studies)
    speed = bandwidth(adapter._loaded.model.device)
    seconds = (steps * weights + rows * prompt * position) / speed
    print(
        f"  roofline: {weights / 2**20:.1f} MB of weights a step, {prompt * position / 2**20:.1f} MB of cache a study "
        f"and step, {speed / 2**30:.1f} GB/s: {seconds:.2f} s, decode took {report['seconds']['decode']:.2f} s "
        f"({seconds / report['seconds']['decode']:.0%} of the roofline)"
    )
    copies = decoding.num_beams * prompt * position
    print(
        f"  cache of a prompt of {prompt:.0f} positions: {prompt * position / 2**20:.1f} MB shared by the beams, "
        f"{copies / 2**20:.1f} MB with a copy a beam"
    )


def measure(
    name: str, questions: list[Question], decoding: Decoding, adapter: LibraAdapter, naive: Naive, many: int
) -> None:
    """Run both ways and print the ratio; the naive way on the first `many` studies only, scaled up."""
    began = time.perf_counter()
    ours = {answer.question_id: answer.text for answer in adapter.generate(questions, decoding)}
    seconds = time.perf_counter() - began
    naive.seconds.clear()
    began = time.perf_counter()
    theirs = {question.question_id: naive.answer(question, decoding) for question in questions[:many]}
    naive_seconds = (time.perf_counter() - began) * len(questions) / many
    differing = [key for key, text in theirs.items() if ours[key] != text]
    parts = ", ".join(
        f"{part} {100 * spent / sum(naive.seconds.values()):.0f} %" for part, spent in naive.seconds.items()
    )
    print(
        f"{name}: {naive_seconds / seconds:.2f}x the naive way ({len(questions) / seconds * 60:.1f} studies a minute)"
    )
    print(f"  naive: {parts}")
    report = adapter.describe()
    spent = report["seconds"]
    rest = seconds - sum(spent[part] for part in ("image_waiting", "encoder", "connector", "prefill", "decode"))
    ours_parts = {part: spent[part] for part in ("image_waiting", "encoder", "connector", "prefill", "decode")} | {
        "rest": rest
    }
    print(
        "  ours:  "
        + ", ".join(f"{part} {100 * part_seconds / seconds:.0f} %" for part, part_seconds in ours_parts.items())
    )
    print(
        f"  batch {report['batch_size']}; images encoded {report['images']['encoded']}; tokens a second: "
        f"prefill {report['prefill_tokens_per_second']}, decode {report['decode_tokens_per_second']}; "
        f"peak memory {report['peak_memory_mb']:.0f} MB"
    )
    print_roofline(adapter, report, decoding, len(questions))
    if differing:
        message = f"{len(differing)} of {len(theirs)} texts differ from the naive way: {differing}"
        if adapter.describe()["dtype"] == "float32":
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
            prompts = LibraPrompts(loaded, tokenizer, spec)  # new ones: no features kept from before
            adapter = LibraAdapter(loaded, prompts, spec)
            name = f"{arguments.shape}, {arguments.studies} studies, {beams} beams, {arguments.new_tokens} new tokens"
            measure(name, questions, decoding, adapter, Naive(loaded, tokenizer), many)


if __name__ == "__main__":
    main()

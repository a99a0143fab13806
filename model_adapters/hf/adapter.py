"""Any vision-language model in Hugging Face's format: LLaVA, LLaVA-NeXT, Gemma 3, Idefics, ...

The prompt comes from the processor's chat template, or from `--conv-mode` where one is named. Batches are left-padded
with a true mask, and hold studies with equally many images, so that a study's answer is the same at any batch size.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any, ClassVar, Self

import torch

from benchmarks.errors import GenerationError, InputError, LibraBenchError
from benchmarks.files import sha256_file, sha256_json
from benchmarks.schema import Answer, Question
from benchmarks.wording import first_line
from model_adapters.adapter import Decoding, ModelSpec, RenderedPrompt, failed_answer
from model_adapters.checkpoints.precision import dtype_name, quantization_bits
from model_adapters.generation.memory import is_out_of_memory
from model_adapters.hf.loading import end_ids, load_model, load_processor, read_config
from model_adapters.hf.prompts import HFPrompt, HFPrompts, checkpoint_folder, conversation_mode
from model_adapters.image_policy import image_policy
from model_adapters.seeds import study_seed
from model_adapters.templates import render, template

CPU_BATCH = 4
GPU_BATCH = 16
DECIDING_SUFFIXES = (".json", ".safetensors", ".bin", ".model", ".txt", ".jinja", ".py")


class HFVisionLanguageAdapter:
    """Asks a model through AutoModelForImageTextToText and AutoProcessor.

    Options: `trust_remote_code`, run code that comes with the checkpoint (default: never); `bits` (4 or 8);
    `image_policy` (one, prior, dummy-prior); `attn_implementation`; `system`, a system prompt.
    """

    OPTIONS: ClassVar[Mapping[str, type]] = {
        "trust_remote_code": bool,
        "bits": int,
        "image_policy": str,
        "attn_implementation": str,
        "system": str,
    }

    def __init__(
        self, model: Any, processor: Any, prompts: HFPrompts, spec: ModelSpec, unused_keys: Sequence[str] = ()
    ) -> None:
        self._model, self._processor, self._prompts = model, processor, prompts
        self.unused_keys = tuple(unused_keys)
        """Weights of the checkpoint that the model has no place for."""
        self._batch_size = spec.batch_size or (GPU_BATCH if model.device.type == "cuda" else CPU_BATCH)
        self._seconds = {"images": 0.0, "generation": 0.0}
        self._new_tokens = 0
        tokenizer = processor.tokenizer
        tokenizer.padding_side = "left"
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Load model and processor.

        Raises:
            ModelError: something is missing, does not fit, or brings code that was not asked for.
        """
        folder = checkpoint_folder(spec)
        processor = load_processor(folder, spec)
        prompts = HFPrompts(processor, spec)
        model, unused = load_model(folder, spec)
        return cls(model, processor, prompts, spec, unused)

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """Hashes of every file of the checkpoint that decides answers, the template, dtype and image policy."""
        bits, dtype = quantization_bits(spec), dtype_name(spec)  # refused before a large download or long hashing
        folder, mode = checkpoint_folder(spec), conversation_mode(spec)
        read_config(folder, spec)
        files = sorted(path for path in folder.iterdir() if path.suffix in DECIDING_SUFFIXES and path.is_file())
        return {
            "checkpoint": {path.name: sha256_file(path) for path in files},
            "conv_mode": mode,
            "template_sha256": sha256_json(render(template(mode), ["question", None])) if mode else None,
            "dtype": dtype,
            "bits": bits,
            "image_policy": image_policy(spec),
            "prompt_hook": spec.card.get("prompt_hook"),
            "system": spec.options.get("system"),
            "trust_remote_code": bool(spec.options.get("trust_remote_code")),
        }

    def render(self, question: Question) -> RenderedPrompt:
        """The prompt after the template, and how many positions it takes with the image features."""
        prepared = self._prompts.prepare(question)
        return RenderedPrompt(prepared.text, int(self._inputs([prepared])["input_ids"].shape[1]))

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield answers as batches are finished; a study that cannot be answered says so and harms no other."""
        sampling = decoding.temperature > 0 and decoding.num_beams == 1
        size = 1 if sampling else self._batch_size  # each study has its own random numbers
        by_images: dict[int, list[Question]] = {}
        for question in questions:
            by_images.setdefault(len(question.images), []).append(question)
        for group in by_images.values():
            for start in range(0, len(group), size):
                yield from self._answer_batch(group[start : start + size], decoding, sampling=sampling)

    def describe(self) -> Mapping[str, Any]:
        """Device, dtype, batch size, where the time went, versions."""
        device = self._model.device
        return {
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
            "dtype": str(self._model.dtype).removeprefix("torch."),
            "architecture": type(self._model).__name__,
            "processor": type(self._processor).__name__,
            "image_processor": type(self._processor.image_processor).__name__,
            "batch_size": self._batch_size,
            "seconds": {name: round(seconds, 3) for name, seconds in self._seconds.items()},
            "decode_tokens": self._new_tokens,
            "versions": {"transformers": version("transformers")},
            "unused_keys": list(self.unused_keys),
        }

    def _answer_batch(self, questions: Sequence[Question], decoding: Decoding, *, sampling: bool) -> Iterator[Answer]:
        batch: list[HFPrompt] = []
        started = time.perf_counter()
        for question in questions:
            try:
                batch.append(self._prompts.prepare(question))
            except LibraBenchError as error:
                yield failed_answer(question, error)
        self._seconds["images"] += time.perf_counter() - started
        if batch:
            yield from self._decode(batch, decoding, sampling=sampling)

    def _decode(self, batch: Sequence[HFPrompt], decoding: Decoding, *, sampling: bool) -> Iterator[Answer]:
        """Decode a batch; half as many at a time where it doesn't fit, one at a time where one of them is at fault."""
        started = time.perf_counter()
        try:
            inputs = self._inputs(batch)
            self._check_length(inputs)
            with torch.random.fork_rng(devices=[self._model.device] if self._model.device.type == "cuda" else []):
                torch.manual_seed(study_seed(decoding.seed, batch[0].question.question_id))
                output = self._model.generate(**inputs, generation_config=self._settings(decoding, sampling))
        except (RuntimeError, ValueError, LibraBenchError) as error:
            if isinstance(error, RuntimeError) and not is_out_of_memory(error):
                raise
            if len(batch) == 1:
                yield failed_answer(batch[0].question, _reason(error))
                return
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            middle = len(batch) // 2
            yield from self._decode(batch[:middle], decoding, sampling=sampling)
            yield from self._decode(batch[middle:], decoding, sampling=sampling)
            return
        seconds = time.perf_counter() - started
        self._seconds["generation"] += seconds
        written = output.sequences[:, inputs["input_ids"].shape[1] :].tolist()
        scores = getattr(output, "sequences_scores", None)
        kept = decoding.num_return_sequences
        for place, prepared in enumerate(batch):
            rows = slice(place * kept, (place + 1) * kept)
            stated = [None] * kept if scores is None else scores[rows].tolist()
            yield self._answer(prepared.question, written[rows], stated, seconds)

    def _answer(
        self, question: Question, sequences: Sequence[list[int]], scores: Sequence[float | None], seconds: float
    ) -> Answer:
        ended = [_until_end(sequence, self._end_ids()) for sequence in sequences]
        texts = [self._prompts.text(token_ids) for token_ids, _ in ended]
        token_ids, finished = ended[0]
        self._new_tokens += len(token_ids)
        metadata: dict[str, Any] = {
            "finish": "stop" if finished else "length",
            "new_tokens": len(token_ids),
            "seconds": round(seconds, 4),
        }
        if len(sequences) > 1:
            metadata["alternatives"] = [
                {"text": text, "score": score if score is not None and math.isfinite(score) else None}
                for text, score in zip(texts, scores, strict=True)
            ]
        return Answer(question.question_id, question.prompt, texts[0], metadata=metadata)

    def _inputs(self, batch: Sequence[HFPrompt]) -> Any:
        """What `generate` takes; a begin token that the template has written is not written again."""
        images = [prepared.images for prepared in batch]
        inputs = self._processor(
            text=[prepared.text for prepared in batch],
            images=images if images[0] else None,
            padding=True,
            return_tensors="pt",
            add_special_tokens=self._prompts.adds_special_tokens(batch[0].text),
        )
        return inputs.to(device=self._model.device, dtype=self._model.dtype)

    def _check_length(self, inputs: Any) -> None:
        config = self._model.config.get_text_config()
        limit, length = getattr(config, "max_position_embeddings", None), inputs["input_ids"].shape[1]
        if limit and length > limit:
            raise InputError(
                f"the prompt takes {length:,} positions, image included; the model has {limit:,}",
                hint="shorten the prompt",
            )

    def _settings(self, decoding: Decoding, sampling: bool) -> Any:
        from transformers import GenerationConfig

        settings: dict[str, Any] = {
            "max_new_tokens": decoding.max_new_tokens,
            "num_return_sequences": decoding.num_return_sequences,
            "no_repeat_ngram_size": decoding.no_repeat_ngram_size,
            "do_sample": sampling,
            "return_dict_in_generate": True,
            "eos_token_id": self._end_ids(),
            "pad_token_id": self._processor.tokenizer.pad_token_id,
        }
        if decoding.num_beams > 1:
            settings |= {"num_beams": decoding.num_beams, "length_penalty": decoding.length_penalty}
            settings["output_scores"] = decoding.num_return_sequences > 1  # beams x vocabulary floats a step
        if sampling:
            settings |= {"temperature": decoding.temperature, "top_k": 0, "top_p": decoding.top_p or 1.0}
        return GenerationConfig(**settings)

    def _end_ids(self) -> list[int]:
        return end_ids(self._model.generation_config.eos_token_id, self._processor)


def _until_end(token_ids: Sequence[int], end_ids: Sequence[int]) -> tuple[list[int], bool]:
    """The tokens up to the end token, which counts; and whether there is one (else the text was cut)."""
    for place, token_id in enumerate(token_ids):
        if token_id in end_ids:
            return list(token_ids[: place + 1]), True
    return list(token_ids), False


def _reason(error: Exception) -> Exception:
    if isinstance(error, LibraBenchError):
        return error
    what = "it does not fit into memory" if isinstance(error, RuntimeError) else "the model cannot take it"
    return GenerationError(f"{what} ({first_line(error)})")

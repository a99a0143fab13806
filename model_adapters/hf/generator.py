"""Text for questions from a Hugging Face vision-language model that is in memory, a batch at a time.

Batches are left-padded with a true mask, and hold studies with equally many images, so that a study's answer is the
same at any batch size.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import torch
from transformers import GenerationConfig

from benchmarks.errors import GenerationError, InputError, LibraBenchError
from benchmarks.schema import Answer, Question
from benchmarks.wording import first_line
from model_adapters.adapter import Decoding, ModelSpec, RenderedPrompt, failed_answer, study_seed
from model_adapters.generation.memory import is_out_of_memory
from model_adapters.hf.loading import end_ids, load_model, load_processor
from model_adapters.hf.prompts import HFPrompt, HFPrompts, checkpoint_folder

CPU_BATCH = 4
GPU_BATCH = 16


class HFTextGenerator:
    """Answers questions with one model.

    Args:
        model: of transformers, in evaluation mode.
        processor: the checkpoint's.
        prompts: makes its prompts.
        batch_size: studies decoded together; None: what suits the device.
        unused_keys: weights of the checkpoint that the model has no place for.
    """

    def __init__(
        self,
        model: Any,
        processor: Any,
        prompts: HFPrompts,
        *,
        batch_size: int | None = None,
        unused_keys: Sequence[str] = (),
    ) -> None:
        self.model, self.processor, self.prompts = model, processor, prompts
        self._unused_keys = list(unused_keys)
        self._batch_size = batch_size or (GPU_BATCH if model.device.type == "cuda" else CPU_BATCH)
        self._seconds = {"images": 0.0, "generation": 0.0}
        self._new_tokens = 0
        tokenizer = processor.tokenizer
        tokenizer.padding_side = "left"
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token

    def render(self, question: Question) -> RenderedPrompt:
        """The prompt after the template, and how many positions it takes with the image features."""
        prepared = self.prompts.prepare(question)
        return RenderedPrompt(prepared.text, int(self._inputs([prepared])["input_ids"].shape[1]))

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield answers as batches are finished; a study that cannot be answered says so and harms no other."""
        size = 1 if decoding.is_sampling else self._batch_size  # each study has its own random numbers
        by_images: dict[int, list[Question]] = {}
        for question in questions:
            by_images.setdefault(len(question.images), []).append(question)
        for group in by_images.values():
            for start in range(0, len(group), size):
                yield from self._answer_batch(group[start : start + size], decoding)

    def report(self) -> dict[str, Any]:
        """Device, dtype, batch size, where the time went, versions: JSON values for run.json."""
        device = self.model.device
        return {
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "architecture": type(self.model).__name__,
            "processor": type(self.processor).__name__,
            "image_processor": type(self.processor.image_processor).__name__,
            "batch_size": self._batch_size,
            "seconds": {name: round(seconds, 3) for name, seconds in self._seconds.items()},
            "decode_tokens": self._new_tokens,
            "versions": {"transformers": version("transformers")},
            "unused_keys": self._unused_keys,
        }

    def _answer_batch(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        batch: list[HFPrompt] = []
        started = time.perf_counter()
        for question in questions:
            try:
                batch.append(self.prompts.prepare(question))
            except LibraBenchError as error:
                yield failed_answer(question, error)
        self._seconds["images"] += time.perf_counter() - started
        if batch:
            yield from self._decode(batch, decoding)

    def _decode(self, batch: Sequence[HFPrompt], decoding: Decoding) -> Iterator[Answer]:
        """Decode a batch; half as many at a time where it doesn't fit, one at a time where one of them is at fault."""
        started = time.perf_counter()
        try:
            inputs = self._inputs(batch)
            self._check_length(inputs)
            with torch.random.fork_rng(devices=[self.model.device] if self.model.device.type == "cuda" else []):
                torch.manual_seed(study_seed(decoding.seed, batch[0].question.question_id))
                output = self.model.generate(**inputs, generation_config=self._settings(decoding))
        except (RuntimeError, ValueError, LibraBenchError) as error:
            if isinstance(error, RuntimeError) and not is_out_of_memory(error):
                raise
            if len(batch) == 1:
                yield failed_answer(batch[0].question, _reason(error))
                return
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            middle = len(batch) // 2
            yield from self._decode(batch[:middle], decoding)
            yield from self._decode(batch[middle:], decoding)
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
        texts = [self.prompts.text(token_ids) for token_ids, _ in ended]
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
        inputs = self.processor(
            text=[prepared.text for prepared in batch],
            images=images if images[0] else None,
            padding=True,
            return_tensors="pt",
            add_special_tokens=self.prompts.adds_special_tokens(batch[0].text),
        )
        return inputs.to(device=self.model.device, dtype=self.model.dtype)

    def _check_length(self, inputs: Any) -> None:
        config = self.model.config.get_text_config()
        limit, length = getattr(config, "max_position_embeddings", None), inputs["input_ids"].shape[1]
        if limit and length > limit:
            raise InputError(
                f"the prompt takes {length:,} positions, image included; the model has {limit:,}",
                hint="shorten the prompt",
            )

    def _settings(self, decoding: Decoding) -> Any:
        settings: dict[str, Any] = {
            "max_new_tokens": decoding.max_new_tokens,
            "num_return_sequences": decoding.num_return_sequences,
            "no_repeat_ngram_size": decoding.no_repeat_ngram_size,
            "do_sample": decoding.is_sampling,
            "return_dict_in_generate": True,
            "eos_token_id": self._end_ids(),
            "pad_token_id": self.processor.tokenizer.pad_token_id,
        }
        if decoding.num_beams > 1:
            settings |= {"num_beams": decoding.num_beams, "length_penalty": decoding.length_penalty}
            settings["output_scores"] = decoding.num_return_sequences > 1  # beams x vocabulary floats per step
        if decoding.is_sampling:
            settings |= {"temperature": decoding.temperature, "top_k": 0, "top_p": decoding.top_p or 1.0}
        return GenerationConfig(**settings)

    def _end_ids(self) -> list[int]:
        return end_ids(self.model.generation_config.eos_token_id, self.processor)


def load_generator(spec: ModelSpec) -> HFTextGenerator:
    """Load model and processor.

    Raises:
        ModelError: something is missing, does not fit, or brings code that was not asked for.
    """
    folder = checkpoint_folder(spec)
    processor = load_processor(folder, spec)
    prompts = HFPrompts(processor, spec)
    model, unused = load_model(folder, spec)
    return HFTextGenerator(model, processor, prompts, batch_size=spec.batch_size, unused_keys=unused)


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

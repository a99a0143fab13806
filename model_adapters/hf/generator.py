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

from benchmarks.errors import LibraBenchError
from benchmarks.schema import Answer, Question
from model_adapters.adapter import Decoding, ModelSpec, RenderedPrompt, failed_answer, study_seed
from model_adapters.checkpoints.foreign import handed_over
from model_adapters.hf.decoding import BatchDecoder, Decoded
from model_adapters.hf.loading import load_model, load_processor
from model_adapters.hf.prompts import HFPrompt, HFPrompts, checkpoint_folder


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
        self._decoder = BatchDecoder(model, processor.tokenizer, batch_size)
        self._seconds = {"images": 0.0, "generation": 0.0}
        self._new_tokens = 0

    def render(self, question: Question) -> RenderedPrompt:
        """The prompt after the template, and how many positions it takes with the image features."""
        prepared = self.prompts.prepare(question)
        with handed_over(self.model.name_or_path, "its processor cannot read the prompt"):
            return RenderedPrompt(prepared.text, int(self._inputs([prepared])["input_ids"].shape[1]))

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield answers as batches are finished; a study that cannot be answered says so and harms no other."""
        size = 1 if decoding.is_sampling else self._decoder.batch_size  # each study has its own random numbers
        by_images: dict[int, list[Question]] = {}
        for question in questions:
            by_images.setdefault(self.prompts.num_images(question), []).append(question)
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
            "batch_size": self._decoder.batch_size,
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
        started = time.perf_counter()
        decoded = self._decoder.decode(
            batch, self._inputs, decoding, lambda prepared: study_seed(decoding.seed, prepared.question.question_id)
        )
        for outcome in decoded:
            self._seconds["generation"] += time.perf_counter() - started
            if isinstance(outcome, Decoded):
                yield self._answer(outcome)
            else:
                prepared, error = outcome
                yield failed_answer(prepared.question, error)
            started = time.perf_counter()

    def _answer(self, decoded: Decoded[HFPrompt]) -> Answer:
        question = decoded.prompt.question
        texts = [self.prompts.text(token_ids) for token_ids in decoded.sequences]
        num_tokens = len(decoded.sequences[0])
        self._new_tokens += num_tokens
        metadata: dict[str, Any] = {
            "finish": "stop" if decoded.finished else "length",
            "new_tokens": num_tokens,
            "seconds": round(decoded.seconds, 4),
        }
        if len(texts) > 1:
            metadata["alternatives"] = [
                {"text": text, "score": score if score is not None and math.isfinite(score) else None}
                for text, score in zip(texts, decoded.scores, strict=True)
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

"""Text for questions from a Libra model that is in memory: prompts, images and decoder, put together in one place.

The adapter asks a checkpoint that was loaded, training the model that it trains.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import torch

from benchmarks.errors import ModelError
from benchmarks.schema import Answer, Question
from model_adapters.adapter import Decoding, ModelSpec, RenderedPrompt
from model_adapters.checkpoints.files import read_config
from model_adapters.checkpoints.locate import checkpoint_path, find_checkpoint
from model_adapters.checkpoints.onednn import use_onednn, uses_onednn
from model_adapters.checkpoints.precision import (
    checked_device_map,
    device_name,
    dtype_name,
    quantization_bits,
    torch_dtype,
)
from model_adapters.generation.answers import answers_of
from model_adapters.generation.memory import fitting_batch, peak_memory_bytes
from model_adapters.libra.assembly import assemble_prompts, load_tokenizer
from model_adapters.libra.checkpoint.identity import conversation_mode
from model_adapters.libra.checkpoint.loading import LoadedLibra, load_checkpoint
from model_adapters.libra.decoding.decoder import Decoder, Timings
from model_adapters.libra.decoding.text_gap import text_gap
from model_adapters.libra.inputs.prompt_stream import PromptStream
from model_adapters.libra.network.attention import attend_for_decoding
from model_adapters.templates import template


class TextGenerator:
    """Answers questions with one model.

    Args:
        loaded: the model.
        stream: makes its prompts.
        batch_size: studies decoded together; None: as many as should fit into memory.
    """

    def __init__(self, loaded: LoadedLibra, stream: PromptStream, batch_size: int | None) -> None:
        self.loaded, self.prompt_stream, self.prompts = loaded, stream, stream.prompts
        self._batch_size = batch_size
        self._timings = Timings()

    def render(self, question: Question) -> RenderedPrompt:
        """The prompt after the template, and how many positions it takes with the image features."""
        return self.prompts.render(question)

    def stream(self, question: Question, decoding: Decoding, on_text: Callable[[str], None]) -> Answer:
        """Answer one question; `on_text` gets the leading text after each token."""
        (answer,) = self.generate([question], decoding, lambda _, token_ids: on_text(self.prompts.text(token_ids)))
        return answer

    def generate(
        self,
        questions: Sequence[Question],
        decoding: Decoding,
        on_tokens: Callable[[Hashable, list[int]], None] | None = None,
    ) -> Iterator[Answer]:
        """Yield answers as studies are finished; a study that fails says why and affects no other.

        Args:
            questions: what is asked.
            decoding: beams, penalties, limits, temperature.
            on_tokens: called after each step with a study's id and its leading tokens so far.
        """
        language_model = self.loaded.model.decoder
        if self._batch_size is None:
            self._batch_size = fitting_batch(language_model, self.prompts.longest, decoding)
        size = min(self._batch_size, max(1, len(questions)))
        decoder = Decoder(
            language_model,
            decoding,
            self.prompts.stop_rule(),
            size,
            vocabulary=self.prompts.vocabulary,
            timings=self._timings,
            on_tokens=on_tokens,
        )
        failures: deque[Answer] = deque()
        texts = decoder.run(self.prompt_stream.stream(questions, size, failures, decoder.make_room))
        for answer in answers_of(questions, texts, failures, decoding, self.prompts.text):
            yield answer
            if self._timings.batch_size != size:  # memory ran out: the next questions begin with what fits
                self._batch_size = size = self._timings.batch_size or 1

    def text_gap(self, question: Question, first: str, second: str, decoding: Decoding) -> float | None:
        """How far apart the model scores two texts of one question, in nats; None where it cannot be asked."""
        prompt = next(self.prompt_stream.stream([question], 1, deque()), None)
        if prompt is None or decoding.is_sampling:
            return None
        one, other = (self.prompts.answer_ids(text, decoding.max_new_tokens) for text in (first, second))
        gap: float | None = text_gap(self.loaded.model.decoder, prompt, one, other, decoding, self.prompts.vocabulary)
        return gap

    def report(self) -> dict[str, Any]:
        """Device, dtype, batch size, where the time went, peak memory: JSON values for run.json."""
        model, prompts, text = self.loaded.model, self.prompt_stream.report(), self._timings
        return {
            "device": torch.cuda.get_device_name(model.device) if model.device.type == "cuda" else str(model.device),
            "dtype": str(model.dtype).removeprefix("torch."),
            "batch_size": text.batch_size,
            "attention": model.decoder.config._attn_implementation,
            "products": "oneDNN" if uses_onednn(model) else "PyTorch",
            **prompts,
            "seconds": {**prompts["seconds"], "prefill": text.prefill_seconds, "decode": text.decode_seconds},
            "prefill_tokens": text.prefill_tokens,
            "shared_tokens": text.shared_tokens,
            "decode_tokens": text.decode_tokens,
            "prefill_tokens_per_second": _rate(text.prefill_tokens, text.prefill_seconds),
            "decode_tokens_per_second": _rate(text.decode_tokens, text.decode_seconds),
            "peak_memory_mb": round(peak_memory_bytes(model) / 2**20, 1),
        }


def load_generator(spec: ModelSpec) -> TextGenerator:
    """Load a checkpoint with its tower and tokenizer.

    Raises:
        ModelError: something is missing or does not fit.
        UnknownNameError: an unknown conversation mode.
    """
    path, options, bits = checkpoint_path(spec), spec.options, quantization_bits(spec)
    template(conversation_mode(spec, read_config(find_checkpoint(path))))  # before anything slow
    attention = options.get("attn_implementation", "sdpa")
    if attention not in ("sdpa", "eager"):
        raise ModelError(
            f"attention {attention!r} cannot decode beams that share a prompt",
            hint="use sdpa (the default) or eager",
        )
    device_map = checked_device_map(spec)
    loaded = load_checkpoint(
        path,
        model_base=spec.model_base,
        device=torch.device(device_name(spec)),
        dtype=torch_dtype(dtype_name(spec)),
        vision_tower=options.get("vision_tower"),
        attn_implementation=attention,
        bits=bits,
        device_map=device_map,
    )
    prompts = assemble_prompts(loaded, load_tokenizer(loaded), spec)
    attend_for_decoding(loaded.model.language_model)
    if device_map is None:
        use_onednn(loaded.model)
    return TextGenerator(loaded, prompts, spec.batch_size)


def _rate(tokens: int, seconds: float) -> float | None:
    return round(tokens / seconds, 1) if seconds else None

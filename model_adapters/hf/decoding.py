"""What a transformers model writes after each prompt of a batch; a batch that doesn't fit is halved."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from transformers import GenerationConfig

from benchmarks.errors import GenerationError, InputError, LibraBenchError, ModelError
from benchmarks.wording import error_in_words, first_line
from model_adapters.adapter import Decoding
from model_adapters.generation.memory import is_out_of_memory
from model_adapters.hf.loading import end_ids

CPU_BATCH = 4
GPU_BATCH = 16

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Decoded(Generic[T]):
    """What was written after one prompt."""

    prompt: T
    sequences: Sequence[Sequence[int]]
    """The best, then the alternatives; up to the end token, which counts."""
    finished: bool
    """Whether the best ended by itself; else it was cut."""
    scores: Sequence[float | None]
    """Of each sequence, where a beam search gives them."""
    seconds: float
    """Of the batch."""
    batch_size: int


class BatchDecoder:
    """Runs `generate` of one model.

    Args:
        model: of transformers, in evaluation mode.
        tokenizer: its tokenizer; from now on it pads on the left.
        batch_size: prompts decoded together; None: what suits the device.
    """

    def __init__(self, model: Any, tokenizer: Any, batch_size: int | None = None) -> None:
        self.model, self._tokenizer = model, tokenizer
        self.batch_size = batch_size or (GPU_BATCH if model.device.type == "cuda" else CPU_BATCH)
        tokenizer.padding_side = "left"
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token

    @property
    def context(self) -> int | None:
        """Positions that the model has, where its configuration says so."""
        limit: int | None = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        return limit

    def decode(
        self, batch: Sequence[T], inputs: Callable[[Sequence[T]], Any], decoding: Decoding, seed: Callable[[T], int]
    ) -> Iterator[Decoded[T] | tuple[T, Exception]]:
        """Decode a batch; half as many at a time where it doesn't fit, one at a time where one of them is at fault.

        Args:
            batch: the prompts.
            inputs: what the model takes for some of them.
            decoding: beams, penalties and limits.
            seed: of a prompt's random numbers; those of a batch are its first prompt's.

        Yields:
            What was written, or the prompt and why nothing was.
        """
        started = time.perf_counter()
        try:
            taken = inputs(batch)
            self._check_length(taken)
            with torch.random.fork_rng(devices=[self.model.device] if self.model.device.type == "cuda" else []):
                torch.manual_seed(seed(batch[0]))
                output = self.model.generate(**taken, generation_config=self._settings(decoding))
        except Exception as error:
            if not isinstance(error, ValueError | LibraBenchError) and not is_out_of_memory(error):
                raise _cannot_answer(self.model.name_or_path, error) from error
            if len(batch) == 1:
                yield batch[0], _reason(error)
                return
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            middle = len(batch) // 2
            yield from self.decode(batch[:middle], inputs, decoding, seed)
            yield from self.decode(batch[middle:], inputs, decoding, seed)
            return
        seconds = time.perf_counter() - started
        written = output.sequences[:, taken["input_ids"].shape[1] :].tolist()
        scores = getattr(output, "sequences_scores", None)
        kept, ends = decoding.num_return_sequences, self._end_ids()
        for place, prompt in enumerate(batch):
            rows = slice(place * kept, (place + 1) * kept)
            ended = [_until_end(sequence, ends) for sequence in written[rows]]
            stated = [None] * kept if scores is None else scores[rows].tolist()
            yield Decoded(prompt, [token_ids for token_ids, _ in ended], ended[0][1], stated, seconds, len(batch))

    def _check_length(self, inputs: Any) -> None:
        length = inputs["input_ids"].shape[1]
        if self.context and length > self.context:
            raise InputError(
                f"the prompt takes {length:,} positions, image included; the model has {self.context:,}",
                hint="shorten the prompt",
            )

    def _settings(self, decoding: Decoding) -> GenerationConfig:
        settings: dict[str, Any] = {
            "max_new_tokens": decoding.max_new_tokens,
            "num_return_sequences": decoding.num_return_sequences,
            "no_repeat_ngram_size": decoding.no_repeat_ngram_size,
            "do_sample": decoding.is_sampling,
            "return_dict_in_generate": True,
            "eos_token_id": self._end_ids(),
            "pad_token_id": self._tokenizer.pad_token_id,
        }
        if decoding.num_beams > 1:
            settings |= {"num_beams": decoding.num_beams, "length_penalty": decoding.length_penalty}
            settings["output_scores"] = decoding.num_return_sequences > 1  # beams x vocabulary floats per step
        if decoding.is_sampling:
            settings |= {"temperature": decoding.temperature, "top_k": 0, "top_p": decoding.top_p or 1.0}
        return GenerationConfig(**settings)

    def _end_ids(self) -> list[int]:
        return end_ids(self.model.generation_config.eos_token_id, self._tokenizer)


def _until_end(token_ids: Sequence[int], end_ids: Sequence[int]) -> tuple[list[int], bool]:
    """The tokens up to the end token, which counts; and whether there is one (else the text was cut)."""
    for place, token_id in enumerate(token_ids):
        if token_id in end_ids:
            return list(token_ids[: place + 1]), True
    return list(token_ids), False


def _cannot_answer(model: str, error: Exception) -> ModelError:
    what = f"the model cannot answer ({error_in_words(error)})"
    return ModelError(what, where=model, hint="check that the checkpoint is complete; --debug shows where")


def _reason(error: Exception) -> Exception:
    if isinstance(error, LibraBenchError):
        return error
    what = "it does not fit into memory" if isinstance(error, RuntimeError) else "the model cannot take it"
    return GenerationError(f"{what} ({first_line(error)})")

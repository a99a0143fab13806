"""Text from prompts: every study is prefilled once, and all studies and beams of a batch are decoded together.

A study enters the batch when there is room and leaves it when it is finished; the next one takes its place. Studies do
not see each other, so any batch size gives the text of batch size 1 (in float32; rounding changes no token there).

Shape legend: R rows (studies in the batch), W beams, S prompt positions, H width.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.wording import first_line
from model_adapters.adapter import Decoding
from model_adapters.generation.generated import Generated
from model_adapters.generation.memory import is_out_of_memory, too_large
from model_adapters.generation.stopping import StopRule
from model_adapters.libra.decoding.next_tokens import choose
from model_adapters.libra.decoding.open_study import Study
from model_adapters.libra.decoding.prefill import Prefill
from model_adapters.libra.decoding.study_cache import StudyCache
from model_adapters.libra.inputs.prompt_stream import Prompt


@dataclass(slots=True)
class Timings:
    """Where the time went, and over how much work."""

    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0
    prefill_tokens: int = 0
    """Positions of prompts."""
    shared_tokens: int = 0
    """How many of them were words that an earlier prompt began with."""
    decode_tokens: int = 0
    """Tokens the model was run on, beams counted each."""
    batch_size: int | None = None
    """Studies decoded together; what was left of it after running out of memory."""


class Decoder:
    """Decodes a stream of prompts with one language model.

    Args:
        language_model: a causal language model of transformers with SDPA or eager attention.
        decoding: beams, penalties, limits, temperature.
        rule: when a sequence ends.
        batch_size: studies decoded together.
        vocabulary: ids from here on are never produced, whatever rows the output layer has; None: all are.
        timings: where to add up what it took.
        on_tokens: called after each step with a study's key and its leading tokens so far; beams may overtake.
    """

    def __init__(
        self,
        language_model: Any,
        decoding: Decoding,
        rule: StopRule,
        batch_size: int,
        *,
        vocabulary: int | None = None,
        timings: Timings | None = None,
        on_tokens: Callable[[Hashable, list[int]], None] | None = None,
    ) -> None:
        self._model, self._decoding, self._rule = language_model, decoding, rule
        self._vocabulary, self._on_tokens = vocabulary, on_tokens
        self._beams = decoding.num_beams
        self._run_over = Prefill(language_model)
        self._waiting: deque[Prompt] = deque()
        self._rows: list[Study | None] = [None] * batch_size
        self._cache: StudyCache | None = None
        self._finished: list[Generated] = []
        self.timings = timings or Timings()
        self.timings.batch_size = batch_size

    @torch.inference_mode()
    def run(self, prompts: Iterable[Prompt]) -> Iterator[Generated]:
        """Yield each study's result as soon as it is finished; prompts are taken when there is room for them.

        Out of memory halves the batch and begins its studies again. A study that does not fit alone comes back with
        `error` set. Where `prompts` itself runs out of memory, it may call `make_room` and try again.
        """
        stream = iter(prompts)
        while True:
            self._take(stream)
            exhausted = ""
            try:
                self._admit()
                self._step()
                self._tell()
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                exhausted = first_line(error)
            if exhausted:  # only now, for the error's traceback holds what filled the memory
                self._back_off(exhausted)
            yield from self._finished
            if not self._waiting and not self._finished and not any(self._rows):
                return
            self._finished.clear()

    def make_room(self) -> bool:
        """Halve the batch and begin its studies again; False if there is no batch whose memory could be given back.

        For the iterator of prompts, from within its `next`.
        """
        if self._cache is None:
            return False
        self._begin_again()
        return True

    def _take(self, stream: Iterator[Prompt]) -> None:
        """Take as many prompts as there are free rows. Asking for one may make room, which changes the rows."""
        while self._rows.count(None) > len(self._waiting):
            prompt = next(stream, None)
            if prompt is None:
                return
            self._waiting.append(prompt)

    def _tell(self) -> None:
        """Show the text so far to who wants to see it."""
        if self._on_tokens is not None:
            for study in self._rows:
                if study is not None:
                    self._on_tokens(study.prompt.key, study.search.leading)

    def _admit(self) -> None:
        """Fill the free rows; once nothing is left to come, give the free rows up."""
        for row in range(len(self._rows)):
            while self._rows[row] is None and self._waiting:
                self._prefill(self._waiting[0], row)
                self._waiting.popleft()
        busy = [row for row, study in enumerate(self._rows) if study is not None]
        if self._cache is not None and 0 < len(busy) <= 3 * len(self._rows) // 4:
            self._cache.keep(busy)
            self._rows = [self._rows[row] for row in busy]

    def _prefill(self, prompt: Prompt, row: int) -> None:
        """Run the model on a prompt, once whatever the number of beams, and choose the first tokens."""
        began = time.perf_counter()
        study = Study.begin(prompt, self._decoding, self._rule, began)
        logits_11V, cache = self._run_over(prompt)
        choose(self._known(logits_11V), [study], self._decoding, self._rule.eos_ids)
        if study.search.done:
            self._finished.append(study.result())
        else:
            if self._cache is None:
                self._cache = StudyCache(len(self._rows), self._beams, cache, self._decoding.max_new_tokens)
            self._cache.insert(row, cache)
            self._rows[row] = study
        self.timings.prefill_seconds += time.perf_counter() - began
        self.timings.prefill_tokens += len(prompt.embeddings_SH)
        self.timings.shared_tokens += self._run_over.shared(prompt)

    def _step(self) -> None:
        """Run the model on the newest token of every beam of every study, and choose the next ones."""
        if self._cache is None or not any(self._rows):
            return
        began = time.perf_counter()
        device = self._model.get_input_embeddings().weight.device
        idle = [0] * self._beams
        tokens = [study.search.last_tokens if study else idle for study in self._rows]
        parents = [study.search.parents if study else idle for study in self._rows]
        positions = [[study.position if study else 0] * self._beams for study in self._rows]
        output = self._model(
            input_ids=torch.tensor(tokens, device=device),
            attention_mask=additive(self._cache.step_mask(parents), self._model.dtype),
            position_ids=torch.tensor(positions, device=device),
            past_key_values=self._cache.past_key_values,
            use_cache=True,
        )
        self.timings.decode_tokens += sum(study is not None for study in self._rows) * self._beams
        choose(self._known(output.logits), self._rows, self._decoding, self._rule.eos_ids)
        for row, study in enumerate(self._rows):
            if study is not None and study.search.done:
                self._finished.append(study.result())
                self._rows[row] = None
                self._cache.release(row)
        self.timings.decode_seconds += time.perf_counter() - began

    def _known(self, logits_RWV: Tensor) -> Tensor:
        """The logits of ids that are tokens."""
        return logits_RWV[..., : self._vocabulary]

    def _back_off(self, reason: str) -> None:
        """Begin again after running out of memory; a study that was alone fails."""
        if len(self._rows) == 1:
            study, self._rows[0] = self._rows[0], None
            alone = study.prompt if study is not None else self._waiting.popleft()
            error = too_large(self._model, len(alone.embeddings_SH), self._decoding, reason)
            self._finished.append(Generated(alone.key, (), 0.0, error))
        self._begin_again()

    def _begin_again(self) -> None:
        """Give the batch's memory back and put its studies at the head of the queue, half as many at a time."""
        self._waiting.extendleft(study.prompt for study in reversed(self._rows) if study is not None)
        self._cache = None
        self._rows = [None] * max(1, len(self._rows) // 2)
        self.timings.batch_size = len(self._rows)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def additive(mask_R1WS: Tensor, dtype: torch.dtype) -> Tensor:
    """What is added to attention scores for a mask, made once for all layers; SDPA would make it in each of them."""
    return torch.zeros_like(mask_R1WS, dtype=dtype).masked_fill(~mask_R1WS, torch.finfo(dtype).min)

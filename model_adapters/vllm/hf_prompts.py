"""Hugging Face models before vLLM: words and images go to vLLM, which has its own code for each of these models."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.errors import LibraBenchError
from benchmarks.schema import Answer, Question
from model_adapters.adapter import ModelSpec, RenderedPrompt, failed_answer, study_seed
from model_adapters.cards.image_policy import MAX_SHOWN
from model_adapters.generation.stopping import StopRule
from model_adapters.hf.loading import end_ids, load_processor, stated_end_ids
from model_adapters.hf.prompts import HFPrompts, checkpoint_folder
from model_adapters.vllm.engine import Engine
from model_adapters.vllm.requests import Request


def start(spec: ModelSpec, batch_size: int) -> tuple[Engine, HFPromptBuilder]:
    """Load the processor, and the model in vLLM.

    Raises:
        ModelError: the checkpoint cannot be read, or vLLM cannot run it.
    """
    folder = checkpoint_folder(spec)
    processor = load_processor(folder, spec)
    ends = end_ids(stated_end_ids(folder, spec), processor.tokenizer)
    prompts = HFPromptBuilder(processor, HFPrompts(processor, spec), ends)
    engine = Engine(
        folder,
        spec,
        batch_size=batch_size,
        limit_mm_per_prompt={"image": MAX_SHOWN},
        trust_remote_code=bool(spec.options.get("trust_remote_code")),
        generation_config="vllm",  # a checkpoint's sampling defaults must not leak into our decoding
    )
    return engine, prompts


class HFPromptBuilder:
    """Prompts of a Hugging Face model as token ids and images."""

    def __init__(self, processor: Any, prompts: HFPrompts, ends: Sequence[int]) -> None:
        self._processor, self._prompts = processor, prompts
        self.rule = StopRule(ends)
        self._seconds = 0.0

    def requests(self, questions: Sequence[Question], seed: int, failures: deque[Answer]) -> Iterator[Request]:
        """What is asked of the engine; images are read when there is room for them."""
        for question in questions:
            began = time.perf_counter()
            try:
                prompt = self._prompts.prepare(question)
            except LibraBenchError as error:
                failures.append(failed_answer(question, error))
                continue
            finally:
                self._seconds += time.perf_counter() - began
            ids = self._ids(prompt.text)
            asked: dict[str, Any] = {"prompt_token_ids": ids}
            if prompt.images:
                asked["multi_modal_data"] = {"image": prompt.images}
            yield Request(question.question_id, asked, ids, study_seed(seed, question.question_id))

    def render(self, question: Question) -> RenderedPrompt:
        """The prompt after the template; only vLLM knows how many positions its images take."""
        return RenderedPrompt(self._prompts.prepare(question).text, None)

    def text(self, token_ids: Sequence[int]) -> str:
        """The words of an answer."""
        return self._prompts.text(token_ids)

    def report(self) -> dict[str, Any]:
        """Where the time of the images went."""
        return {"seconds": {"images": self._seconds}}

    def _ids(self, text: str) -> list[int]:
        """Token ids, an image as its one mark, which vLLM widens."""
        tokenizer = self._processor.tokenizer
        return list(tokenizer(text, add_special_tokens=self._prompts.adds_special_tokens(text))["input_ids"])

"""Requests to an engine, one per study, and the interface of what makes them from questions."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from benchmarks.schema import Answer, Question
from model_adapters.adapter import RenderedPrompt
from model_adapters.generation.stopping import StopRule


@dataclass(frozen=True, slots=True)
class Request:
    """The request for one study."""

    key: Hashable
    prompt: Mapping[str, Any]
    """As vLLM takes it: `prompt_embeds`, or `prompt_token_ids` and `multi_modal_data`."""
    token_ids: Sequence[int]
    """The prompt's, for stop strings that begin in it."""
    seed: int


class PromptBuilder(Protocol):
    """Makes requests from questions, and words from tokens; one implementation per kind of checkpoint."""

    @property
    def rule(self) -> StopRule:
        """When a text ends."""
        ...

    def requests(self, questions: Sequence[Question], seed: int, failures: deque[Answer]) -> Iterator[Request]:
        """One request per question that can be asked; the others are answered in `failures`."""
        ...

    def render(self, question: Question) -> RenderedPrompt:
        """The prompt as the model reads it."""
        ...

    def text(self, token_ids: Sequence[int]) -> str:
        """The words of an answer."""
        ...

    def report(self) -> dict[str, Any]:
        """Seconds by part, and other facts for run.json."""
        ...

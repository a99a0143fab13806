"""The tutorial adapter: it answers every question with its own prompt. A complete adapter fits on a screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

from benchmarks.schema import Answer, Question
from model_adapters.adapter import Adapter, Decoding, ModelSpec


class EchoAdapter(Adapter):
    """Repeats the question. Needs no weights; useful to try a suite, and as the example to copy."""

    summary = "answers with the prompt; the tutorial adapter"
    needs_weights = False
    is_baseline = True
    follows_decoding = False

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Nothing to load."""
        return cls()

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield each prompt as the answer."""
        for question in questions:
            yield Answer(question.question_id, question.prompt, question.prompt, metadata={"finish": "stop"})

"""Floors: answers that need no model. A score means little beside a floor that it doesn't clear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from benchmarks.schema import Answer, Question
from model_adapters.protocol import Decoding, ModelSpec

CONSTANT_TEXT = "The lungs are clear. The heart size is normal. No pleural effusion or pneumothorax. No change."
"""The default of `constant`."""


class ConstantAdapter:
    """Says the same text about every study (option `text`)."""

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Take the text from the options."""
        return cls(str(spec.options.get("text") or CONSTANT_TEXT))

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """The text."""
        return {"text": str(spec.options.get("text") or CONSTANT_TEXT)}

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield the text for each question."""
        for question in questions:
            yield Answer(question.question_id, question.prompt, self._text, metadata={"finish": "stop"})

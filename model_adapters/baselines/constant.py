"""The same text for every study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

from benchmarks.schema import Answer, Question
from model_adapters.adapter import Adapter, Decoding, ModelSpec

CONSTANT_TEXT = "The lungs are clear. The heart size is normal. No pleural effusion or pneumothorax. No change."
"""The default of `constant`."""


class ConstantAdapter(Adapter):
    """Gives the same text for every study (option `text`)."""

    summary = "the same text for every study (--option text=...)"
    needs_weights = False
    is_baseline = True
    follows_decoding = False
    OPTIONS: ClassVar[Mapping[str, Any]] = {"text": str}

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
            yield answer_with(question, self._text)


def answer_with(question: Question, text: str, **metadata: Any) -> Answer:
    """A complete answer to a question."""
    return Answer(question.question_id, question.prompt, text, metadata={"finish": "stop", **metadata})

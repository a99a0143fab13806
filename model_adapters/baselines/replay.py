"""Answers from a file (`--model replay:FILE`): score text that was generated elsewhere as if it were a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from benchmarks.errors import GenerationError, ModelError
from benchmarks.files import sha256_file
from benchmarks.predictions import read_answers
from benchmarks.schema import Answer, Question, QuestionId
from model_adapters.adapter import Decoding, ModelSpec, failed_answer


class ReplayAdapter:
    """Repeats the answers of a JSONL or CSV file; a question that the file doesn't know is a failure."""

    def __init__(self, answers: Mapping[QuestionId, Answer], source: str) -> None:
        """Args: answers by question id (17 and "17" are one); where they come from, for messages."""
        self._answers, self._source = {str(key): answer for key, answer in answers.items()}, source

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Read the file."""
        path = _file_of(spec)
        return cls({answer.question_id: answer for answer in read_answers(path)}, str(path))

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """The hash of the file."""
        return {"answers_sha256": sha256_file(_file_of(spec))}

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield the recorded answer of each question."""
        for question in questions:
            recorded = self._answers.get(str(question.question_id))
            if recorded is None:
                what = f"no answer to question {question.question_id!r}"
                yield failed_answer(question, GenerationError(what, where=self._source))
            else:
                yield Answer(question.question_id, question.prompt, recorded.text, metadata=dict(recorded.metadata))


def _file_of(spec: ModelSpec) -> Path:
    if spec.path is None:
        raise ModelError("replay needs a file of answers", hint="write --model replay:FILE")
    path = Path(spec.path)
    if not path.is_file():
        raise ModelError("no such file of answers", where=path, hint="check the path after replay:")
    return path

"""Answers that are known already: those of a file (`--model replay:FILE`), or the references themselves (`oracle`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Self

from benchmarks.errors import GenerationError, ModelError
from benchmarks.files import sha256_file
from benchmarks.predictions import read_answers
from benchmarks.schema import Answer, Question, QuestionId, Sample
from model_adapters.adapter import Adapter, Decoding, ModelSpec, failed_answer


class ReplayAdapter(Adapter):
    """Repeats the answers of a JSONL or CSV file; a question that the file doesn't know is a failure."""

    summary = "answers generated elsewhere, from a JSONL or CSV file"
    needs_weights = True
    path_metavar = "FILE"
    follows_decoding = False

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


class OracleAdapter(ReplayAdapter):
    """Repeats the references. The one model that sees them: the run makes it, with `of`."""

    summary = "repeats the reference: the ceiling of every metric"
    needs_weights = False
    is_baseline = True

    @classmethod
    def of(cls, samples: Sequence[Sample], suite: str) -> Self:
        """The oracle of a suite's samples; one that has no reference fails."""
        answers = {s.question_id: Answer(s.question_id, "", s.references[0]) for s in samples if s.references}
        return cls(answers, f"the references of {suite}")

    @classmethod
    def load(cls, spec: ModelSpec) -> NoReturn:
        """Refused: no specification holds references.

        Raises:
            ModelError: always.
        """
        raise ModelError("repeats the references of a suite", where=f"--model {spec.name}", hint="use it with a run")

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """Nothing but the references, which the run knows."""
        return {}


def _file_of(spec: ModelSpec) -> Path:
    if spec.path is None:
        raise ModelError("replay needs a file of answers", hint="write --model replay:FILE")
    path = Path(spec.path)
    if not path.is_file():
        raise ModelError("no such file of answers", where=path, hint="check the path after replay:")
    return path

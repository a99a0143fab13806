"""The generate step: questions in, answers.jsonl out, whatever happens in between."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import overload

from benchmarks.errors import GenerationError, ImageError
from benchmarks.files import sha256_json
from benchmarks.files.stored import Picked
from benchmarks.schema import Answer, Question, QuestionId, Sample
from benchmarks.suites import Suite
from libra_bench.runs.answers import AnswerLog
from libra_bench.runs.options import OnError
from model_adapters.adapter import Adapter, Decoding, failed_answer


class Questions(Sequence[Question]):
    """The questions of samples whose images were looked up, made when they are asked: a suite may have very many."""

    def __init__(self, suite: Suite, samples: Sequence[Sample]) -> None:
        self._suite, self._samples = suite, samples

    @overload
    def __getitem__(self, place: int) -> Question: ...
    @overload
    def __getitem__(self, place: slice) -> Questions: ...
    def __getitem__(self, place: int | slice) -> Question | Questions:
        if isinstance(place, slice):
            return Questions(self._suite, self._samples[place])
        return self._suite.checked_question(self._samples[place])

    def __iter__(self) -> Iterator[Question]:
        return map(self._suite.checked_question, self._samples)

    def __len__(self) -> int:
        return len(self._samples)


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions of a suite, and those that cannot even be asked."""

    questions: Questions
    failures: list[Answer]


def ask(
    suite: Suite,
    samples: Sequence[Sample],
    *,
    on_error: OnError,
    follow_links: bool = False,
    on_checked: Callable[[int], None] = lambda number: None,
) -> Asked:
    """Turn samples into questions; every image path is checked before a model is loaded.

    Args:
        suite: theirs.
        samples: what is to be asked.
        on_error: what to do about a sample whose images are not there.
        follow_links: allow symbolic links that lead out of the image root.
        on_checked: told how many samples are checked by now.

    Raises:
        ImageError: an image is missing, outside the image root or one too many, and `on_error` is "stop".
    """
    from benchmarks.images import ImageFinder

    finder = ImageFinder(suite.image_root, follow_links=follow_links)
    found = array("q")
    failures: list[Answer] = []
    for place, sample in enumerate(samples):
        try:
            suite.check_images(sample, finder)
            found.append(place)
        except ImageError as error:
            if on_error == "stop":
                raise ImageError(
                    error.what,
                    where=f"question {sample.question_id!r}: {error.where}",
                    hint=f"{error.hint}; or record the failure and continue: --on-error record",
                ) from error
            failures.append(failed_answer(Question(sample.question_id, sample.text, ()), error))
        on_checked(place + 1)
    return Asked(Questions(suite, Picked(samples, found)), failures)


def answer_id(fingerprint: str, question_id: QuestionId) -> str:
    """The id of an answer: the same run gives the same id."""
    return sha256_json([fingerprint, question_id])[:22]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every answer of a run carries."""

    fingerprint: str
    model_id: str

    def on(self, answer: Answer) -> Answer:
        """The answer with the run's ids."""
        return replace(answer, answer_id=answer_id(self.fingerprint, answer.question_id), model_id=self.model_id)


def record_failures(failures: Sequence[Answer], log: AnswerLog, stamp: Stamp, *, on_answer: Callable[[], None]) -> None:
    """Write down the questions that could not be asked."""
    for failure in failures:
        log.append(stamp.on(failure))
        on_answer()


def generate(
    adapter: Adapter,
    questions: Sequence[Question],
    decoding: Decoding,
    log: AnswerLog,
    stamp: Stamp,
    *,
    on_error: OnError,
    on_answer: Callable[[], None],
) -> None:
    """Ask every question and write each answer as it comes.

    Raises:
        GenerationError: a study failed and `on_error` is "stop", or the adapter broke its protocol. What was
            answered before is on disk.
    """
    expected = {question.question_id for question in questions}
    for answer in _protocol_checked(adapter.generate(questions, decoding), expected):
        if answer.failed and on_error == "stop":
            raise GenerationError(
                f"question {answer.question_id!r} failed: {answer.metadata.get('error')}",
                hint="fix it and run it again (answers so far are kept), or add --on-error record",
            )
        log.append(stamp.on(answer))
        on_answer()
    if expected:
        raise GenerationError(
            f"the model left {len(expected)} questions without an answer, the first {min(map(str, expected))!r}",
            hint="its adapter must yield one answer per question",
        )


def _protocol_checked(answers: Iterator[Answer], expected: set[QuestionId]) -> Iterator[Answer]:
    """Pass answers on, taking each from `expected`; an answer to no question, or a second one, is an error."""
    for answer in answers:
        if answer.question_id not in expected:
            raise GenerationError(f"the model answered {answer.question_id!r}, which is not an open question")
        expected.discard(answer.question_id)
        yield answer

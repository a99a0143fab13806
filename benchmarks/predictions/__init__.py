"""Answers from a file, whoever wrote it, and their match with the studies of a suite."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.errors import SuiteError
from benchmarks.files.stored import Picked, stored
from benchmarks.schema import Answer, Sample, is_truncated
from benchmarks.suites import check_unique, question_id_of
from benchmarks.tables import read_rows
from benchmarks.wording import first_few

ANSWER_COLUMNS = ("text", "prediction", "generated", "output")
"""What the column of the answers may be called."""


def read_answers(path: Path, samples: Sequence[Sample] | None = None) -> Sequence[Answer]:
    """Read answers in file order: JSON lines, a JSON array, CSV, Parquet, a dataset on disk, or a text per line.

    A row needs `question_id` and the text, under one of `ANSWER_COLUMNS`. Where no row has an id (or a row is a text
    alone), the answers are those to the samples, in their order.

    Args:
        path: the file.
        samples: what the answers belong to; None where ids are needed.

    Raises:
        InputError: the file cannot be read.
        SuiteError: an id or a text is missing, of a wrong type, or an id occurs twice; names file and line. Or there
            are no ids, and not as many answers as samples.
    """
    rows = stored(read_rows(path, text_columns=ANSWER_COLUMNS))
    if not rows:
        raise SuiteError("holds no answers", where=path, hint="give a file with at least one line")
    numbered: Iterable[tuple[str, Mapping[str, Any]]] = rows
    if samples is not None and not any("question_id" in row for _, row in rows):
        if len(rows) != len(samples):
            raise SuiteError(
                f"{len(rows)} answers without question_id, but {len(samples)} references",
                where=path,
                hint="give one answer per reference, in the same order, or a question_id with each",
            )
        numbered = (
            (place, {**row, "question_id": sample.question_id})
            for (place, row), sample in zip(rows, samples, strict=True)
        )
    return stored(_answers(numbered))


def _answers(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[Answer]:
    places: dict[str, str] = {}
    for place, row in rows:
        answer = _answer(row, place)
        check_unique(answer.question_id, place, places)
        yield answer


def _answer(row: Mapping[str, Any], place: str) -> Answer:
    question_id = question_id_of(row, place)
    metadata = row.get("metadata", {})
    return Answer(
        question_id,
        prompt=str(row.get("prompt", "")),
        text=_text_of(row, place),
        answer_id=str(row.get("answer_id", "")),
        model_id=str(row.get("model_id", "")),
        metadata=metadata if isinstance(metadata, Mapping) else {},
    )


def _text_of(row: Mapping[str, Any], place: str) -> str:
    """The answer of a row.

    Raises:
        SuiteError: there is none, it is no text, or several columns hold different ones.
    """
    found = {column: row[column] for column in ANSWER_COLUMNS if row.get(column) is not None}
    texts = list(found.values())
    if texts and not all(isinstance(text, str) for text in texts):
        raise SuiteError(
            "the answer (text) is not a text", where=place, hint='put the answer under `text`; an empty answer is ""'
        )
    if not texts:
        raise SuiteError(
            "the answer (text) is missing",
            where=place,
            hint=f'put the answer under {", ".join(ANSWER_COLUMNS)}; an empty answer is ""',
        )
    if len(set(texts)) > 1:
        raise SuiteError(
            f"which is the answer: {', '.join(found)}?", where=place, hint="leave one of these columns in the file"
        )
    return str(texts[0])


def match_answers(answers: Sequence[Answer], samples: Sequence[Sample], *, where: object) -> Sequence[Answer]:
    """One answer per sample, in the order of the samples; 17 and "17" are one id.

    Args:
        answers: one per id.
        samples: the suite's.
        where: what an error names: the file of the answers.

    Raises:
        SuiteError: two answers of one id, a sample without an answer or an answer without a sample; names the ids.
    """
    if len(answers) == len(samples) and all(
        str(answer.question_id) == str(sample.question_id) for answer, sample in zip(answers, samples, strict=True)
    ):
        return answers  # nothing to look up
    by_id: dict[str, int] = {}
    for number, answer in enumerate(answers):
        if (first := by_id.setdefault(str(answer.question_id), number)) != number:
            other = answers[first]
            raise SuiteError(
                f"two answers to question {answer.question_id!r}"
                + (
                    ""
                    if type(other.question_id) is type(answer.question_id)
                    else f" ({other.question_id!r} is the same)"
                ),
                where=where,
                hint="keep one of them",
            )
    wanted = {str(sample.question_id) for sample in samples}
    missing = [sample.question_id for sample in samples if str(sample.question_id) not in by_id]
    unknown = [answers[number].question_id for key, number in by_id.items() if key not in wanted]
    if missing or unknown:
        faults = [f"{len(missing)} of {len(samples)} studies have no answer ({first_few(missing)})"] if missing else []
        faults += [f"{len(unknown)} answers belong to no study ({first_few(unknown)})"] if unknown else []
        raise SuiteError(
            " and ".join(faults), where=where, hint="answers and references must have the same question_ids"
        )
    return Picked(answers, array("Q", (by_id[str(sample.question_id)] for sample in samples)))


@dataclass(frozen=True, slots=True)
class AnswerCounts:
    """How many answers failed, are empty though they didn't fail, or were cut at max_new_tokens."""

    n_failed: int
    n_empty: int
    n_truncated: int


def count_answers(answers: Sequence[Answer], samples: Sequence[Sample]) -> AnswerCounts:
    """Count what readers of scores should know about the answers.

    Where generation did not say how it ended, a text without closing punctuation counts as truncated, unless the
    references have none either ("yes", a list of labels).

    Args:
        answers: N.
        samples: N, in the same order.
    """
    return AnswerCounts(
        n_failed=sum(answer.failed for answer in answers),
        n_empty=sum(answer.empty for answer in answers),
        n_truncated=sum(_is_truncated(answer, sample) for answer, sample in zip(answers, samples, strict=True)),
    )


def _is_truncated(answer: Answer, sample: Sample) -> bool:
    if answer.failed or answer.empty or answer.finish is not None:
        return answer.finish == "length"
    has_truth = bool(sample.references) or sample.labels is not None
    closed_truth = any(not is_truncated(reference) for reference in sample.references)
    return is_truncated(answer.text) and (closed_truth or not has_truth)

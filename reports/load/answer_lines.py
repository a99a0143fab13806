"""The answers of a run folder one at a time: where each is in answers.jsonl, and no more, is kept in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.errors import InputError
from benchmarks.files import json_object, reading
from benchmarks.schema import QuestionId


class AnswerLines:
    """An answers.jsonl that is read again where an answer is asked for.

    Args:
        path: the file.

    Raises:
        InputError: it is not there, or a line of it is no answer; names the line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._starts: dict[QuestionId, int] = {}
        self.words: dict[QuestionId, int] = {}
        """Question -> the number of words of its answer."""
        for start, answer in self._read():
            self._starts[answer["question_id"]] = start
            self.words[answer["question_id"]] = len((answer["text"] or "").split())

    @property
    def ids(self) -> list[QuestionId]:
        """The questions that are answered, in the order of the file."""
        return list(self._starts)

    def __len__(self) -> int:
        return len(self._starts)

    def __contains__(self, question_id: object) -> bool:
        return question_id in self._starts

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Every answer, in the order of the file."""
        return (answer for _, answer in self._read())

    def of(self, question_ids: list[QuestionId]) -> dict[QuestionId, dict[str, Any]]:
        """The answers to these questions, as far as there are any."""
        found = {}
        with reading(self._path), self._path.open("rb") as stream:
            for question_id in question_ids:
                if (start := self._starts.get(question_id)) is not None:
                    stream.seek(start)
                    place = str(self._path)
                    found[question_id] = _checked(json_object(stream.readline(), place), place)
        return found

    def _read(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(Where it starts, answer) of each line."""
        start = 0
        with reading(self._path), self._path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    place = f"{self._path}:{number}"
                    yield start, _checked(json_object(line, place), place)
                start += len(line)


def _checked(answer: Mapping[str, Any], place: str) -> dict[str, Any]:
    """The answer with all that a reader expects; raises where it is none."""
    metadata = answer.get("metadata") or {}
    named = isinstance(answer.get("question_id"), int | str)
    if not named or not isinstance(metadata, dict) or not isinstance(answer.get("text") or "", str):
        raise InputError("this line is not an answer", where=place, hint="remove the line")
    return {**answer, "prompt": answer.get("prompt"), "text": answer.get("text"), "metadata": metadata}

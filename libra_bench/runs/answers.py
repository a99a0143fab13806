"""The answers of a run on disk: appended as they come, resumed after a crash, put in suite order at the end.

While a run is under way each process appends to a file of its own (`answers.jsonl`, `answers.rank1.jsonl`, ...);
`finish` merges them. Whatever number of processes comes back after a crash reads all of them.
"""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any, Self

from benchmarks.errors import InputError, StorageError
from benchmarks.files import dump_json_line, private_opener, write_jsonl
from benchmarks.files.json_text import parse_json
from benchmarks.files.stored import ById, stored
from benchmarks.records.json_record import plain
from benchmarks.schema import Answer, QuestionId

ANSWERS_FILE = "answers.jsonl"
_OF_A_RANK = re.compile(r"answers\.rank[1-9][0-9]*\.jsonl")
SYNC_SECONDS = 0.2
"""An answer reaches the kernel at once (it survives a kill) and the disk after this long (a power cut)."""


def answer_files(folder: Path) -> list[Path]:
    """The answer files of a run, one per process that wrote; nothing else in the folder is ever touched."""
    return [folder / ANSWERS_FILE] * (folder / ANSWERS_FILE).is_file() + sorted(
        (path for path in folder.glob("answers.rank*.jsonl") if _OF_A_RANK.fullmatch(path.name)),
        key=lambda path: int(path.name.split(".")[1].removeprefix("rank")),
    )


class AnswerLog:
    """The answer files of one run folder, as one process sees them.

    Args:
        folder: the run folder.
        rank: this process's number; 0 writes `answers.jsonl`.
    """

    def __init__(self, folder: Path, rank: int = 0) -> None:
        self.folder = folder
        self.path = folder / (ANSWERS_FILE if rank == 0 else f"answers.rank{rank}.jsonl")
        self._stream: io.FileIO | None = None
        self._synced = 0.0
        self._lines = 0
        """Answers that were read last, those that are there twice counted twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self) -> Mapping[QuestionId, Answer]:
        """All answers that are there, by question id, from every process's file; cuts off a torn last line.

        An answer may be there twice, word for word: a crash while the files were merged leaves it so.

        Raises:
            InputError: a line that isn't an answer, elsewhere than at the end; or two different answers of one id.
        """
        places: dict[QuestionId, int] = {}
        again: list[tuple[int, int, Path]] = []

        def lines() -> Iterator[Answer]:
            numbers = count()
            for path in answer_files(self.folder):
                _mend_last_line(path)
                for answer, number in zip(read_answer_lines(path), numbers, strict=False):
                    if (first := places.setdefault(answer.question_id, number)) != number:
                        again.append((first, number, path))
                    yield answer

        answers = stored(lines())
        self._lines = len(answers)
        for first, second, path in again:
            if answers[first] != answers[second]:
                raise InputError(
                    f"two different answers to question {answers[first].question_id!r}",
                    where=path,
                    hint="keep one of the lines and run again",
                )
        return ById(answers, places)

    def read_for(self, order: Sequence[QuestionId]) -> Mapping[QuestionId, Answer]:
        """All answers that are there, which must be to these questions.

        Raises:
            InputError: as `read`; or an answer to another question, which was added by hand.
        """
        answers, known = self.read(), set(order)
        if unknown := [key for key in answers if key not in known]:
            raise InputError(
                f"{len(unknown)} answers to questions that the suite does not have, the first {unknown[0]!r}",
                where=self.folder / ANSWERS_FILE,
                hint="remove these lines and run again",
            )
        return answers

    def append(self, answer: Answer) -> None:
        """Add one answer.

        Raises:
            StorageError: it could not be written whole; the file ends after the last whole answer.
        """
        if self._stream is None:
            self._stream = io.FileIO(self.path, "ab", opener=private_opener(self.path))
        start = os.fstat(self._stream.fileno()).st_size
        line = dump_json_line({**asdict(answer), "metadata": plain(answer.metadata)}).encode(errors="replace")
        try:
            written = self._stream.write(line)
            if written != len(line):
                raise OSError(28, "No space left on device")
            if time.monotonic() - self._synced > SYNC_SECONDS:
                self.sync()
        except OSError as error:
            os.ftruncate(self._stream.fileno(), start)
            raise StorageError(
                f"cannot write an answer ({error.strerror})",
                where=self.path,
                hint="free some space and run the same command again: all earlier answers are kept",
            ) from error

    def sync(self) -> None:
        """Make sure that everything appended is on the disk."""
        if self._stream is not None:
            os.fsync(self._stream.fileno())
            self._synced = time.monotonic()

    def close(self) -> None:
        """Sync and close."""
        if self._stream is not None:
            self.sync()
            self._stream.close()
            self._stream = None

    def forget(self, question_ids: Iterable[QuestionId]) -> None:
        """Remove answers, so that their questions are asked again."""
        dropped = set(question_ids)
        if dropped:
            self._replace([answer for key, answer in self.read().items() if key not in dropped])

    def finish(
        self, order: Sequence[QuestionId], answers: Mapping[QuestionId, Answer] | None = None
    ) -> Sequence[Answer]:
        """Write `answers.jsonl` in suite order, every question once, and remove the other processes' files.

        Args:
            order: the questions.
            answers: what `read_for` gave just now; None: read them.

        Raises:
            InputError: a question has no answer, or an answer no question.
        """
        self.close()
        answers = self.read_for(order) if answers is None else answers
        if missing := [key for key in order if key not in answers]:
            raise InputError(
                f"{len(missing)} questions without an answer", where=self.folder, hint="run the same command again"
            )
        complete = stored(answers[key] for key in order)
        is_done = self._lines == len(order) and list(answers) == list(order)
        if not is_done or answer_files(self.folder) != [self.folder / ANSWERS_FILE]:
            self._replace(complete)
        return complete

    def _replace(self, answers: Iterable[Answer]) -> None:
        self.close()
        write_jsonl(self.folder / ANSWERS_FILE, (asdict(answer) for answer in answers))
        for path in answer_files(self.folder):
            if path.name != ANSWERS_FILE:
                path.unlink()


def read_answer_lines(path: Path) -> Iterator[Answer]:
    """The answers of one file that libra-bench wrote.

    Raises:
        InputError: a line that is not an answer; names it.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield _answer_of(parse_json(line))
            except (TypeError, ValueError) as error:
                raise InputError(
                    "this line is not an answer", where=f"{path}:{number}", hint="remove the line and run again"
                ) from error


def _answer_of(value: Any) -> Answer:
    """A line's answer; raises TypeError where it is none."""
    answer = Answer(**value)
    fields = (answer.prompt, answer.text, answer.answer_id, answer.model_id)
    if isinstance(answer.question_id, bool) or not isinstance(answer.question_id, int | str):
        raise TypeError("question_id")
    if not all(isinstance(field, str) for field in fields) or not isinstance(answer.metadata, dict):
        raise TypeError("a field of another type")
    return answer


def _mend_last_line(path: Path) -> None:
    """Cut off the incomplete last line that a killed process may leave; a complete one gets its missing newline."""
    with path.open("rb+") as stream:
        content_end = stream.seek(0, os.SEEK_END)
        position = content_end
        while position > 0:
            step = min(4096, position)
            stream.seek(position - step)
            newline = stream.read(step).rfind(b"\n")
            if newline >= 0:
                position = position - step + newline + 1
                break
            position -= step
        if position == content_end:
            return
        stream.seek(position)
        try:
            _answer_of(parse_json(stream.read()))
        except (TypeError, ValueError):
            stream.truncate(position)
        else:
            stream.write(b"\n")

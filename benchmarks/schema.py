"""What travels through a run: suite -> Sample -> Question -> Answer, each one line of a file.

The files of a run folder that come after it (scores, statistics, the run's own record) have their types in
`benchmarks.records`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

QuestionId: TypeAlias = int | str
Finish: TypeAlias = Literal["stop", "length", "error"]
FINISHES = get_args(Finish)
_CLOSED = re.compile(r"[.!?:;][\"')\]]*\s*$")

REFERENCE_KEYS = ("reference", "findings", "impression", "answer")
"""Fields that may hold the reference; the first of these that exists counts."""

HIDDEN_KEYS = frozenset({*REFERENCE_KEYS, "labels", "changes", "finding_labels"})
"""What an adapter never sees of a sample: the truth (`changes`, `finding_labels`: what a phantom was drawn from)."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked: everything an adapter may see of a sample."""

    question_id: QuestionId
    prompt: str
    """The user's words, before any conversation template."""
    images: tuple[Path, ...]
    """No image, the current image, or (current, prior); existing files, inside the image root."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The sample's other fields, references and labels excluded."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One study of a suite: a question and what is known to be true of it."""

    question_id: QuestionId
    images: tuple[str, ...]
    """Image paths as the suite file has them: relative to the image root."""
    text: str
    """The prompt."""
    references: tuple[str, ...] = ()
    """Alternative references; empty where the suite has none (generation only)."""
    labels: tuple[str, ...] | None = None
    """The true label set (may be empty), or None where the suite has no labels."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Every other key of the line: used to stratify scores and to cluster by patient."""

    @property
    def has_prior(self) -> bool:
        """Whether a prior image is given (the suite's own `has_prior` wins)."""
        stated = self.fields.get("has_prior")
        return len(set(self.images)) > 1 if stated is None else bool(stated)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered; one line of answers.jsonl."""

    question_id: QuestionId
    prompt: str
    text: str
    answer_id: str = ""
    """Set by the run: the same run gives the same id."""
    model_id: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """`finish` ("stop", "length", "error"), `new_tokens`, `seconds`, `error`, `alternatives`."""

    @property
    def finish(self) -> Finish | None:
        """How generation ended, or None where it isn't known (answers from elsewhere)."""
        stated = self.metadata.get("finish")
        return stated if stated in FINISHES else None

    @property
    def failed(self) -> bool:
        """Whether this is the record of a failure, scored as an empty text."""
        return self.finish == "error"

    @property
    def empty(self) -> bool:
        """Whether it says nothing, though it didn't fail."""
        return not self.failed and not self.text.strip()


def is_truncated(text: str, finish: object = None) -> bool:
    """Whether a non-empty text was cut off: as generation says, else because it lacks closing punctuation."""
    if finish in ("stop", "length"):
        return finish == "length"
    return not _CLOSED.search(text)

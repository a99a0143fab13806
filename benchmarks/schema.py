"""What travels through a run: suite -> Sample -> Question -> Answer, each one line of a file.

The files of a run folder that come after it (scores, statistics, the run's own record) have their types in
`benchmarks.records`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, get_args

QuestionId: TypeAlias = int | str
Finish: TypeAlias = Literal["stop", "length", "error"]
FINISHES = get_args(Finish)
_Image = TypeVar("_Image", str, Path)
_CLOSED = re.compile(r"[.!?:;][\"')\]]*\s*$")

Role: TypeAlias = Literal["current", "lateral", "prior", "prior_lateral"]
"""What an image is to its study."""
ROLES: tuple[Role, ...] = get_args(Role)
ROLE_NAMES: Mapping[Role, str] = {
    "current": "Current",
    "lateral": "Lateral",
    "prior": "Prior",
    "prior_lateral": "Prior lateral",
}
"""Role -> how it is shown."""
LATERAL_OF: Mapping[Role, Role] = {"lateral": "current", "prior_lateral": "prior"}
"""Lateral image -> the frontal one of the same study."""
FRONTALS: tuple[Role, Role] = ("current", "prior")
IMAGE_COLUMNS: Mapping[str, Role] = {f"{role}_image": role for role in ("prior", *LATERAL_OF)}
"""Field of a row in which a further image may stand by itself, as a table has it -> its role."""
PRIOR_REPORT = "prior_report"
"""The field that holds the report of the study that the prior image is from."""

REFERENCE_KEYS = ("reference", "findings", "impression", "answer")
"""Fields that may hold the reference; the first of these that exists counts."""

HIDDEN_KEYS = frozenset({*REFERENCE_KEYS, "labels", "changes", "finding_labels", "sentences"})
"""What an adapter never sees of a sample: the truth (`changes`, `finding_labels`: what a phantom was drawn
from; `sentences`: a report sentence by sentence, with boxes)."""


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
    laterals: Mapping[Role, Path] = field(default_factory=dict)
    """`lateral` and `prior_lateral`, where the suite has them."""
    said: tuple[str, ...] = ()
    """What was said about this study before: question, answer, question, answer, ... Only in a conversation."""

    @property
    def by_role(self) -> dict[Role, Path]:
        """Every image by its role, in the order of `ROLES`."""
        return _by_role(self.images, self.laterals)


@dataclass(frozen=True, slots=True)
class Sample:
    """One study of a suite: a question and what is known to be true of it."""

    question_id: QuestionId
    images: tuple[str, ...]
    """The frontal images, current or (current, prior), as the suite file has them: relative to the image root."""
    text: str
    """The prompt."""
    references: tuple[str, ...] = ()
    """Alternative references; empty where the suite has none (generation only)."""
    labels: tuple[str, ...] | None = None
    """The true label set (may be empty), or None where the suite has no labels."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Every other key of the line: used to stratify scores and to cluster by patient."""
    laterals: Mapping[Role, str] = field(default_factory=dict)
    """`lateral` and `prior_lateral`, where there are any."""

    @property
    def by_role(self) -> dict[Role, str]:
        """Every image by its role, in the order of `ROLES`."""
        return _by_role(self.images, self.laterals)

    @property
    def image_value(self) -> list[str] | dict[Role, str]:
        """The images as a line of a suite's file has them: a list, or an object where there are laterals."""
        return self.by_role if self.laterals else list(self.images)

    @property
    def has_prior(self) -> bool:
        """Whether a prior image is given (the suite's own `has_prior` wins)."""
        stated = self.fields.get("has_prior")
        return len(set(self.images)) > 1 if stated is None else bool(stated)

    def __reduce__(self) -> tuple[type[Sample], tuple[Any, ...]]:
        """As it is pickled: four times as quick as a dataclass by itself."""
        return Sample, tuple([getattr(self, name) for name in self.__slots__])


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

    def __reduce__(self) -> tuple[type[Answer], tuple[Any, ...]]:
        """As it is pickled, see `Sample`."""
        return Answer, tuple([getattr(self, name) for name in self.__slots__])


def parts_in_words(counts: Mapping[str, int]) -> str:
    """Parts of studies and in how many: "lateral images of 37 studies, prior reports of 1 study"."""
    names = {role: f"{ROLE_NAMES[role].lower()} images" for role in ROLES} | {PRIOR_REPORT: "prior reports"}
    return ", ".join(
        f"{names.get(name, name)} of {count} {'study' if count == 1 else 'studies'}" for name, count in counts.items()
    )


def frontal_images(images: list[str] | Mapping[str, str]) -> list[str]:
    """The frontal images of what a line has under `image`: training data know no others."""
    return [images[role] for role in FRONTALS if role in images] if isinstance(images, Mapping) else list(images)


def _by_role(images: Sequence[_Image], laterals: Mapping[Role, _Image]) -> dict[Role, _Image]:
    named = {**dict(zip(FRONTALS, images, strict=False)), **laterals}
    return {role: named[role] for role in ROLES if role in named}


def is_truncated(text: str, finish: object = None) -> bool:
    """Whether a non-empty text was cut off: as generation says, else because it lacks closing punctuation."""
    if finish in ("stop", "length"):
        return finish == "length"
    return not _CLOSED.search(text)

"""What a judge is asked, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from benchmarks.errors import UnreadableReplyError
from benchmarks.files import sha256_json
from libra_bench.metrics.judges.judgements import Judgement

Message = Mapping[str, str]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """What a judge is asked."""

    messages: tuple[Message, ...]
    prompt: str
    """Hash of what is the same in all questions of this kind (see `prompt_hash`)."""
    texts: tuple[str, ...]
    """What is not."""
    read: Callable[[str], T]
    """Makes a verdict of a reply; raises UnreadableReplyError."""
    response_format: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What became of a question."""

    verdict: T | None
    failure: str | None
    """Why there is no verdict."""
    judgement: Judgement | None
    """None if there was no reply."""


def prompt_hash(messages: Sequence[Message], response_format: Mapping[str, Any] | None) -> str:
    """The identity of a prompt, from its messages with placeholders for texts."""
    return sha256_json([[dict(message) for message in messages], response_format])[:16]


def outcome_of(question: Question[T], judgement: Judgement) -> Outcome[T]:
    """A reply, read."""
    try:
        return Outcome(question.read(judgement.text), None, judgement)
    except UnreadableReplyError as error:
        cut = f" (cut off after {judgement.completion_tokens or 'max_tokens'} tokens)"
        return Outcome(None, f"{error}{cut if judgement.finish == 'length' else ''}", judgement)

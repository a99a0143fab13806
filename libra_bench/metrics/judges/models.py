"""Who answers a judge's questions: a model that is served, or one in this process."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from libra_bench.metrics.judges.judgements import Judgement
from libra_bench.metrics.judges.questions import Message


@dataclass(frozen=True, slots=True)
class Request:
    """A question with its decoding."""

    messages: tuple[Message, ...]
    response_format: Mapping[str, Any] | None
    temperature: float | None
    max_tokens: int
    seed: int


class JudgeModel(Protocol):
    """One model."""

    @property
    def name(self) -> str:
        """In signatures and messages."""
        ...

    @property
    def revision(self) -> str | None:
        """What distinguishes it from others of the same name."""
        ...

    @property
    def place(self) -> str:
        """Where it is, for people."""
        ...

    @property
    def at_once(self) -> int:
        """Questions that are answered side by side, each in the time that its judgement states."""
        ...

    @property
    def decoding_facts(self) -> Mapping[str, str]:
        """What its replies depend on besides a request."""
        ...

    def check(self) -> None:
        """Find out whether it can be asked, at next to no cost.

        Raises:
            ModelError: it cannot.
        """
        ...

    def replies(
        self, requests: Mapping[str, Request], keep: Callable[[str, Judgement], None]
    ) -> Generator[tuple[str, Judgement | str], None, None]:
        """Key -> the reply, or why there is none; in any order. Closing the generator breaks off what is under way.

        Args:
            requests: by any key.
            keep: called with each reply as soon as it is there, from any thread.

        Raises:
            ModelError: no request can succeed.
        """
        ...

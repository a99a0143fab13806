"""What judging will cost: shown before the first request, and confirmed by the user if it is much."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import humanize

from benchmarks.errors import InputError

CHARACTERS_PER_TOKEN = 4
"""Of English prose; an estimate needs no tokenizer."""
REPLY_TOKENS = 500
"""Expected of a reply where no earlier one says how long they are."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is left to ask."""

    questions: int
    kept: int
    """Answered before."""
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    seconds: float | None
    """None where no earlier reply tells how long one takes."""

    def in_words(self, judge: str) -> str:
        """One line."""
        parts = [
            f"about {humanize.intword(self.prompt_tokens)} tokens in, {humanize.intword(self.completion_tokens)} out"
        ]
        if self.cost is not None:
            parts.append(f"{self.cost:,.2f} at your prices")
        if self.seconds is not None:
            parts.append(humanize.naturaldelta(self.seconds))
        before = f", {self.kept:,} answered before" if self.kept else ""
        questions = "question" if self.questions == 1 else "questions"
        return f"{self.questions:,} {questions} to {judge}{before}: {', '.join(parts)}"


def expected(known: Sequence[float], otherwise: float | None) -> float | None:
    """The mean of what is known."""
    return sum(known) / len(known) if known else otherwise


def confirm(metric: str, said: str, questions: int, ask_above: int) -> bool:
    """Ask in a terminal whether to send so many requests.

    Returns:
        Whether the user was asked, and agreed.

    Raises:
        InputError: no, or there is no terminal to ask on.
    """
    if questions <= ask_above:
        return False
    hint = f"write {metric}[...,ask_above={questions}] to allow them without a question"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InputError(f"{said}; that is more than ask_above={ask_above}", where=metric, hint=hint)
    print(f"{metric}: over {ask_above:,} questions. Continue? [y/N] ", end="", file=sys.stderr, flush=True)  # noqa: T201
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise InputError("nothing was asked", where=metric, hint=hint)
    return True

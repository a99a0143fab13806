"""What became of a study's text: the sequences that were generated, or why there are none."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

from benchmarks.errors import GenerationError


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A finished sequence."""

    token_ids: tuple[int, ...]
    """What was generated, the EOS id included."""
    score: float
    """Summed log-probabilities over length ** length_penalty."""
    finish: Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Generated:
    """What a study's text became."""

    key: Hashable
    hypotheses: tuple[Hypothesis, ...]
    """The best, then the alternatives."""
    seconds: float
    """From prefill to the last token; other studies were decoded beside it."""
    error: Exception | None = None
    """Why there is nothing."""

    @property
    def token_ids(self) -> tuple[int, ...]:
        """The answer's ids, the EOS id included."""
        return self.hypotheses[0].token_ids

    @property
    def score(self) -> float:
        """The answer's summed log-probability over its length ** length_penalty."""
        return self.hypotheses[0].score

    @property
    def finish(self) -> Literal["stop", "length"]:
        """How the answer ended."""
        return self.hypotheses[0].finish


def not_finite() -> GenerationError:
    """Why a study has no text whose log-probabilities overflowed."""
    return GenerationError("the model's numbers are not finite", hint="try another dtype: bfloat16 or float32")

"""A study on its way through a decoder: its prompt, its search, its random numbers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Self

import numpy as np

from benchmarks.errors import GenerationError
from model_adapters.adapter import Decoding, study_digest
from model_adapters.generation.generated import Generated, not_finite
from model_adapters.generation.search import BeamSearch, SingleSearch
from model_adapters.generation.stopping import StopRule
from model_adapters.libra.inputs.prompt_stream import Prompt


@dataclass(slots=True)
class Study:
    """A study that is being decoded."""

    prompt: Prompt
    search: BeamSearch | SingleSearch
    random: np.random.Generator
    started: float
    error: GenerationError | None = None

    def fail(self) -> None:
        """Give up: the model's numbers overflowed."""
        self.search.done = True
        self.error = not_finite()

    @property
    def position(self) -> int:
        """Position of the newest token."""
        return len(self.prompt.embeddings_SH) + self.search.num_new - 1

    @classmethod
    def begin(cls, prompt: Prompt, decoding: Decoding, rule: StopRule, started: float) -> Self:
        """A study before its first token; its random numbers depend on nothing but the seed and its key."""
        kind = BeamSearch if decoding.num_beams > 1 else SingleSearch
        random = np.random.default_rng(int.from_bytes(study_digest(decoding.seed, prompt.key)[:16], "big"))
        return cls(prompt, kind(prompt.token_ids, decoding, rule), random, started)

    def result(self) -> Generated:
        """What became of it."""
        hypotheses = () if self.error else tuple(self.search.results())
        return Generated(self.prompt.key, hypotheses, time.perf_counter() - self.started, self.error)

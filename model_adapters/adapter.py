"""What an adapter is: `load` a model once, then `generate` an answer a question.

The smallest complete adapter is `echo.py`. A third party adds one through the entry point
`libra_bench.adapters` (name = "package.module:Class").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from benchmarks.errors import LibraBenchError
from benchmarks.schema import Answer, Question


@dataclass(frozen=True, slots=True)
class Decoding:
    """How text is decoded. Part of a run's fingerprint."""

    num_beams: int = 1
    """How many beams beam search keeps; 1: greedy."""
    length_penalty: float = 1.0
    """A beam's summed log-probability is divided by (generated tokens ** length penalty)."""
    no_repeat_ngram_size: int = 0
    """n-grams of this size never occur twice in prompt and output together; 0 is off."""
    num_return_sequences: int = 1
    """How many beams `metadata.alternatives` keeps; the first is the answer."""
    max_new_tokens: int = 1024
    """How many tokens a text may have; it is cut there."""
    temperature: float = 0.0
    """0: no sampling (greedy with one beam, else beam search)."""
    top_p: float | None = None
    """Sample only from the most likely tokens that have this share of the probability; (0, 1]."""
    seed: int = 0
    """Decides the answers only when sampling."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Which model to load, and how. What the command line and the model card say, put together."""

    name: str
    """As the user gave it; also the default model id."""
    adapter: str
    path: str | None = None
    """A folder or file, or a hub id; None for adapters that need no weights."""
    model_base: str | None = None
    """The base model of a LoRA or projector-only checkpoint."""
    conv_mode: str | None = None
    """Conversation template; None: the checkpoint's or the card's."""
    device: str | None = None
    """None: the accelerator if there is one, else the CPU."""
    dtype: str | None = None
    """"float32", "bfloat16", "float16"; None: bfloat16 on an accelerator, float32 on a CPU."""
    batch_size: int | None = None
    """Studies decoded together; None: the adapter chooses."""
    card: Mapping[str, Any] = field(default_factory=dict)
    """The model card's fields."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further options of this adapter (`workers`, `base_url`, `train`, `trust_remote_code`, ...). An adapter declares
    them in a class attribute `OPTIONS`, name -> int, float, bool or str; without one it gets what the user gave."""


@dataclass(frozen=True, slots=True)
class RenderedPrompt:
    """What the model really reads for a question."""

    text: str
    """After the conversation template; `<image>` marks where image features go."""
    num_tokens: int | None
    """Prompt tokens, image features included; None where the model does not say."""


class Adapter(Protocol):
    """A model that answers questions. Only `load` and `generate` are required."""

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Load what generation needs.

        Raises:
            ModelError: the model cannot be loaded; one line says why and what to do.
        """
        ...

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield one Answer a question, in any order, each as soon as it is known.

        A question that fails is yielded as `failed_answer(question, error)`; the run decides whether that
        ends it (`--on-error`). Raising ends the run; what was yielded before is kept.
        """
        ...


class DescribesItself(Protocol):
    """What an adapter may offer besides; the run uses each where it is there."""

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """What decides the answers besides suite and decoding: weight hashes, tokenizer, template, dtype.

        Called before `load`, so that a finished run is recognised without loading the model. JSON values.
        """
        ...

    @classmethod
    def check_decoding(cls, spec: ModelSpec, decoding: Decoding) -> None:
        """Refuse settings that the model does not have. Called before `load`, which may be slow.

        Raises:
            InputError: names the setting, and what to do.
        """
        ...

    def render(self, question: Question) -> RenderedPrompt:
        """The prompt as the model reads it; shown before generation starts."""
        ...

    def stream(self, question: Question, decoding: Decoding, on_text: Callable[[str], None]) -> Answer:
        """Answer one question; `on_text` is called with the text so far, as often as there is more of it.

        The text so far may change, not only grow: with beam search another beam may come to lead.
        """
        ...

    def describe(self) -> Mapping[str, Any]:
        """What run.json should know: device, dtype, batch size, versions, timings, peak memory. JSON values."""
        ...


def failed_answer(question: Question, error: Exception) -> Answer:
    """The record of a question that could not be answered: an empty text that says why."""
    what = str(error) if isinstance(error, LibraBenchError) else f"{type(error).__name__}: {error}"
    return Answer(question.question_id, question.prompt, "", metadata={"finish": "error", "error": what})

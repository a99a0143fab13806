"""What an adapter is: `load` a model once, then `generate` one answer per question."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from benchmarks.errors import GenerationError, LibraBenchError
from benchmarks.schema import Answer, Question
from model_adapters.adapter.decoding import Decoding


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Which model to load, and how, from the command line and the model card."""

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
    """Options of this adapter alone (`workers`, `base_url`, `train`, ...); its class declares them in `OPTIONS`."""


@dataclass(frozen=True, slots=True)
class RenderedPrompt:
    """What the model reads for a question."""

    text: str
    """After the conversation template; `<image>` marks where image features go."""
    num_tokens: int | None
    """Prompt tokens, image features included; None where the model does not say."""


class Adapter(ABC):
    """A model that answers questions. `load` and `generate` are required; everything else has a default."""

    summary: ClassVar[str] = ""
    """One line about it, for `libra-bench models`."""
    needs_weights: ClassVar[bool | None] = None
    """True: a path must follow its name (`--model NAME:PATH`); False: none may; None: either."""
    path_metavar: ClassVar[str] = "PATH"
    """What follows the name, for listings and messages: PATH, FILE, NAME, ..."""
    is_baseline: ClassVar[bool] = False
    """Whether it is a baseline: a board shows it and never ranks it."""
    follows_decoding: ClassVar[bool] = True
    """Whether decoding settings decide its answers; the runs of others are filed under no protocol."""
    default_protocol: ClassVar[str | None] = None
    """The protocol where neither the user nor a card names one; None: the program's default."""
    asks_for_card: ClassVar[bool] = False
    """Whether a model of this adapter is only measured fairly with a card: its authors' prompt and decoding."""
    converses: ClassVar[bool] = False
    """Whether it reads what was said before (`Question.said`); others answer single questions."""
    OPTIONS: ClassVar[Mapping[str, Any]] = {}
    """The options it knows (`--option NAME=VALUE`): name -> int, float, bool, str, a Literal, a range
    (`Annotated[int, Ge(1)]`), or dict for a JSON object."""

    @classmethod
    @abstractmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Load what generation needs.

        Raises:
            ModelError: the model cannot be loaded; one line says why and what to do.
        """

    @abstractmethod
    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield one Answer per question, in any order, each as soon as it is known.

        A question that fails is yielded as `failed_answer(question, error)`; the run decides whether that
        ends it (`--on-error`). Raising ends the run; what was yielded before is kept.
        """

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """What decides the answers besides suite and decoding: weight hashes, tokenizer, template, dtype.

        Called before `load`, so that a finished run is recognised without loading the model. JSON values. The default
        is what the user said; it does not notice that a file has changed.
        """
        said = {
            "path": spec.path,
            "model_base": spec.model_base,
            "conv_mode": spec.conv_mode,
            "dtype": spec.dtype,
            "options": dict(spec.options),
        }
        return {name: value for name, value in said.items() if value}

    @classmethod
    def reads(cls, spec: ModelSpec) -> frozenset[str] | None:
        """What it reads of a study: roles of images (`benchmarks.schema.ROLES`) and `prior_report`.

        What a suite has beyond it is said once, recorded and shown beside the scores. Called after `identity`, before
        `load`. None, the default: it does not say.
        """
        return None

    @classmethod
    def own_decoding(cls, spec: ModelSpec) -> Mapping[str, int | float]:
        """Decoding settings that the checkpoint states itself, by Decoding field; for models without a card.

        Sampling is not among them: without a card, decoding is greedy.
        """
        return {}

    @classmethod
    def check_decoding(cls, spec: ModelSpec, decoding: Decoding) -> None:
        """Refuse settings that the model does not have. Called before `load`, which may be slow.

        Raises:
            InputError: names the setting, and what to do.
        """
        return

    def render(self, question: Question) -> RenderedPrompt:
        """The prompt as the model reads it; shown before generation starts. The default: the question's own words."""
        return RenderedPrompt(question.prompt, None)

    def stream(self, question: Question, decoding: Decoding, on_text: Callable[[str], None]) -> Answer:
        """Answer one question; `on_text` is called with the text so far, as often as there is more of it.

        The text so far may change, not only grow: with beam search another beam may come to lead. The default tells
        the text once, when it is complete.
        """
        answer = self.answer(question, decoding)
        on_text(answer.text)
        return answer

    def answer(self, question: Question, decoding: Decoding) -> Answer:
        """Answer one question.

        Raises:
            GenerationError: `generate` yields another number of answers than one.
        """
        answers = list(self.generate([question], decoding))
        if len(answers) != 1:
            raise GenerationError(
                f"the model gave {len(answers)} answers to one question",
                hint="its adapter must yield exactly one Answer per question",
            )
        return answers[0]

    def text_gap(self, question: Question, first: str, second: str, decoding: Decoding) -> float | None:
        """How far apart the model scores two texts of one question, in nats, both computed in the same way.

        With beams between their scores, else between the two tokens where they part. Near 0 the texts are a tie, which
        rounding decides. None, the default: it cannot be said.
        """
        return None

    def describe(self) -> Mapping[str, Any]:
        """What run.json should know: device, dtype, batch size, versions, timings, peak memory. JSON values."""
        return {}


def failed_answer(question: Question, error: Exception) -> Answer:
    """The record of a question that could not be answered: an empty text that says why."""
    what = str(error) if isinstance(error, LibraBenchError) else f"{type(error).__name__}: {error}"
    return Answer(question.question_id, question.prompt, "", metadata={"finish": "error", "error": what})

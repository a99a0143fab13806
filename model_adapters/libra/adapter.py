"""The Libra family as an adapter: questions in, answers out as their studies are finished.

Nothing heavy is imported before a model is loaded: the facts on the class are cheap to read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from annotated_types import Ge, Le

from benchmarks.errors import InputError
from benchmarks.files import sha256_json
from benchmarks.schema import Answer, Question
from model_adapters.adapter import Adapter, Decoding, ModelSpec, RenderedPrompt
from model_adapters.cards import ImagePolicy
from model_adapters.cards.image_policy import image_policy, parts_read
from model_adapters.cards.prompt_hooks import prompt_identity
from model_adapters.checkpoints.files import read_config
from model_adapters.checkpoints.locate import checkpoint_path, find_checkpoint
from model_adapters.libra.checkpoint.identity import checkpoint_identity, conversation_mode
from model_adapters.templates import render, template

if TYPE_CHECKING:
    from model_adapters.libra.generator import TextGenerator

PROMPT_OPTIONS: Mapping[str, Any] = {
    "image_policy": ImagePolicy,
    "workers": Annotated[int, Ge(1), Le(256)],
    "feature_cache_mb": Annotated[float, Ge(0)],
    "feature_cache_dir": str,
    "vision_tower": str,
}
"""Options that decide how prompts are made, whichever engine runs the language model: `image_policy` (one, prior,
dummy-prior); `workers`, threads that read images (default 2); `feature_cache_mb`, memory for the tower features of
images that occur again (default 1024); `feature_cache_dir`, keeps them on disk, too; `vision_tower`, the tower's
folder."""


class LibraAdapter(Adapter):
    """Answers questions with a Libra checkpoint.

    Options (`ModelSpec.options`): `PROMPT_OPTIONS`; `attn_implementation` (sdpa or eager); `bits` (4 or 8);
    `device_map` (auto: the language model spread over all devices).
    """

    summary = "the Libra family, and LLaVA-style checkpoints in the original's layout"
    needs_weights = True
    default_protocol = "libra-v1"
    converses = True
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        **PROMPT_OPTIONS,
        "attn_implementation": str,
        "bits": Literal[4, 8],
        "device_map": str,
    }

    def __init__(self, generator: TextGenerator, spec: ModelSpec) -> None:
        self.generator, self._spec = generator, spec

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Load checkpoint, tower and tokenizer.

        Raises:
            ModelError: something is missing or does not fit.
            UnknownNameError: an unknown conversation mode.
        """
        from model_adapters.libra.generator import load_generator

        return cls(load_generator(spec), spec)

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """Hashes of every file of the model, the template's words, the dtype."""
        from model_adapters.checkpoints.precision import dtype_name, quantization_bits

        path, bits, dtype = checkpoint_path(spec), quantization_bits(spec), dtype_name(spec)
        mode = conversation_mode(spec, read_config(find_checkpoint(path)))
        form = template(mode)
        return {
            **checkpoint_identity(path, spec.model_base, vision_tower=spec.options.get("vision_tower")),
            "conv_mode": mode,
            "template_sha256": sha256_json([render(form, ["question", None]), form.stop]),
            "dtype": dtype,
            "bits": bits,
            "image_policy": image_policy(spec, default="dummy-prior"),
            **{name: value for name, value in prompt_identity(spec).items() if value},
        }

    @classmethod
    def reads(cls, spec: ModelSpec) -> frozenset[str]:
        """The current image; the prior one where the connector has a place for it."""
        config = read_config(find_checkpoint(checkpoint_path(spec)))
        if config.get("mm_projector_type") != "TAC":
            return frozenset({"current"})
        return parts_read(spec, default="dummy-prior")

    @classmethod
    def check_decoding(cls, spec: ModelSpec, decoding: Decoding) -> None:
        """Sampling draws one sequence.

        Raises:
            InputError: several are asked for.
        """
        if decoding.is_sampling and decoding.num_return_sequences > 1:
            raise InputError(
                f"this model draws one sequence when sampling, not {decoding.num_return_sequences}",
                where="--num-return-sequences",
                hint="keep several beams (--temperature 0 --num-beams N), or run again with another --seed",
            )

    def render(self, question: Question) -> RenderedPrompt:
        """The prompt after the template, and how many positions it takes with the image features."""
        return self.generator.render(question)

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield answers as studies are finished; a study that fails says why and affects no other.

        Raises:
            InputError: a decoding setting that the model does not have.
        """
        self.check_decoding(self._spec, decoding)
        yield from self.generator.generate(questions, decoding)

    def stream(self, question: Question, decoding: Decoding, on_text: Callable[[str], None]) -> Answer:
        """Answer one question; `on_text` gets the leading text after each token."""
        self.check_decoding(self._spec, decoding)
        return self.generator.stream(question, decoding, on_text)

    def text_gap(self, question: Question, first: str, second: str, decoding: Decoding) -> float | None:
        """How far apart the model scores two texts of one question, in nats; the texts are tokenised anew for it."""
        return self.generator.text_gap(question, first, second, decoding)

    def describe(self) -> Mapping[str, Any]:
        """Device, dtype, batch size, where the time went, peak memory."""
        return self.generator.report()

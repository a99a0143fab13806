"""Any vision-language model in Hugging Face's format: LLaVA, LLaVA-NeXT, Gemma 3, Idefics, ...

The prompt comes from the processor's chat template, or from `--conv-mode` where one is named. Nothing heavy is imported
before a model is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from benchmarks.files import sha256_json
from benchmarks.schema import Answer, Question
from model_adapters.adapter import Adapter, Decoding, ModelSpec, RenderedPrompt
from model_adapters.cards import ImagePolicy
from model_adapters.cards.image_policy import image_policy, parts_read
from model_adapters.cards.prompt_hooks import prompt_identity, system_prompt
from model_adapters.checkpoints.files import deciding_hashes, read_json
from model_adapters.checkpoints.precision import dtype_name, quantization_bits
from model_adapters.templates import render, template

if TYPE_CHECKING:
    from model_adapters.hf.generator import HFTextGenerator

OWN_SETTINGS = ("num_beams", "length_penalty", "no_repeat_ngram_size", "max_new_tokens")


class HFVisionLanguageAdapter(Adapter):
    """Asks a model through AutoModelForImageTextToText and AutoProcessor.

    Options: `trust_remote_code`, run code that comes with the checkpoint (default: never); `bits` (4 or 8);
    `image_policy`, which images are shown (docs/models.md); `attn_implementation`; `system`, a system prompt.
    """

    summary = "a vision-language model in Hugging Face's format"
    needs_weights = True
    asks_for_card = True
    converses = True
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "trust_remote_code": bool,
        "bits": Literal[4, 8],
        "image_policy": ImagePolicy,
        "attn_implementation": str,
        "system": str,
    }

    def __init__(self, generator: HFTextGenerator) -> None:
        self.generator = generator

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Load model and processor.

        Raises:
            ModelError: something is missing, does not fit, or brings code that was not asked for.
        """
        from model_adapters.hf.generator import load_generator

        return cls(load_generator(spec))

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """Hashes of every file of the checkpoint that decides answers, the template, dtype and image policy."""
        from model_adapters.hf.loading import loadable_config
        from model_adapters.hf.prompts import checkpoint_folder, conversation_mode

        bits, dtype = quantization_bits(spec), dtype_name(spec)  # refused before a large download or long hashing
        folder, mode = checkpoint_folder(spec), conversation_mode(spec)
        loadable_config(folder, spec)
        return {
            "checkpoint": deciding_hashes(folder),
            "conv_mode": mode,
            "template_sha256": sha256_json(render(template(mode), ["question", None])) if mode else None,
            "dtype": dtype,
            "bits": bits,
            "image_policy": image_policy(spec),
            **prompt_identity(spec),
            "system": system_prompt(spec),
            "trust_remote_code": bool(spec.options.get("trust_remote_code")),
        }

    @classmethod
    def own_decoding(cls, spec: ModelSpec) -> Mapping[str, int | float]:
        """What generation_config.json says of length, beams and repeated n-grams."""
        from model_adapters.hf.prompts import checkpoint_folder

        path = checkpoint_folder(spec) / "generation_config.json"
        stated = read_json(path) if path.is_file() else {}
        return {name: value for name in OWN_SETTINGS if isinstance(value := stated.get(name), int | float)}

    @classmethod
    def reads(cls, spec: ModelSpec) -> frozenset[str]:
        """The images of its policy, and the prior report where its card's prompt has it."""
        return parts_read(spec)

    def render(self, question: Question) -> RenderedPrompt:
        """The prompt after the template, and how many positions it takes with the image features."""
        return self.generator.render(question)

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield answers as batches are finished; a study that cannot be answered says so and harms no other."""
        return self.generator.generate(questions, decoding)

    def describe(self) -> Mapping[str, Any]:
        """Device, dtype, batch size, where the time went, versions."""
        return self.generator.report()

"""The Libra family behind the adapter protocol: questions in, answers out as their studies are finished."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from benchmarks.errors import InputError, ModelError
from benchmarks.files import sha256_json
from benchmarks.schema import Answer, Question
from model_adapters.adapter import Adapter, Decoding, ModelSpec, RenderedPrompt
from model_adapters.cards.image_policy import image_policy
from model_adapters.checkpoints.config import read_json
from model_adapters.checkpoints.locate import checkpoint_path, find_checkpoint
from model_adapters.templates import render, template

if TYPE_CHECKING:
    from model_adapters.libra.checkpoint.loading import LoadedLibra
    from model_adapters.libra.inputs.prompts import LibraPrompts

PROMPT_OPTIONS: Mapping[str, type] = {
    "image_policy": str,
    "workers": int,
    "feature_cache_mb": float,
    "feature_cache_dir": str,
    "vision_tower": str,
}
"""Options that decide how prompts are made: `image_policy` (one, prior, dummy-prior); `workers`, threads that read
images (default 2); `feature_cache_mb`, memory for the tower features of images that occur again (default 1024);
`feature_cache_dir`, keeps them on disk, too; `vision_tower`, the tower's folder."""


class LibraAdapter(Adapter):
    """Answers questions with a Libra checkpoint.

    Options (`ModelSpec.options`): `PROMPT_OPTIONS`; `attn_implementation` (sdpa or eager); `bits` (4 or 8);
    `device_map` (auto: the language model spread over all devices).
    """

    summary = "the Libra family, and LLaVA-style checkpoints in the original's layout"
    needs_weights = True

    OPTIONS: ClassVar[Mapping[str, type]] = {
        **PROMPT_OPTIONS,
        "attn_implementation": str,
        "bits": int,
        "device_map": str,
    }

    def __init__(self, loaded: LoadedLibra, prompts: LibraPrompts, spec: ModelSpec) -> None:
        from model_adapters.libra.decoding.decoder import Timings

        self._loaded, self._prompts = loaded, prompts
        self._spec, self._batch_size = spec, spec.batch_size
        self._timings = Timings()

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Load checkpoint, tower and tokenizer.

        Raises:
            ModelError: something is missing or does not fit.
            UnknownNameError: an unknown conversation mode.
        """
        import torch

        from model_adapters.libra.checkpoint.loading import load_checkpoint
        from model_adapters.libra.inputs.prompts import LibraPrompts, conversation_mode, load_tokenizer
        from model_adapters.libra.network.attention import share_key_heads
        from model_adapters.precision import DTYPES, checked_device_map, device_name, dtype_name, quantization_bits

        path, options, bits = checkpoint_path(spec), spec.options, quantization_bits(spec)
        mode = conversation_mode(spec, read_json(find_checkpoint(path) / "config.json"))
        template(mode)  # refuse an unknown one before anything slow
        attention = options.get("attn_implementation", "sdpa")
        if attention not in ("sdpa", "eager"):
            raise ModelError(
                f"attention {attention!r} cannot decode beams that share a prompt",
                hint="use sdpa (the default) or eager",
            )
        device_map = checked_device_map(spec)
        device = torch.device(device_name(spec))
        loaded = load_checkpoint(
            path,
            model_base=spec.model_base,
            device=device,
            dtype=DTYPES[dtype_name(spec)],
            vision_tower=options.get("vision_tower"),
            attn_implementation=attention,
            bits=bits,
            device_map=device_map,
        )
        prompts = LibraPrompts(loaded, load_tokenizer(loaded), spec)
        language_model = loaded.model.language_model
        if getattr(language_model.config, "attn_logit_softcapping", None):
            language_model.set_attn_implementation("eager")  # SDPA has no soft capping
        share_key_heads(language_model)
        return cls(loaded, prompts, spec)

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """Hashes of every file of the model, the template's words, the dtype."""
        from model_adapters.libra.checkpoint.identity import checkpoint_identity
        from model_adapters.libra.inputs.prompts import conversation_mode
        from model_adapters.precision import dtype_name, quantization_bits

        path, bits, dtype = checkpoint_path(spec), quantization_bits(spec), dtype_name(spec)
        mode = conversation_mode(spec, read_json(find_checkpoint(path) / "config.json"))
        form = template(mode)
        return {
            **checkpoint_identity(path, spec.model_base, vision_tower=spec.options.get("vision_tower")),
            "conv_mode": mode,
            "template_sha256": sha256_json([render(form, ["question", None]), form.stop]),
            "dtype": dtype,
            "bits": bits,
            "image_policy": image_policy(spec, default="dummy-prior"),
            **({"prompt_hook": hook} if (hook := spec.card.get("prompt_hook")) else {}),
        }

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
        return self._prompts.render(question)

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield answers as studies are finished; a study that cannot be answered says so and harms no other.

        Raises:
            InputError: decoding settings that contradict each other.
        """
        yield from self._generate(questions, decoding)

    def stream(self, question: Question, decoding: Decoding, on_text: Callable[[str], None]) -> Answer:
        """Answer one question, telling the leading text after each token."""
        (answer,) = self._generate([question], decoding, lambda _, token_ids: on_text(self._prompts.text(token_ids)))
        return answer

    def _generate(
        self,
        questions: Sequence[Question],
        decoding: Decoding,
        on_tokens: Callable[[Hashable, list[int]], None] | None = None,
    ) -> Iterator[Answer]:
        from model_adapters.libra.answers import answers_of
        from model_adapters.libra.decoding.decoder import Decoder
        from model_adapters.memory import fitting_batch

        self.check_decoding(self._spec, decoding)
        if self._batch_size is None:
            self._batch_size = fitting_batch(self._loaded.model.language_model, self._prompts.longest, decoding)
        size = min(self._batch_size, max(1, len(questions)))
        decoder = Decoder(
            self._loaded.model.language_model, decoding, self._prompts.stop_rule(), size, self._timings, on_tokens
        )
        failures: deque[Answer] = deque()
        texts = decoder.run(self._prompts.stream(questions, size, failures, decoder.make_room))
        for answer in answers_of(questions, texts, failures, decoding, self._prompts.text):
            yield answer
            if self._timings.batch_size != size:  # memory ran out: the next questions begin with what fits
                self._batch_size = size = self._timings.batch_size or 1

    def describe(self) -> Mapping[str, Any]:
        """Device, dtype, batch size, where the time went, peak memory."""
        import torch

        from model_adapters.memory import peak_memory_bytes

        device = self._loaded.model.device
        prompts, text = self._prompts.report(), self._timings
        return {
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
            "dtype": str(self._loaded.model.dtype).removeprefix("torch."),
            "batch_size": text.batch_size,
            "attention": self._loaded.model.language_model.config._attn_implementation,
            **prompts,
            "seconds": {**prompts["seconds"], "prefill": text.prefill_seconds, "decode": text.decode_seconds},
            "prefill_tokens": text.prefill_tokens,
            "decode_tokens": text.decode_tokens,
            "prefill_tokens_per_second": _rate(text.prefill_tokens, text.prefill_seconds),
            "decode_tokens_per_second": _rate(text.decode_tokens, text.decode_seconds),
            "peak_memory_mb": round(peak_memory_bytes(self._loaded.model) / 2**20, 1),
        }


def _rate(tokens: int, seconds: float) -> float | None:
    return round(tokens / seconds, 1) if seconds else None

"""Models run by vLLM (`--adapter vllm`): the same prompts and the same stop rules, another engine under them.

Libra: tower and connector run here, vLLM gets the prompts' embeddings. Hugging Face models: vLLM reads words and
pictures itself. Greedy decoding and sampling; for Hugging Face models also vLLM's beam search. The n-gram filter, and
beams over embeddings, do not exist in vLLM and are refused.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Self

from benchmarks.errors import InputError, ModelError
from benchmarks.schema import Answer, Question
from model_adapters.adapter import Adapter, Decoding, ModelSpec, RenderedPrompt, checked_options
from model_adapters.cards import ImagePolicy
from model_adapters.checkpoints.family import is_libra as names_libra
from model_adapters.checkpoints.files import read_config
from model_adapters.checkpoints.locate import checkpoint_path, find_checkpoint
from model_adapters.checkpoints.precision import dtype_name
from model_adapters.generation.answers import answers_of
from model_adapters.generation.generated import Generated
from model_adapters.libra.adapter import PROMPT_OPTIONS, LibraAdapter
from model_adapters.vllm.engine import ENGINE_OPTIONS, Engine
from model_adapters.vllm.package import imported, platform
from model_adapters.vllm.requests import PromptBuilder, Request

if TYPE_CHECKING:
    from model_adapters.hf.adapter import HFVisionLanguageAdapter

BATCH = 64
HF_OPTIONS: Mapping[str, Any] = {"trust_remote_code": bool, "image_policy": ImagePolicy, "system": str}
"""Options for Hugging Face models: those of their prompts, and whether their own code may run."""


class VLLMAdapter(Adapter):
    """Asks a model that vLLM runs.

    Options: `tensor_parallel_size` (GPUs that share one model, default 1); `gpu_memory_utilization` (default 0.8);
    `engine`, a JSON object of further arguments of `vllm.LLM`, such as `{"quantization": "fp8"}`; for a Libra
    checkpoint those of its prompts (`libra.adapter.PROMPT_OPTIONS`); for others `HF_OPTIONS`.
    """

    summary = "a Libra or Hugging Face checkpoint, run by vLLM"
    needs_weights = True
    converses = True
    OPTIONS: ClassVar[Mapping[str, Any]] = {**ENGINE_OPTIONS, **PROMPT_OPTIONS, **HF_OPTIONS}

    def __init__(self, engine: Engine, prompts: PromptBuilder, spec: ModelSpec, batch_size: int) -> None:
        self._engine, self._prompts, self._spec, self._batch_size = engine, prompts, spec, batch_size

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Load what makes the prompts, and start vLLM with the model.

        Raises:
            ModelError: vLLM is missing or cannot run the model, or the checkpoint cannot be read.
            UnknownNameError: an option that does nothing for this kind of checkpoint.
        """
        libra = is_libra(spec)
        known = {**ENGINE_OPTIONS, **(PROMPT_OPTIONS if libra else HF_OPTIONS)}  # those of the other kind do nothing
        checked_options("vllm", known, spec.options)
        vllm_is_alone(spec)
        from model_adapters.vllm import hf_prompts, libra_prompts

        batch_size = spec.batch_size or BATCH
        engine, prompts = (libra_prompts if libra else hf_prompts).start(spec, batch_size)
        return cls(engine, prompts, spec, batch_size)

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """That of the adapter that would run it without vLLM, and vLLM's arguments."""
        return {
            **_without_vllm(spec).identity(spec),
            "engine": {"name": "vllm", "arguments": spec.options.get("engine", {})},
        }

    @classmethod
    def reads(cls, spec: ModelSpec) -> frozenset[str]:
        """That of the adapter that would run it without vLLM."""
        return _without_vllm(spec).reads(spec)

    @classmethod
    def check_decoding(cls, spec: ModelSpec, decoding: Decoding) -> None:
        """There is no n-gram filter, no beam search over prompt embeddings, and one text per sampled answer.

        Raises:
            InputError: names the setting.
        """
        hint = "use --protocol greedy, or leave out --adapter vllm"
        if decoding.num_beams > 1 and is_libra(spec):
            raise InputError(
                f"vLLM's beam search takes no embeddings, which is what it gets here (asked for {decoding.num_beams})",
                where="--num-beams",
                hint=hint,
            )
        if decoding.no_repeat_ngram_size:
            raise InputError(
                f"vLLM has no such filter (asked for {decoding.no_repeat_ngram_size})",
                where="--no-repeat-ngram-size",
                hint=hint,
            )
        LibraAdapter.check_decoding(spec, decoding)

    def render(self, question: Question) -> RenderedPrompt:
        """The prompt after the template, and how many positions it takes with the image features."""
        return self._prompts.render(question)

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield answers as studies are finished; a study that fails says why and affects no other.

        Raises:
            InputError: a decoding setting that vLLM does not have.
        """
        yield from self._generate(questions, decoding)

    def stream(self, question: Question, decoding: Decoding, on_text: Callable[[str], None]) -> Answer:
        """Answer one question, telling the text so far (with beams only at the end)."""
        (answer,) = self._generate([question], decoding, lambda _, token_ids: on_text(self._prompts.text(token_ids)))
        return answer

    def describe(self) -> Mapping[str, Any]:
        """Device, dtype, batch size, where the time went, versions."""
        import torch

        prompts = self._prompts.report()
        return {
            "device": torch.cuda.get_device_name() if platform() == "cuda" else platform(),
            "dtype": dtype_name(self._spec),
            "engine": "vllm",
            "batch_size": self._batch_size,
            **prompts,
            "seconds": {**prompts["seconds"], "vllm": self._engine.seconds},
            "prefill_tokens": self._engine.prefill_tokens,
            "decode_tokens": self._engine.decode_tokens,
            "versions": {"vllm": imported().__version__, "transformers": version("transformers")},
        }

    def _generate(
        self,
        questions: Sequence[Question],
        decoding: Decoding,
        on_tokens: Callable[[Hashable, list[int]], None] | None = None,
    ) -> Iterator[Answer]:
        self.check_decoding(self._spec, decoding)
        failures: deque[Answer] = deque()
        texts = self._write(self._prompts.requests(questions, decoding.seed, failures), decoding, on_tokens)
        yield from answers_of(questions, texts, failures, decoding, self._prompts.text)

    def _write(
        self, requests: Iterator[Request], decoding: Decoding, on_tokens: Callable[[Hashable, list[int]], None] | None
    ) -> Iterator[Generated]:
        rule = self._prompts.rule
        if decoding.num_beams == 1:
            yield from self._engine.write(requests, decoding, rule, on_tokens)
            return
        while some := list(islice(requests, self._batch_size)):
            yield from self._engine.beam_search(some, decoding, rule.eos_ids)


def _without_vllm(spec: ModelSpec) -> type[LibraAdapter] | type[HFVisionLanguageAdapter]:
    """The adapter that would run the model without vLLM."""
    if is_libra(spec):
        return LibraAdapter
    from model_adapters.hf.adapter import HFVisionLanguageAdapter

    return HFVisionLanguageAdapter


def is_libra(spec: ModelSpec) -> bool:
    """Whether the checkpoint is in the original's layout, by its config.json.

    Raises:
        ModelError: there is none.
    """
    folder = find_checkpoint(checkpoint_path(spec))
    return spec.model_base is not None or names_libra(read_config(folder))


def vllm_is_alone(spec: ModelSpec) -> None:
    """Refuse what vLLM decides by itself: the device, and which processes share the work.

    Raises:
        ModelError: vLLM is missing, several processes, or another device than vLLM's.
    """
    here = platform()
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ModelError(
            "vLLM starts its own processes",
            where="--adapter vllm",
            hint="start libra-bench once, and give the number of GPUs: --option tensor_parallel_size=2",
        )
    if spec.device not in (None, here):
        raise ModelError(
            f"this vLLM runs on {here}",
            where=f"--device {spec.device}",
            hint="leave it out; CUDA_VISIBLE_DEVICES chooses the GPU",
        )

"""The Libra family before vLLM: tower, connector and word embeddings run here, vLLM gets prompts as embeddings."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.schema import Answer, Question
from model_adapters.adapter import ModelSpec, RenderedPrompt, study_seed
from model_adapters.checkpoints.precision import dtype_name, torch_dtype
from model_adapters.libra.assembly import assemble_prompts, load_tokenizer
from model_adapters.libra.checkpoint.identity import checkpoint_identity
from model_adapters.libra.checkpoint.loading import load_checkpoint
from model_adapters.libra.inputs.prompt_stream import PromptStream
from model_adapters.vllm.engine import Engine
from model_adapters.vllm.language_model import WordEmbeddings, language_model_folder
from model_adapters.vllm.package import platform
from model_adapters.vllm.requests import Request


def start(spec: ModelSpec, batch_size: int) -> tuple[Engine, LibraPromptBuilder]:
    """Load the checkpoint, give its language model to vLLM and keep the rest.

    Everything is loaded on the CPU first: vLLM claims its share of the accelerator before we take ours.

    Raises:
        ModelError: the checkpoint cannot be loaded, or vLLM cannot run its language model.
        StorageError: the language model cannot be written for vLLM.
    """
    path, tower = str(spec.path), spec.options.get("vision_tower")
    loaded = load_checkpoint(
        path, model_base=spec.model_base, device="cpu", dtype=torch_dtype(dtype_name(spec)), vision_tower=tower
    )
    prompts = assemble_prompts(loaded, load_tokenizer(loaded), spec)
    model = loaded.model
    identity = checkpoint_identity(path, spec.model_base, vision_tower=tower)
    weights = {part: identity[part] for part in ("kind", "checkpoint", "base", "tokenizer")}
    folder = language_model_folder(model.language_model, {**weights, "dtype": dtype_name(spec)})
    model.language_model = WordEmbeddings(model.language_model.get_input_embeddings())
    engine = Engine(folder, spec, batch_size=batch_size, skip_tokenizer_init=True, enable_prompt_embeds=True)
    model.to(platform())
    return engine, LibraPromptBuilder(prompts, batch_size)


class LibraPromptBuilder:
    """Prompts of a Libra checkpoint as embeddings."""

    def __init__(self, stream: PromptStream, batch_size: int) -> None:
        self._stream, self._prompts, self._batch_size = stream, stream.prompts, batch_size
        self.rule = stream.prompts.stop_rule()

    def requests(self, questions: Sequence[Question], seed: int, failures: deque[Answer]) -> Iterator[Request]:
        """What is asked of the engine, images encoded group by group."""
        for prompt in self._stream.stream(questions, self._batch_size, failures):
            embeddings = {"prompt_embeds": prompt.embeddings_SH.cpu()}
            yield Request(prompt.key, embeddings, prompt.token_ids, study_seed(seed, prompt.key))

    def render(self, question: Question) -> RenderedPrompt:
        """The prompt after the template."""
        return self._prompts.render(question)

    def text(self, token_ids: Sequence[int]) -> str:
        """The words of an answer."""
        return self._prompts.text(token_ids)

    def report(self) -> dict[str, Any]:
        """The template, and where the time of the images went."""
        return self._stream.report()

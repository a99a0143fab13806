"""A judge in this process: a language model in Hugging Face's format, asked a batch of questions at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.errors import LibraBenchError
from benchmarks.files import sha256_json
from libra_bench.metrics.extractors.weights import encoder_folder, file_digest
from libra_bench.metrics.judges.judgements import Judgement
from libra_bench.metrics.judges.models import Request
from model_adapters.adapter import Decoding, ModelSpec
from model_adapters.checkpoints.files import deciding_files
from model_adapters.checkpoints.precision import device_name, dtype_name

if TYPE_CHECKING:
    from model_adapters.hf.chat import ChatModel


@dataclass(frozen=True)
class LocalModel:
    """A checkpoint."""

    checkpoint: str
    """A folder or hub id."""
    name: str
    device: str | None
    dtype: str | None
    batch_size: int | None
    chat_template: str | None
    """Of a checkpoint that has none."""

    @property
    def revision(self) -> str:
        """A hash of weights, configuration, tokenizer and chat template: the same wherever the checkpoint is."""
        return content_revision(self.checkpoint)

    @property
    def place(self) -> str:
        """Device and type."""
        return f"{device_name(self._spec)} in {dtype_name(self._spec)}"

    @property
    def at_once(self) -> int:
        """A judgement's time is its share of the batch's."""
        return 1

    @property
    def decoding_facts(self) -> Mapping[str, str]:
        """The floating-point type."""
        return {"dtype": dtype_name(self._spec)}

    def check(self) -> None:
        """Find out whether the checkpoint can be loaded; its weights are not.

        Raises:
            ModelError, HubError: it cannot.
        """
        from model_adapters.hf.chat import check_chat_model

        check_chat_model(self._spec, self.chat_template)
        _ = self.place  # an unknown device or type

    def replies(
        self, requests: Mapping[str, Request], keep: Callable[[str, Judgement], None]
    ) -> Generator[tuple[str, Judgement | str], None, None]:
        """See `JudgeModel.replies`."""
        by_decoding: dict[Decoding, dict[str, Request]] = {}
        for key, request in requests.items():
            by_decoding.setdefault(_decoding(request), {})[key] = request
        for decoding, asked in by_decoding.items():
            conversations = {key: request.messages for key, request in asked.items()}
            for key, reply in self._model.replies(conversations, decoding):
                if isinstance(reply, Exception):
                    yield key, reply.what if isinstance(reply, LibraBenchError) else str(reply)
                    continue
                judgement = Judgement(
                    text=reply.text,
                    finish=reply.finish,
                    served_model=self.name,
                    prompt_tokens=reply.prompt_tokens,
                    completion_tokens=reply.completion_tokens,
                    seconds=round(reply.seconds, 3),
                    structured=None,
                )
                keep(key, judgement)
                yield key, judgement

    @cached_property
    def _spec(self) -> ModelSpec:
        return ModelSpec(
            self.name,
            "judge",
            path=self.checkpoint,
            device=self.device,
            dtype=self.dtype,
            batch_size=self.batch_size,
        )

    @cached_property
    def _model(self) -> ChatModel:
        from model_adapters.hf.chat import load_chat_model

        return load_chat_model(self._spec, self.chat_template)


def content_revision(checkpoint: str) -> str:
    """Twelve hex digits that are a checkpoint's own; "unknown" where it is not on this machine yet."""
    folder = encoder_folder(checkpoint)
    return "unknown" if folder is None else _content_revision(folder.resolve())


@lru_cache
def _content_revision(folder: Path) -> str:
    return sha256_json({path.name: file_digest(path) for path in deciding_files(folder)})[:12]


def _decoding(request: Request) -> Decoding:
    return Decoding(max_new_tokens=request.max_tokens, temperature=request.temperature or 0.0, seed=request.seed)

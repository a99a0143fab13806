"""The tokenizer of a Libra checkpoint: text to ids with the image's place kept, ids to text.

Two kinds of files: `tokenizer.model` is read with sentencepiece, as the slow Llama tokenizer of transformers 4.51
did, with the checkpoint's own `legacy` flag (current transformers ignores the flag); `tokenizer.json` goes through
transformers. Where both are there `tokenizer.model` counts, unless the checkpoint says that its
tokenizer is a fast one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmarks.errors import ModelError
from model_adapters.libra.inputs.fast_tokenizer import FastBackend
from model_adapters.libra.inputs.sentencepiece_tokenizer import SentencePieceBackend, read_settings
from model_adapters.libra.network.marks import IMAGE_TOKEN
from model_adapters.templates import IMAGE_MARK


class _Backend(Protocol):
    """What the two kinds of tokenizers have in common."""

    bos_id: int | None
    eos_id: int | None
    pad_id: int | None
    unk_id: int | None

    def encode(self, text: str) -> list[int]: ...
    def decode(self, ids: Sequence[int]) -> str: ...
    def add_special(self, tokens: Iterable[str]) -> None: ...
    def __len__(self) -> int: ...


class LibraTokenizer:
    """Text to ids and back, as the published checkpoints do it."""

    def __init__(self, backend: _Backend) -> None:
        self._backend = backend
        self.bos_id, self.eos_id = backend.bos_id, backend.eos_id
        self.pad_id, self.unk_id = backend.pad_id, backend.unk_id

    @classmethod
    def load(cls, folder: Path, config: Mapping[str, Any] | None = None) -> LibraTokenizer:
        """Read a checkpoint folder's tokenizer.

        Args:
            folder: holds `tokenizer.model` or `tokenizer.json`.
            config: the checkpoint's config; `mm_use_im_patch_token` and `mm_use_im_start_end` add tokens.

        Raises:
            ModelError: there is no tokenizer, or it is broken.
        """
        settings = read_settings(folder / "tokenizer_config.json")
        is_fast = settings.get("tokenizer_class") in ("PreTrainedTokenizerFast", "TokenizersBackend")
        has_fast, has_slow = (folder / "tokenizer.json").is_file(), (folder / "tokenizer.model").is_file()
        backend: _Backend
        if has_slow and not (is_fast and has_fast):
            backend = SentencePieceBackend(folder, settings)
        elif has_fast:
            backend = FastBackend(folder)
        else:
            raise ModelError(
                "no tokenizer.model and no tokenizer.json", where=folder, hint="copy the model's tokenizer files there"
            )
        backend.add_special(image_tokens(config or {}))
        return cls(backend)

    @property
    def legacy(self) -> bool | None:
        """The checkpoint's `legacy` flag; None for a tokenizer that has no such flag (not SentencePiece)."""
        return self._backend.legacy if isinstance(self._backend, SentencePieceBackend) else None

    def encode(self, text: str) -> list[int]:
        """Ids of a text, beginning with the BOS id where the tokenizer adds one."""
        return self._backend.encode(text)

    def encode_prompt(self, prompt: str) -> list[int]:
        """Ids of a prompt, IMAGE_TOKEN at each `<image>`.

        The text is cut at the image marks and each piece is tokenised alone (so a SentencePiece tokenizer puts its
        prefix space before each); the BOS id is kept once.
        """
        pieces = [self.encode(piece) for piece in prompt.split(IMAGE_MARK)]
        starts_with_bos = bool(pieces[0]) and pieces[0][0] == self.bos_id
        ids = pieces[0]
        for piece in pieces[1:]:
            ids = [*ids, IMAGE_TOKEN, *piece[starts_with_bos:]]
        return ids

    def stop_ids(self, stop: str) -> list[int]:
        """Ids of a stop string, without BOS unless there is nothing else."""
        ids = self.encode(stop)
        return ids[1:] if len(ids) > 1 and ids[0] == self.bos_id else ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids, special tokens left out."""
        return self._backend.decode(ids)

    def __len__(self) -> int:
        """Number of ids, added tokens included."""
        return len(self._backend)


def image_tokens(config: Mapping[str, Any]) -> list[str]:
    """The tokens that a checkpoint adds for images; the patch token is on where the config does not say."""
    patch = ["<im_patch>"] if config.get("mm_use_im_patch_token", True) else []
    return patch + (["<im_start>", "<im_end>"] if config.get("mm_use_im_start_end", False) else [])

"""`tokenizer.json` through transformers: Llama 3, Qwen, Phi-4 and others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from model_adapters.checkpoints.foreign import TRIAL, handed_over


class FastBackend:
    """A tokenizer of the tokenizers library."""

    def __init__(self, folder: Path) -> None:
        from transformers import PreTrainedTokenizerFast

        with handed_over(folder / "tokenizer.json", "the tokenizer cannot be read", "copy the file again"):
            self._tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
            self.decode(self.encode(TRIAL))
        self.bos_id, self.eos_id = self._tokenizer.bos_token_id, self._tokenizer.eos_token_id
        self.pad_id, self.unk_id = self._tokenizer.pad_token_id, self._tokenizer.unk_token_id

    def add_special(self, tokens: Iterable[str]) -> None:
        """Add the tokens that are new."""
        new = [token for token in tokens if token not in self._tokenizer.get_vocab()]
        self._tokenizer.add_tokens(new, special_tokens=True)

    def encode(self, text: str) -> list[int]:
        """Ids of a text, with BOS and EOS as the tokenizer file says."""
        return list(self._tokenizer(text).input_ids)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids, special tokens left out."""
        return str(self._tokenizer.decode(ids, skip_special_tokens=True))

    def __len__(self) -> int:
        return len(self._tokenizer)

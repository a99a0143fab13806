"""The tokenizer of a Libra checkpoint: text to ids with the image's place kept, ids to text.

Two kinds of files: `tokenizer.model` is read with sentencepiece, as the slow Llama tokenizer of transformers 4.51
did, with the checkpoint's own `legacy` flag (current transformers ignores the flag); `tokenizer.json` goes through
transformers. Where both are there `tokenizer.model` counts, unless the checkpoint says that its
tokenizer is a fast one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from benchmarks.errors import ModelError
from benchmarks.wording import first_line
from model_adapters.libra.network.marks import IMAGE_TOKEN
from model_adapters.templates import IMAGE_MARK

NO_DUMMY_PREFIX = b"\x1a\x02\x18\x00"
"""Protobuf for `normalizer_spec { add_dummy_prefix: false }`; appended to a model it overrides that setting."""

SPACE_MARK = "▁"

FLAGS = ("lstrip", "rstrip", "single_word")

CLEANED = [(" " + mark, mark) for mark in (".", "?", "!", ",")]
CLEANED += [(" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re")]
"""What `clean_up_tokenization_spaces` replaces, in this order."""


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
            folder: where `tokenizer.model` or `tokenizer.json` lies.
            config: the checkpoint's config; `mm_use_im_patch_token` and `mm_use_im_start_end` add tokens.

        Raises:
            ModelError: there is no tokenizer, or it is broken.
        """
        settings = _read_json(folder / "tokenizer_config.json")
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


class SentencePieceBackend:
    """`tokenizer.model` as the slow Llama tokenizer of transformers 4.51 read it.

    `legacy` (true where `tokenizer_config.json` does not say): every piece of text after a special token gets a prefix
    space again. Otherwise only the beginning of the text gets one.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        from sentencepiece import SentencePieceProcessor

        self.legacy = settings.get("legacy") is not False
        self._prefix_space = settings.get("add_prefix_space") is not False
        self._add_bos = settings.get("add_bos_token", True)
        self._add_eos = settings.get("add_eos_token", False)
        self._cleans_up = settings.get("clean_up_tokenization_spaces") is True
        path = folder / "tokenizer.model"
        try:
            proto = path.read_bytes()
            self._pieces = SentencePieceProcessor(model_proto=proto if self.legacy else proto + NO_DUMMY_PREFIX)
            self._num_pieces: int = self._pieces.get_piece_size()
        except (OSError, RuntimeError) as error:
            raise ModelError(
                f"not a SentencePiece model ({first_line(error)})",
                where=path,
                hint="copy the file again",
            ) from error
        special = {**_read_json(folder / "special_tokens_map.json"), **settings}
        self._unk = _content(special.get("unk_token")) or "<unk>"
        bos = _content(special.get("bos_token")) or "<s>"
        eos = _content(special.get("eos_token")) or "</s>"
        pad = _content(special.get("pad_token"))
        listed = [_content(token) for token in special.get("additional_special_tokens") or ()]
        self._added: dict[str, _AddedToken] = {}
        for index, token in sorted((settings.get("added_tokens_decoder") or {}).items(), key=lambda item: int(item[0])):
            self._added[token["content"]] = _AddedToken(int(index), **{flag: bool(token.get(flag)) for flag in FLAGS})
        for content, index in _read_json(folder / "added_tokens.json").items():
            self._added.setdefault(content, _AddedToken(index))
        self._special: set[str] = set()
        self.add_special(token for token in (self._unk, bos, eos, pad, *listed) if token)
        self.unk_id: int | None = self._id(self._unk)
        self.bos_id: int | None = self._id(bos)
        self.eos_id: int | None = self._id(eos)
        self.pad_id = self._id(pad) if pad else None
        self._unk_length = len(self._pieces.encode(self._unk, out_type=str))

    def add_special(self, tokens: Iterable[str]) -> None:
        """Give these tokens a role; those that are new get the next free ids."""
        for token in tokens:
            self._special.add(token)
            if token not in self._added:
                index = self._pieces.piece_to_id(token)
                is_new = index == self._pieces.unk_id() and token != self._unk
                self._added[token] = _AddedToken(len(self) if is_new else index)
        self.__dict__.pop("_by_id", None)
        self.__dict__.pop("_cuts", None)

    def encode(self, text: str) -> list[int]:
        """Ids of a text, with BOS and EOS as the checkpoint says."""
        ids = [self._id(token) for token in self._tokens(text)]
        bos = [self.bos_id] if self._add_bos and self.bos_id is not None else []
        eos = [self.eos_id] if self._add_eos and self.eos_id is not None else []
        return bos + ids + eos

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids; the tokens that have a role (BOS, EOS, padding, image, ...) are left out."""
        texts: list[str] = []
        run: list[str] = []
        for index in ids:
            added = self._by_id.get(index)
            if added is None:
                run.append(self._pieces.id_to_piece(index) if index < self._num_pieces else "")
            elif added not in self._special:  # an added token without a role, such as <|end|> of Phi-3, is text
                texts += [self._join(run), added]
                run = []
        texts.append(self._join(run))
        text = " ".join(text for text in texts if text)
        if self._cleans_up:
            for spaced, tight in CLEANED:
                text = text.replace(spaced, tight)
        return text

    def __len__(self) -> int:
        return max([self._num_pieces, *(token.index + 1 for token in self._added.values())])

    @cached_property
    def _by_id(self) -> dict[int, str]:
        return {token.index: content for content, token in self._added.items()}

    @cached_property
    def _cuts(self) -> re.Pattern[str]:
        """Finds added tokens, the longest first."""
        return re.compile("(" + "|".join(map(re.escape, sorted(self._added, key=len, reverse=True))) + ")")

    def _id(self, token: str) -> int:
        return self._added[token].index if token in self._added else int(self._pieces.piece_to_id(token))

    def _tokens(self, text: str) -> list[str]:
        if not text:
            return []
        if not self.legacy:
            text = text.replace(SPACE_MARK, " ")
            text = SPACE_MARK + text if self._prefix_space else text
        tokens: list[str] = []
        for piece in self._split(text):
            tokens += [piece] if piece in self._added else self._sub_tokens(piece)
        if not self.legacy and len(tokens) > 1 and tokens[0] == SPACE_MARK and tokens[1] in self._special:
            return tokens[1:]
        return tokens

    def _split(self, text: str) -> list[str]:
        """Cut a text at the added tokens, which may swallow the white space beside them."""
        pieces = self._cuts.split(text)
        for place in range(1, len(pieces), 2):
            token = self._added[pieces[place]]
            if token.single_word and (pieces[place - 1][-1:].isalnum() or pieces[place + 1][:1].isalnum()):
                pieces[place - 1 : place + 2] = ["", "", "".join(pieces[place - 1 : place + 2])]
                continue
            if token.rstrip:
                pieces[place + 1] = pieces[place + 1].lstrip()
            if token.lstrip:
                pieces[place - 1] = pieces[place - 1].rstrip()
        return [piece for piece in pieces if piece]

    def _sub_tokens(self, text: str) -> list[str]:
        if self.legacy or not text.startswith((SPACE_MARK, " ")):
            return list(self._pieces.encode(text, out_type=str))
        # sentencepiece drops leading spaces unless something stands before them
        tokens = self._pieces.encode(self._unk + text, out_type=str)
        return list(tokens[self._unk_length :])

    def _join(self, pieces: list[str]) -> str:
        if pieces and self._prefix_space and pieces[0].startswith(SPACE_MARK):
            pieces = [pieces[0][1:], *pieces[1:]]
        return str(self._pieces.decode(pieces)) if pieces else ""


@dataclass(frozen=True, slots=True)
class _AddedToken:
    """A token that is matched as it is, before the SentencePiece model sees the text."""

    index: int
    lstrip: bool = False
    rstrip: bool = False
    single_word: bool = False


class FastBackend:
    """`tokenizer.json` through transformers: Llama 3, Qwen, Phi-4 and others."""

    def __init__(self, folder: Path) -> None:
        from transformers import PreTrainedTokenizerFast

        try:
            self._tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # the Rust library raises plain Exception
            raise ModelError(
                f"the tokenizer cannot be read ({first_line(error)})",
                where=folder / "tokenizer.json",
                hint="copy the file again",
            ) from error
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


def _read_json(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise ModelError(f"not valid JSON ({error})", where=path, hint="copy the file again") from error
    if not isinstance(loaded, dict):
        raise ModelError("not a JSON object", where=path, hint="copy the file again")
    return loaded


def _content(token: Any) -> str | None:
    """A special token's text; older files wrap it in an object."""
    text = token.get("content") if isinstance(token, Mapping) else token
    return None if text is None else str(text)

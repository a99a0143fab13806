"""`tokenizer.model` as the slow Llama tokenizer of transformers 4.51 read it, which current releases do not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.errors import ModelError
from benchmarks.files.json_text import parse_json
from benchmarks.wording import first_line

NO_DUMMY_PREFIX = b"\x1a\x02\x18\x00"
"""Protobuf for `normalizer_spec { add_dummy_prefix: false }`; appended to a model it overrides that setting."""

SPACE_MARK = "▁"

FLAGS = ("lstrip", "rstrip", "single_word")

CLEANED = [(" " + mark, mark) for mark in (".", "?", "!", ",")]
CLEANED += [(" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re")]
"""What `clean_up_tokenization_spaces` replaces, in this order."""


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
        special = {**read_settings(folder / "special_tokens_map.json"), **settings}
        self._unk = _content(special.get("unk_token")) or "<unk>"
        bos = _content(special.get("bos_token")) or "<s>"
        eos = _content(special.get("eos_token")) or "</s>"
        pad = _content(special.get("pad_token"))
        listed = [_content(token) for token in special.get("additional_special_tokens") or ()]
        self._added: dict[str, _AddedToken] = {}
        for index, token in sorted((settings.get("added_tokens_decoder") or {}).items(), key=lambda item: int(item[0])):
            self._added[token["content"]] = _AddedToken(int(index), **{flag: bool(token.get(flag)) for flag in FLAGS})
        for content, index in read_settings(folder / "added_tokens.json").items():
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
        # sentencepiece drops leading spaces unless something precedes them
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


def read_settings(path: Path) -> dict[str, Any]:
    """A JSON file of a tokenizer; empty where there is none.

    Raises:
        ModelError: it is not a JSON object.
    """
    try:
        loaded = parse_json(path.read_bytes(), not_finite="null") if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise ModelError(f"not valid JSON ({error})", where=path, hint="copy the file again") from error
    if not isinstance(loaded, dict):
        raise ModelError("not a JSON object", where=path, hint="copy the file again")
    return loaded


def _content(token: Any) -> str | None:
    """A special token's text; older files wrap it in an object."""
    text = token.get("content") if isinstance(token, Mapping) else token
    return None if text is None else str(text)

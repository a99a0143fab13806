"""From questions to words and token ids, and from token ids to the words of an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

from benchmarks.errors import InputError
from benchmarks.schema import Question
from model_adapters.adapter import RenderedPrompt
from model_adapters.generation.stopping import StopRule
from model_adapters.libra.inputs.tokenizer import LibraTokenizer
from model_adapters.libra.network.marks import IMAGE_TOKEN
from model_adapters.templates import question, render, template

DEFAULT_CONTEXT_LENGTH = 2048
"""Positions (prompt, image and answer) where config.json states none."""

Turns: TypeAlias = Callable[[Question], Sequence[str]]
"""The conversation that a question ends: what was said so far, human first, then the question itself."""


class LibraPrompts:
    """The prompts of one checkpoint, in words and token ids.

    Args:
        tokenizer: the checkpoint's.
        config: its config.json.
        mode: the conversation template's name.
        eos_token_ids: any of them ends a text.
        num_patches: positions that the image takes.
        turns: the conversation of a question; usually the question's own words, alone.

    Raises:
        UnknownNameError: an unknown conversation mode or image policy.
        InputError: a prior image is asked for, and the model cannot read one.
    """

    def __init__(
        self,
        tokenizer: LibraTokenizer,
        config: Mapping[str, Any],
        *,
        mode: str,
        eos_token_ids: Sequence[int],
        num_patches: int,
        turns: Turns,
    ) -> None:
        self.tokenizer, self.mode = tokenizer, mode
        self._config, self._template = config, template(mode)
        self.longest = _longest(config)
        """Positions a prompt may take: the original cuts it there, which takes the question away; we refuse it."""
        self._eos_token_ids, self._num_patches, self._turns = eos_token_ids, num_patches, turns

    @property
    def vocabulary(self) -> int:
        """How many tokens there are; ids from here on are never produced."""
        return len(self.tokenizer)

    def stop_rule(self) -> StopRule:
        """When a text ends."""
        stop = self._template.stop
        return StopRule(self._eos_token_ids, self.tokenizer.stop_ids(stop), stop, self.tokenizer.decode)

    def text(self, token_ids: Sequence[int]) -> str:
        """The words of an answer: special tokens left out, a stop string at the end cut off."""
        return self.tokenizer.decode(token_ids).strip().removesuffix(self._template.stop).strip()

    def answer_ids(self, text: str, max_new_tokens: int) -> list[int]:
        """The ids of an answer's words, with the EOS id where there was room for one."""
        ids = self.tokenizer.stop_ids(text)
        return [*ids, self._eos_token_ids[0]] if len(ids) < max_new_tokens else ids

    def render(self, asked: Question) -> RenderedPrompt:
        """The prompt after the template, and how many positions it takes with the image features."""
        text = self._words(asked)
        return RenderedPrompt(text, self._positions(self.tokenizer.encode_prompt(text)))

    def token_ids(self, asked: Question) -> list[int]:
        """The prompt's ids, IMAGE_TOKEN where the image goes.

        Raises:
            InputError: the question is empty, too long, or marks an image that it does not have.
        """
        if not asked.prompt.strip():
            raise InputError("the prompt is empty", hint="give the question some words")
        ids = self.tokenizer.encode_prompt(self._words(asked))
        marks = ids.count(IMAGE_TOKEN)
        if marks != bool(asked.images):
            raise InputError(
                f"{marks} image marks in the prompt of a study with {len(asked.images)} images",
                hint="write <image> at most once, and only where there is an image: it means both",
            )
        length, limit = self._positions(ids), self.longest
        if length > limit:
            raise InputError(
                f"the prompt takes {length:,} positions, image included; the model has {limit:,}",
                hint="shorten the prompt",
            )
        return ids

    def opening(self, token_ids: Sequence[int]) -> int:
        """How many ids of a prompt come before its image, where these are the template's own words; else 0."""
        opening = self._opening
        return len(opening) - 1 if list(token_ids[: len(opening)]) == opening else 0

    @cached_property
    def _opening(self) -> list[int]:
        """The ids that the prompts of the template begin with, up to the image's."""
        ids = self.tokenizer.encode_prompt(self._conversation(["?"], with_image=True))
        return ids[: ids.index(IMAGE_TOKEN) + 1]

    def _words(self, asked: Question) -> str:
        return self._conversation(self._turns(asked), with_image=bool(asked.images))

    def _conversation(self, turns: Sequence[str], *, with_image: bool) -> str:
        tags = bool(self._config.get("mm_use_im_start_end", False))
        first = question(turns[0], with_image=with_image, image_tags=tags)
        return render(self._template, [first, *turns[1:], None])

    def _positions(self, token_ids: Sequence[int]) -> int:
        return len(token_ids) + token_ids.count(IMAGE_TOKEN) * (self._num_patches - 1)


def _longest(config: Mapping[str, Any]) -> int:
    context = config.get("max_sequence_length") or DEFAULT_CONTEXT_LENGTH
    stated = [config.get("tokenizer_model_max_length") or context]
    stated += [config.get(name) for name in ("max_position_embeddings", "sliding_window")]
    return min(int(limit) for limit in stated if limit)

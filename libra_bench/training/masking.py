"""Which tokens of a conversation are learned: the replies, and nothing of what a human or the template says.

`masking: original` gives the published code's labels, token for token. They are found by counting: the text is cut
at separators, every round is tokenised alone, and where the lengths do not add up the sample is left out of the loss
whole (it still takes part in the batch). That happens to well-formed samples, too: to every Llama 3 conversation of
two turns, to all of them where the padding token is the end token, to Qwen, Phi-3 and Gemma templates.

`masking: replies`, the default, gives the same labels wherever the original learns anything from a sample, and
otherwise finds the replies by their place in the text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.errors import InputError
from libra_bench.training.counting import counting_rule
from libra_bench.training.samples import SPEAKERS, in_turn
from model_adapters.libra.inputs.tokenizer import LibraTokenizer
from model_adapters.libra.network.marks import IGNORED_LABEL
from model_adapters.templates import IMAGE_MARK, Style, Template, render, render_turns, template

Masking = Literal["replies", "original"]

LLAMA_3_PAD = "<|finetune_right_pad_id|>"
SIGNAL = "### "
"""Precedes every speaker in the oldest format."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """A conversation as the model is trained on it."""

    input_ids: list[int]
    """IMAGE_TOKEN in the place of the image."""
    labels: list[int]
    """The id where it is learned, else IGNORED_LABEL."""
    mismatch: bool = False
    """Whether the original leaves this sample out of the loss."""

    @property
    def num_learned(self) -> int:
        """How many positions are learned."""
        return sum(label != IGNORED_LABEL for label in self.labels)


@dataclass(frozen=True, slots=True)
class Conversations:
    """Turns conversations into tokens and labels.

    Raises:
        UnknownNameError: an unknown conversation mode (on construction of the template).
    """

    tokenizer: LibraTokenizer
    mode: str
    """Conversation mode: a key of `templates.TEMPLATES`."""
    max_length: int = 2048
    """Longer text-only conversations are cut here; those with an image later, in the batch."""
    pad_id: int | None = None
    """As the original's tokenizer has it: it decides which samples it leaves out."""
    masking: Masking = "replies"
    image_tags: bool = False
    """Whether `<im_start>` and `<im_end>` surround the image."""

    @property
    def form(self) -> Template:
        """The template, without example turns: conversations are trained without them."""
        return dataclasses.replace(template(self.mode), opening=())

    def tokens(self, turns: Sequence[Mapping[str, Any]], *, has_image: bool) -> Tokens:
        """Ids and labels of a conversation.

        Args:
            turns: `{"from": "human" or "gpt", "value": words}`, in turn.
            has_image: whether the sample has images.

        Raises:
            InputError: the template cannot hold this conversation.
        """
        form = self.form
        turns = [self._place_image(turn) for turn in turns] if has_image else list(turns)
        if form.style is Style.PLAIN:
            return self._plain(form, turns)
        if form.style is Style.ONE_SEPARATOR:
            return self._signalled(form, turns, has_image=has_image)
        words = in_turn(turns)
        text = render(form, words)
        ids = self._encode(text, has_image=has_image)
        learned, mismatch = self._counted(form, text, ids, has_image=has_image)
        if mismatch and self.masking == "replies":
            learned = self._found(form, words, ids, has_image=has_image)
        labels = [index if keep else IGNORED_LABEL for index, keep in zip(ids, learned, strict=True)]
        return Tokens(ids, labels, mismatch)

    def _place_image(self, turn: Mapping[str, Any]) -> Mapping[str, Any]:
        """Put the image before the words, wherever in them it was."""
        words = turn["value"]
        if IMAGE_MARK not in words:
            return turn
        rest = words.replace(IMAGE_MARK, "").strip()
        mark = f"<im_start>{IMAGE_MARK}<im_end>" if self.image_tags else IMAGE_MARK
        if "mmtag" in self.mode:
            mark = f"<Image>{mark}</Image>"
        return {**turn, "value": f"{mark}\n{rest}" if rest else mark}

    def _encode(self, text: str, *, has_image: bool) -> list[int]:
        return self.tokenizer.encode_prompt(text) if has_image else self.tokenizer.encode(text)[: self.max_length]

    def _plain(self, form: Template, turns: Sequence[Mapping[str, Any]]) -> Tokens:
        """An image and its caption: no words of the human, no end token."""
        if len(turns) != len(SPEAKERS) or IMAGE_MARK not in turns[0]["value"]:
            raise InputError(
                "the plain template holds an image and one reply", hint="use another version, or leave the sample out"
            )
        head = self.tokenizer.encode_prompt(IMAGE_MARK)
        ids = self.tokenizer.encode_prompt(f"{IMAGE_MARK}{turns[1]['value']}{form.separator}")
        return Tokens(ids, [IGNORED_LABEL] * len(head) + ids[len(head) :])

    def _signalled(self, form: Template, turns: Sequence[Mapping[str, Any]], *, has_image: bool) -> Tokens:
        """The oldest format: each turn's length is counted alone, so that some tokens of the human's are learned.

        The first two tokens of a human turn and all of a reply are learned; counted alone every turn has a BOS
        of its own, so the places drift by one per turn.
        """
        names = dict(zip(SPEAKERS, form.roles, strict=True))
        head = f"{form.system}\n\n"
        said = [f"{SIGNAL}{names.get(turn['from'].lower(), 'unknown')}: {turn['value']}\n" for turn in turns]
        ids = self._encode("".join([head, *said, SIGNAL]), has_image=has_image)
        labels = list(ids)
        place = len(self._encode(head, has_image=has_image))
        labels[:place] = [IGNORED_LABEL] * len(labels[:place])
        for turn, piece in zip(turns, said, strict=True):
            end = place + len(self._encode(piece, has_image=has_image))
            if turn["from"] == "human":
                labels[place + 2 : end] = [IGNORED_LABEL] * len(labels[place + 2 : end])
            place = end
        return Tokens(ids, labels)

    def _counted(self, form: Template, text: str, ids: Sequence[int], *, has_image: bool) -> tuple[list[bool], bool]:
        """What the original learns, and whether its count failed, in which case that is nothing."""
        rule = counting_rule(self.mode, form, legacy=bool(self.tokenizer.legacy))
        learned = [True] * len(ids)
        place = rule.start
        learned[:place] = [False] * place
        for number, spoken in enumerate(rule.rounds(text)):
            parts = spoken.split(rule.reply_mark)
            if not spoken or len(parts) != 2:
                break
            later = rule.later if number else 0
            asked = len(self._encode(parts[0] + rule.reply_mark, has_image=has_image)) + rule.question + later
            learned[place : place + asked] = [False] * len(learned[place : place + asked])
            place += len(self._encode(spoken, has_image=has_image)) + rule.round + later
        learned[place:] = [False] * len(learned[place:])
        mismatch = place < self.max_length and place != sum(index != self._original_pad for index in ids)
        return [False] * len(ids) if mismatch else learned, mismatch

    @property
    def _original_pad(self) -> int | None:
        if self.pad_id is None and self.form.style is Style.LLAMA_3:
            (index,) = self.tokenizer.encode(LLAMA_3_PAD)[-1:] or (None,)
            return index
        return self.pad_id

    def _found(self, form: Template, words: Sequence[str], ids: Sequence[int], *, has_image: bool) -> list[bool]:
        """Learn each reply from its first word to its end mark, by its place in the text."""
        learned = [False] * len(ids)
        pieces = render_turns(form, words)
        whole = render(form, words)
        cut = "".join(pieces).index(whole) if whole else 0
        for number in range(1, len(words), 2):
            if not words[number].strip():
                continue
            before = "".join(pieces[: number + 1])
            spoken = pieces[number + 1]
            at = spoken.index(words[number])
            start = len(before) + at - cut
            end = len(before) + at + len(words[number]) + len(_end_mark(form, spoken, words[number])) - cut
            first = self._shared(ids, whole[:start].rstrip(" "), has_image=has_image)
            last = self._shared(ids, whole[:end], has_image=has_image)
            learned[first:last] = [True] * (last - first)
        return learned

    def _shared(self, ids: Sequence[int], text: str, *, has_image: bool) -> int:
        """How many of the first ids encode this beginning of the text."""
        found = self._encode(text, has_image=has_image)
        same = zip(ids, found, strict=False)
        return next((place for place, (one, other) in enumerate(same) if one != other), min(len(ids), len(found)))


def _end_mark(form: Template, spoken: str, reply: str) -> str:
    """What ends a reply: the template's end mark, without a line break that only sets turns apart."""
    after = spoken[spoken.index(reply) + len(reply) :]
    return after.rstrip("\n") if form.style in (Style.CHATML, Style.LLAMA_3) else after

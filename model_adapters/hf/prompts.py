"""From questions to what a vision-language model in Hugging Face's format reads: words after its template, and images.

Whoever runs the model (transformers, or another engine) takes its prompts from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from benchmarks.errors import InputError, ModelError
from benchmarks.images import read_radiograph
from benchmarks.schema import Question
from benchmarks.wording import first_line
from model_adapters.adapter import ModelSpec
from model_adapters.cards.image_policy import image_policy, shown_images
from model_adapters.cards.prompt_hooks import IMAGE_MARK, conversation, prompt_hook, prompt_parts, system_prompt
from model_adapters.checkpoints.locate import checkpoint_path, find_checkpoint
from model_adapters.hf.chat_template import worded
from model_adapters.templates import Template, render, template


@dataclass(frozen=True, slots=True)
class HFPrompt:
    """A question that can be asked."""

    question: Question
    text: str
    """After the template."""
    images: list[Any]


class HFPrompts:
    """Makes the prompts of one checkpoint.

    Args:
        processor: the checkpoint's.
        spec: template, image policy, the card's words and the system prompt.

    Raises:
        UnknownNameError: an unknown template or image policy.
        ModelError: no template is named, and the processor has none.
    """

    def __init__(self, processor: Any, spec: ModelSpec) -> None:
        self._processor, self._spec = processor, spec
        self._policy, self._hook = image_policy(spec), prompt_hook(spec.card)
        self._template: Template | None = template(mode) if (mode := conversation_mode(spec)) else None
        if self._template is None and not getattr(processor, "chat_template", None):
            raise ModelError("its processor has no chat template", where=spec.path, hint="name a template: --conv-mode")

    def prepare(self, question: Question) -> HFPrompt:
        """Words and images of a question.

        Raises:
            InputError: it is empty, has more images than can be shown, or is refused by the chat template.
            ImageError: an image cannot be read.
        """
        if not question.prompt.strip():
            raise InputError("the prompt is empty", hint="give the question some words")
        shown = shown_images(question, self._policy)
        first, *others = conversation(question, self._spec.card, shown)
        text = self._conversation(prompt_parts(first, len(shown)), others)
        return HFPrompt(question, text, [self._image(path) for path in shown.values()])

    def num_images(self, question: Question) -> int:
        """How many images of a question the model sees."""
        return len(shown_images(question, self._policy))

    def _image(self, path: Path) -> Any:
        picture = read_radiograph(path)
        if self._hook is None or not self._hook.stretch_grey:
            return picture
        grey = picture.convert("L")
        counts = grey.histogram()
        low, high = (next(place for place in places if counts[place]) for places in (range(256), range(255, -1, -1)))
        return grey.point([int((min(max(value, low), high) - low) / ((high - low) or 1) * 255) for value in range(256)])

    def _conversation(self, parts: Sequence[str | None], others: Sequence[str]) -> str:
        """The system prompt and the turns in the model's own words, images in the first."""
        system = system_prompt(self._spec)
        if self._template is not None:
            mark = getattr(self._processor, "image_token", IMAGE_MARK)
            words = "".join(f"{mark}\n" if part is None else part for part in parts)
            return render(self._template, [f"{system}\n{words}" if system else words, *others, None])
        content = [{"type": "image"} if part is None else {"type": "text", "text": part} for part in parts]
        messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
        for place, said in enumerate(others):
            messages.append({"role": ("assistant", "user")[place % 2], "content": [{"type": "text", "text": said}]})
        if system:
            messages.insert(0, {"role": "system", "content": [{"type": "text", "text": system}]})
        try:
            return worded(lambda: self._processor.apply_chat_template(messages, add_generation_prompt=True))
        except TemplateError as error:
            raise InputError(f"the chat template refuses the prompt ({first_line(error)})") from error

    def adds_special_tokens(self, text: str) -> bool:
        """Whether the tokenizer has to write a begin token: not where the template has written it."""
        return adds_special_tokens(self._processor.tokenizer, text)

    def text(self, token_ids: Sequence[int]) -> str:
        """The words of an answer: special tokens left out, a stop string at the end cut off."""
        text = self._processor.tokenizer.decode(token_ids, skip_special_tokens=True).strip()
        return str(text if self._template is None else text.removesuffix(self._template.stop).strip())


def adds_special_tokens(tokenizer: Any, text: str) -> bool:
    """Whether a tokenizer has to write a begin token: not where the template has written it."""
    bos = tokenizer.bos_token
    return not (bos and text.startswith(bos))


def checkpoint_folder(spec: ModelSpec) -> Path:
    """The checkpoint, if it may be used.

    Raises:
        ModelError: there is none, or it brings code that the user has not allowed.
    """
    if spec.model_base is not None:
        raise ModelError(
            "this adapter reads whole checkpoints", where="--model-base", hint="merge the LoRA first, or leave it out"
        )
    path = checkpoint_path(spec)
    if spec.card.get("trust_remote_code") and not spec.options.get("trust_remote_code"):
        raise ModelError(
            "brings code of its own, which has not been run",
            where=f"model {spec.name}",
            hint="add --trust-remote-code if you have read it and trust it",
        )
    return find_checkpoint(path)


def conversation_mode(spec: ModelSpec) -> str | None:
    """The template as asked for, else the card's; None: the processor's own."""
    mode = spec.conv_mode or spec.card.get("conv_mode")
    return None if mode is None else str(mode)

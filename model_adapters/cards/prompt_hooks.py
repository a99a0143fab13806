"""Prompt hooks: named rewritings of a question, for models that were trained on one strict format.

A model card names its hook (`prompt_hook:`). Sections (indication, technique, comparison, ...) are taken from the
suite's fields of these names, else from the clinical context in the prompt ("Indication: ... Technique: ...").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.catalog import CONTEXT
from benchmarks.errors import InputError, UnknownNameError
from benchmarks.schema import Question

IMAGE_MARK = "<image>"
"""The place of an image in a prompt."""
ABSENT = "N/A"
"""What MAIRA-2 reads where a section is missing."""
_LABELS = ("indication", "history", "technique", "comparison", "examination")
_LABEL = re.compile(rf"\b({'|'.join(_LABELS)})\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PromptHook:
    """One strict format."""

    rewrite: Callable[[Question, int], str]
    """The user's turn from the question and the number of images that the model will see; may hold `<image>` marks."""
    stretch_grey: bool = False
    """Whether the model was trained on images whose darkest value is 0 and brightest 255."""


def prompt_hook(card: Mapping[str, Any]) -> PromptHook | None:
    """The hook that a card names.

    Raises:
        UnknownNameError: there is none of this name.
    """
    name = card.get("prompt_hook")
    if name is None:
        return None
    if name not in HOOKS:
        raise UnknownNameError("prompt hook", str(name), HOOKS)
    return HOOKS[name]


def hooked_prompt(question: Question, card: Mapping[str, Any], num_images: int) -> str:
    """The user's turn: the question's prompt, rewritten where the card names a hook."""
    hook = prompt_hook(card)
    return question.prompt if hook is None else hook.rewrite(question, num_images)


def prompt_parts(text: str, num_images: int) -> list[str | None]:
    """A user's turn as texts and images in order; None means the next image.

    Images come first where the text has no mark; one mark means all of them.

    Raises:
        InputError: more marks than one, and not as many as images.
    """
    pieces = text.split(IMAGE_MARK)
    marks = len(pieces) - 1
    if marks == 0:
        return [None] * num_images + [text]
    if marks not in (1, num_images) or num_images == 0:
        raise InputError(
            f"{marks} image marks in the prompt of a study with {num_images} images",
            hint="write <image> once, once per image, or not at all",
        )
    images: list[str | None] = [None] * (num_images if marks == 1 else 1)
    parts: list[str | None] = [pieces[0]]
    for piece in pieces[1:]:
        parts += [*images, piece]
    return [part for part in parts if part is None or part]


def sections(question: Question) -> dict[str, str]:
    """The clinical context by section: the suite's own fields, else what the prompt says under labels."""
    found: dict[str, str] = {}
    context = question.prompt.partition(CONTEXT)[2].strip()
    pieces = _LABEL.split(context)
    for label, text in zip(pieces[1::2], pieces[2::2], strict=True):
        found[label.lower()] = text.strip()
    if pieces[0].strip():
        found.setdefault("indication", pieces[0].strip())
    for label in (*_LABELS, "prior_report"):
        value = question.metadata.get(label)
        if isinstance(value, str) and value.strip():
            found[label] = value.strip()
    if "history" in found:
        found.setdefault("indication", found["history"])
    return found


def _maira_2_request(context: Mapping[str, str]) -> str:
    named = " ".join(f"{label.upper()}: {context.get(label) or ABSENT}" for label in _MAIRA_2_SECTIONS)
    return (
        "Provide a structured description of the findings in the radiology study in comparison to the prior frontal "
        f"image. {named}"
    )


def _maira_2(question: Question, num_images: int) -> str:
    context = sections(question)
    images = "Given the current frontal image only<image>"
    if num_images > 1:
        prior_report = context.get("prior_report") or ABSENT
        images = (
            f"Given the current frontal image<image> and the prior frontal image<image> PRIOR_REPORT: {prior_report}"
        )
    return f"{images} {_maira_2_request(context)}"


def _maira_2_sections(question: Question, num_images: int) -> str:
    return _maira_2_request(sections(question))


_MAIRA_2_SECTIONS = ("indication", "technique", "comparison")

HOOKS: Mapping[str, PromptHook] = {
    "maira_2": PromptHook(_maira_2, stretch_grey=True),
    "maira_2_sections": PromptHook(_maira_2_sections),
}
"""`maira_2`: the non-grounded reporting prompt of MAIRA-2's own processor, images named in the text.
`maira_2_sections`: the same request for a template that places and introduces the image itself."""

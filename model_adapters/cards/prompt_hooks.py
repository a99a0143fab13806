"""How a card asks: its own words for a task (`prompts:`), or a hook for a format that no template can write.

Sections (indication, technique, comparison, ...) are taken from the suite's fields of these names, else from the
clinical context in the prompt ("Indication: ... Technique: ..."). A question that is none of the card's tasks is asked
as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.catalog import CONTEXT, SUITES
from benchmarks.errors import InputError, UnknownNameError
from benchmarks.schema import PRIOR_REPORT, Question, Role
from model_adapters.adapter import ModelSpec
from model_adapters.cards.prompt_template import render_template, template_fields

IMAGE_MARK = "<image>"
"""The place of an image in a prompt."""
ABSENT = "N/A"
"""What MAIRA-2 reads where a section is missing."""
_LABELS = ("indication", "history", "technique", "comparison", "examination")
_LABEL = re.compile(rf"\b({'|'.join(_LABELS)})\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PromptHook:
    """One strict format."""

    rewrite: Callable[[Question, Collection[Role]], str]
    """The user's turn from the question and the roles of the images that the model sees; may hold `<image>` marks."""
    fields: frozenset[str]
    """What it reads of a study besides the images."""
    version: int = 1
    """Higher where the words have changed; part of a run's fingerprint from 2 on."""
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


def user_turn(question: Question, card: Mapping[str, Any], roles: Collection[Role]) -> str:
    """The user's turn: as the card's hook writes it, else in the card's words for this task, else as it was asked.

    Args:
        question: what is asked.
        card: the model card's fields.
        roles: of the images that the model sees.
    """
    if (hook := prompt_hook(card)) is not None:
        return hook.rewrite(question, roles)
    template = (card.get("prompts") or {}).get(task_of(question))
    if template is None:
        return question.prompt
    written = render_template(template, {**sections(question), **_facts(question)})
    return written if roles else written.replace(IMAGE_MARK, "")


def conversation(question: Question, card: Mapping[str, Any], roles: Collection[Role]) -> list[str]:
    """What is said in turn, the user first; the question is last. The first turn is as `user_turn` writes it."""
    if not question.said:
        return [user_turn(question, card, roles)]
    first, *others = question.said
    return [user_turn(replace(question, prompt=first, said=()), card, roles), *others, question.prompt]


def task_of(question: Question) -> str | None:
    """The section ("findings", "impression") that a suite's prompt asks for; None: it is a question of its own."""
    return _REQUESTS.get(question.prompt.partition(CONTEXT)[0].strip())


def _facts(question: Question) -> dict[str, str]:
    given = {name: question.metadata.get(name) for name in ("age", "sex", "view")}
    facts = {name: str(value) for name, value in given.items() if value not in (None, "")}
    return {**facts, "prompt": question.prompt, "context": question.prompt.partition(CONTEXT)[2].strip()}


def fields_read(card: Mapping[str, Any]) -> frozenset[str]:
    """The fields of a study that the card's prompt has a place for."""
    if (hook := prompt_hook(card)) is not None:
        return hook.fields
    prompts = (card.get("prompts") or {}).values()
    return frozenset().union(*(template_fields(template, "the card's prompt") for template in prompts))


def prompt_identity(spec: ModelSpec) -> dict[str, Any]:
    """What decides the user's turn, for a run's fingerprint: the hook, the card's words."""
    hook, name = prompt_hook(spec.card), spec.card.get("prompt_hook")
    prompts = spec.card.get("prompts")
    return {
        "prompt_hook": name if hook is None or hook.version == 1 else f"{name}@{hook.version}",
        **({"prompts": dict(prompts)} if prompts else {}),
    }


def system_prompt(spec: ModelSpec) -> str | None:
    """The option `system`, else the card's; empty: none."""
    system = spec.options.get("system", spec.card.get("system"))
    return None if system is None else str(system)


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
    for label in (*_LABELS, PRIOR_REPORT):
        value = question.metadata.get(label)
        if isinstance(value, str) and value.strip():
            found[label] = value.strip()
    if "history" in found:
        found.setdefault("indication", found["history"])
    return found


def _maira_2_request(context: Mapping[str, str], absent: str) -> str:
    named = " ".join(f"{label.upper()}: {context.get(label) or absent}" for label in _MAIRA_2_SECTIONS)
    return (
        "Provide a description of the findings in the radiology study in comparison to the prior frontal image. "
        f"{named}"
    )


def _maira_2(question: Question, roles: Collection[Role]) -> str:
    context = sections(question)
    lateral, prior = "lateral" in roles, "prior" in roles
    images = ["Given the current frontal image" + ("" if lateral or prior else " only")]
    if lateral:
        images.append(f"{'' if prior else ' and'} the current lateral image")
    if prior:
        images.append(" and the prior frontal image")
    report = f" PRIOR_REPORT: {context.get(PRIOR_REPORT) or ABSENT}" if prior else ""
    named = "".join(f"{text}{IMAGE_MARK}" for text in images) if roles else ""
    return f"{named}{report} {_maira_2_request(context, ABSENT)}".strip()


def _maira_2_sections(question: Question, roles: Collection[Role]) -> str:
    return _maira_2_request(sections(question), "None.")


_MAIRA_2_SECTIONS = ("indication", "technique", "comparison")
_REQUESTS = {card.prompt: card.sections[0] for card in SUITES if card.prompt and len(card.sections) == 1}
"""A suite's instruction -> the section that it asks for."""

HOOKS: Mapping[str, PromptHook] = {
    "maira_2": PromptHook(_maira_2, frozenset({*_MAIRA_2_SECTIONS, PRIOR_REPORT}), version=2, stretch_grey=True),
    "maira_2_sections": PromptHook(_maira_2_sections, frozenset(_MAIRA_2_SECTIONS), version=2),
}
"""`maira_2`: the non-grounded reporting prompt of MAIRA-2's own processor, images named in the text.
`maira_2_sections`: the same request for a template that places and introduces the image itself, as Libra's own
documentation writes it for the ported weights."""

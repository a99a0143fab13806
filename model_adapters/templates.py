"""Conversation templates: how a question is worded for a language model, as a table of data.

The 27 templates, their words and their oddities are those that the published Libra checkpoints were trained with;
prompts equal the original's character by character. Known oddities, kept on purpose:

- Llama 3: the text begins with a literal `<|begin_of_text|>` (so there are two once tokenised), the blank line after
  the last header is stripped, and the open turn is headed ASSISTANT while finished turns say assistant.
- Llama 2: `<s>` is taken off the front as a set of characters, and is the stop string too: it never stops.
- Gemma: an empty system prompt still ends a turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from benchmarks.errors import InputError, UnknownNameError

IMAGE_MARK = "<image>"
"""Where the image features go in a prompt."""

Message: TypeAlias = "str | tuple[str] | None"
"""What a speaker says; None (or "") is a turn still open; a 1-tuple is text whose image mark the template places."""


class Style(Enum):
    """How system prompt and turns are strung together."""

    PLAIN = "words and separators only"
    ONE_SEPARATOR = "role: words, one separator after each turn"
    TWO_SEPARATORS = "role: words, one separator after questions, another after answers"
    ROLE_PREFIX = "the role is a prefix with its own punctuation, one separator after each turn"
    CHATML = "role and words on lines of their own, stripped at the end"
    INSTRUCTION = "[INST] questions [/INST], the system prompt inside the first question"
    LLAMA_3 = "header tokens around the role, an end token after each turn, stripped at the end"


@dataclass(frozen=True, slots=True)
class Template:
    """One conversation template. `render` says what its parts mean in each style."""

    style: Style
    system: str
    separator: str
    stop: str
    """Text that ends an answer; cut off where an answer ends with it."""
    roles: tuple[str, str] = ("USER", "ASSISTANT")
    answer_separator: str | None = None
    """What follows an answer where that differs from `separator`."""
    opening: tuple[str, ...] = ()
    """Turns that precede every conversation, question and answer in turn."""
    tags_image: bool = False
    """Whether an image handed over apart from the text becomes a turn of its own (`<Image><image></Image>`)."""


def template(name: str) -> Template:
    """Look a template up by its conversation mode.

    Raises:
        UnknownNameError: there is none of this name.
    """
    if name not in TEMPLATES:
        raise UnknownNameError("conversation mode", name, TEMPLATES)
    return TEMPLATES[name]


def render(form: Template, messages: Sequence[Message]) -> str:
    """The prompt of a conversation: question, answer, question, ..., the last one None where the model continues.

    Raises:
        InputError: the template cannot hold this conversation.
    """
    text = "".join(render_turns(form, messages))
    if form.style in (Style.CHATML, Style.LLAMA_3):
        return text.strip()
    if form.style is Style.INSTRUCTION:
        return text.lstrip(form.separator)
    return text


def render_turns(form: Template, messages: Sequence[Message]) -> list[str]:
    """The pieces of a prompt: what comes first, then one piece per turn (the template's opening turns included).

    Joined they are the prompt, but for what `render` strips at both ends.

    Raises:
        InputError: the template cannot hold this conversation.
    """
    spoken = _place_image(form, [*form.opening, *messages])
    return [_head(form), *(_turn(form, place, words) for place, words in enumerate(spoken))]


def question(prompt: str, *, with_image: bool, image_tags: bool = False) -> str:
    """A user's question with its image mark in front; a prompt that already has a mark keeps its place.

    Args:
        prompt: the user's words.
        with_image: whether the study has images.
        image_tags: whether the checkpoint was trained with `<im_start>` and `<im_end>` around the image.
    """
    if not with_image:
        return prompt
    mark = f"<im_start>{IMAGE_MARK}<im_end>" if image_tags else IMAGE_MARK
    return prompt.replace(IMAGE_MARK, mark) if IMAGE_MARK in prompt else f"{mark}\n{prompt}"


def _place_image(form: Template, messages: list[Message]) -> list[str | None]:
    first = messages[0] if messages else None
    if isinstance(first, tuple):
        words = first[0].replace(IMAGE_MARK, "").strip()
        if form.tags_image:
            messages = [f"<Image>{IMAGE_MARK}</Image>", "Received.", words, *messages[1:]]
        else:
            messages = [f"{IMAGE_MARK}\n{words}", *messages[1:]]
    return [words[0] if isinstance(words, tuple) else words for words in messages]


def _head(form: Template) -> str:
    match form.style:
        case Style.PLAIN:
            return form.system
        case Style.INSTRUCTION:
            return ""
        case Style.LLAMA_3:
            return form.separator
        case Style.CHATML:
            return f"{form.system}{form.separator}\n"
        case _:
            return f"{form.system}{form.separator}"


def _turn(form: Template, place: int, words: str | None) -> str:
    is_answer = place % 2 == 1
    role = form.roles[is_answer]
    separator = form.answer_separator if is_answer and form.answer_separator is not None else form.separator
    match form.style:
        case Style.PLAIN:
            if words and is_answer:
                raise InputError("the plain template holds one question and no answer", hint="use another conv mode")
            return f"{words}{separator}" if words else ""
        case Style.ONE_SEPARATOR | Style.TWO_SEPARATORS:
            return f"{role}: {words}{separator}" if words else f"{role}:"
        case Style.ROLE_PREFIX:
            return f"{role}{words}{separator}" if words else role
        case Style.CHATML:
            return f"{role}\n{words}{separator}\n" if words else f"{role}\n"
        case Style.INSTRUCTION:
            return _instruction_turn(form, place, words)
        case Style.LLAMA_3:
            return _llama_3_turn(form, place, words)


def _instruction_turn(form: Template, place: int, words: str | None) -> str:
    if not words:
        _refuse_empty_first(place)
        return ""
    if place % 2 == 1:
        return f" {words} {form.answer_separator}"
    system = f"<<SYS>>\n{form.system}\n<</SYS>>\n\n" if place == 0 and form.system else ""
    return f"{form.separator}[INST] {system}{words} [/INST]"


def _llama_3_turn(form: Template, place: int, words: str | None) -> str:
    if not words:
        _refuse_empty_first(place)
        return f"<|start_header_id|>{form.roles[place % 2]}<|end_header_id|>\n\n"
    role = "user" if place % 2 == 0 else "assistant"
    system = ""
    if place == 0 and form.system:
        system = f"<|start_header_id|>system<|end_header_id|>\n\n{form.system}{form.answer_separator}"
    return f"{system}<|start_header_id|>{role}<|end_header_id|>\n\n{words}{form.answer_separator}\n"


def _refuse_empty_first(place: int) -> None:
    if place == 0:
        raise InputError("the first question is empty", hint="give the prompt some words")


_TEMPORAL = (
    "The assistant specialized in comparing Chest X-ray images, identifying differences, and noting temporal changes."
)

_HUMAN_CHAT = (
    "A chat between a curious human and an artificial intelligence assistant. The assistant gives helpful, "
    "detailed, and polite answers to the human's questions."
)

_USER_CHAT = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
    "detailed, and polite answers to the user's questions."
)

_ALL_TASKS = (
    "Chest X-ray interpretation task. The input consists of a current chest radiograph, optionally paired with a "
    "prior image or clinically similar reference. The model should identify radiologically significant "
    "abnormalities, detect and describe temporal changes or differences, and answer clinically relevant visual "
    "questions. Depending on the task, the output may be a structured Findings or Impression section focusing on "
    "critical observations, or a concise answer to a specific query. All outputs must follow radiological "
    "reporting standards and employ professional clinical terminology."
)

_FINDINGS = (
    "Generate the 'Findings' section of a radiology report for a chest X-ray examination. Describe all "
    "clinically significant normal and abnormal findings using concise, structured, and professional medical "
    "language. If a prior image is available, incorporate relevant temporal comparisons, noting any "
    "improvements, worsening, or stability. Avoid referencing prior studies unless they are explicitly provided "
    "or clinically necessary to explain the current condition."
)

_TAGGED_IMAGE = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant is able to understand "
    "the visual content that the user provides, and assist the user with a variety of tasks using natural "
    "language.The visual content will be provided with the following format: <Image>visual content</Image>."
)

_LLAMA = (
    "You are a helpful, respectful and honest assistant. Always answer as helpfully as possible, while being "
    "safe.  Your answers should not include any harmful, unethical, racist, sexist, toxic, dangerous, or illegal "
    "content. Please ensure that your responses are socially unbiased and positive in nature. If a question does "
    "not make any sense, or is not factually coherent, explain why instead of answering something not correct. "
    "If you don't know the answer to a question, please don't share false information."
)

_VISION = (
    "You are a helpful language and vision assistant. You are able to understand the visual content that the "
    "user provides, and assist the user with a variety of tasks using natural language."
)

_LLAVA_MED = (
    "You are LLaVA-Med, a large language and vision assistant trained by a group of researchers at Microsoft, "
    "based on the general domain LLaVA architecture.\nYou are able to understand the visual content that the "
    "user provides, and assist the user with a variety of medical and clinical research tasks using natural "
    "language.\nFollow the instructions carefully and explain your answers in detail"
)

_MAIRA = (
    "You are an expert radiology assistant tasked with interpreting a chest X-ray study. Given the current "
    "frontal image only."
)

_CONVERSATION = (
    "A conversation between a user and an LLM-based AI assistant. The assistant gives helpful and honest answers."
)

_ENERGY_QUESTION = "What are the key differences between renewable and non-renewable energy sources?"

_ENERGY_ANSWER = (
    "Renewable energy sources are those that can be replenished naturally in a relatively short amount of time, "
    "such as solar, wind, hydro, geothermal, and biomass. Non-renewable energy sources, on the other hand, are "
    "finite and will eventually be depleted, such as coal, oil, and natural gas. Here are some key differences "
    "between renewable and non-renewable energy sources:\n1. Availability: Renewable energy sources are "
    "virtually inexhaustible, while non-renewable energy sources are finite and will eventually run out.\n2. "
    "Environmental impact: Renewable energy sources have a much lower environmental impact than non-renewable "
    "sources, which can lead to air and water pollution, greenhouse gas emissions, and other negative effects.\n"
    "3. Cost: Renewable energy sources can be more expensive to initially set up, but they typically have lower "
    "operational costs than non-renewable sources.\n4. Reliability: Renewable energy sources are often more "
    "reliable and can be used in more remote locations than non-renewable sources.\n5. Flexibility: Renewable "
    "energy sources are often more flexible and can be adapted to different situations and needs, while "
    "non-renewable sources are more rigid and inflexible.\n6. Sustainability: Renewable energy sources are more "
    "sustainable over the long term, while non-renewable sources are not, and their depletion can lead to "
    "economic and social instability.\n"
)


def _chat(system: str, *, tags_image: bool = False) -> Template:
    return Template(
        Style.TWO_SEPARATORS, system, separator=" ", answer_separator="</s>", stop="</s>", tags_image=tags_image
    )


def _human_chat(system: str, opening: tuple[str, ...] = (), *, tags_image: bool = False) -> Template:
    return Template(
        Style.ONE_SEPARATOR,
        system,
        separator="###",
        stop="###",
        roles=("Human", "Assistant"),
        opening=opening,
        tags_image=tags_image,
    )


def _role_prefix(system: str, separator: str, question_prefix: str, answer_prefix: str) -> Template:
    return Template(
        Style.ROLE_PREFIX, system, separator=separator, stop=separator, roles=(question_prefix, answer_prefix)
    )


def _phi(system: str, separator: str) -> Template:
    return _role_prefix(f"<|system|>\n{system}", separator, "\n<|user|>\n", "\n<|assistant|>\n")


def _mpt(system: str) -> Template:
    return _role_prefix(f"<|im_start|>system\n{system}", "<|im_end|>", "<|im_start|>user\n", "<|im_start|>assistant\n")


def _llama_2(system: str) -> Template:
    return Template(Style.INSTRUCTION, system, separator="<s>", answer_separator="</s>", stop="<s>")


def _mistral(system: str, opening: tuple[str, ...] = ()) -> Template:
    return Template(Style.INSTRUCTION, system, separator="", answer_separator="</s>", stop="</s>", opening=opening)


def _llama_3(system: str) -> Template:
    return Template(
        Style.LLAMA_3, system, separator="<|begin_of_text|>", answer_separator="<|eot_id|>", stop="<|eot_id|>"
    )


TEMPLATES: Mapping[str, Template] = {
    "default": _chat(_TEMPORAL),
    "v0": _human_chat(_HUMAN_CHAT, (_ENERGY_QUESTION, _ENERGY_ANSWER)),
    "v1": _chat(_USER_CHAT),
    "vicuna_v1": _chat(_USER_CHAT),
    "plain": Template(Style.PLAIN, "", separator="\n", stop="\n", roles=("", "")),
    "libra_v0": _chat(_HUMAN_CHAT),
    "libra_v1": _chat(_TEMPORAL),
    "libra_v1.5_pretrain": _chat(_ALL_TASKS),
    "libra_v1.5_finetune": _chat(_FINDINGS),
    "libra_v1.5_phi4_pretrain": _phi(_ALL_TASKS, "<|endoftext|>"),
    "libra_v1.5_phi4_finetune": _phi(_FINDINGS, "<|endoftext|>"),
    "libra_v0_mmtag": _human_chat(_TAGGED_IMAGE, tags_image=True),
    "libra_v1_mmtag": _chat(_TAGGED_IMAGE, tags_image=True),
    "llama_2": _llama_2(_LLAMA),
    "libra_llama_2": _llama_2(_VISION),
    "llama_3": _llama_3(_LLAMA),
    "libra_llama_3": _llama_3(_VISION + _TEMPORAL),
    "qwen": Template(
        Style.CHATML,
        "<|im_start|>system\nYou are a helpful AI assistant.",
        separator="<|im_end|>",
        stop="<|im_end|>",
        roles=("<|im_start|>user", "<|im_start|>assistant"),
    ),
    "mpt": _mpt(_CONVERSATION),
    "conv_gemma": _role_prefix("", "<end_of_turn>\n", "<start_of_turn>user\n", "<start_of_turn>model\n"),
    "conv_phi3": _phi("You are a helpful AI assistant.", "<|end|>"),
    "mistral_instruct": _mistral(""),
    "mistral_direct": _mpt("Answer the questions."),
    "llava_med_v1.5_mistral_7b": _mistral(""),
    "llava_med_v1.5_mistral_7b_v0": _mistral(f"{_LLAVA_MED}.\n", ("Hi!", "Hi there!  How can I help you today?\n")),
    "llava_med_v1.5_mistral_7b_v1": _mistral(
        f"{_LLAVA_MED} when necessary. However, if a question is simple and can be answered with a single word "
        "(e.g., yes or no), please provide only a succinct response without additional explanation.\n"
    ),
    "maira_2": _chat(_MAIRA),
}
"""Conversation mode -> template. `default` is Libra's own."""

DEFAULT_MODE = "default"

"""Conversations with a language model in Hugging Face's format that is in memory, a batch at a time.

Batches are left-padded with a true mask, in the order of the conversations. A prompt whose reply could reach the
end of the model's context is decoded alone, so that no other one decides where it is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from jinja2 import TemplateError

from benchmarks.errors import InputError, LibraBenchError, ModelError
from benchmarks.wording import first_line
from model_adapters.adapter import Decoding, ModelSpec, study_seed
from model_adapters.checkpoints.files import weight_files
from model_adapters.checkpoints.locate import checkpoint_path, find_checkpoint
from model_adapters.hf.chat_template import worded
from model_adapters.hf.decoding import BatchDecoder, Decoded
from model_adapters.hf.loading import CAUSAL_LM, load_model, load_tokenizer, loadable_config
from model_adapters.hf.prompts import adds_special_tokens

Conversation = Sequence[Mapping[str, str]]
"""Messages with "role" and "content"."""
PROBE: Conversation = ({"role": "user", "content": "Compare these reports."},)


@dataclass(frozen=True, slots=True)
class LocalReply:
    """What the model wrote."""

    text: str
    finish: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    """Its share of its batch's."""


@dataclass(frozen=True, slots=True)
class _Prompt:
    key: str
    text: str
    num_tokens: int


class ChatPrompts:
    """Words one checkpoint's conversations with its chat template.

    Messages are {"role", "content"}, as in OpenAI's interface, or {"from", "value"}, as in ShareGPT's, whichever the
    template takes. Where it takes no system prompt, that is put in front of the user's words.

    Args:
        tokenizer: the checkpoint's.
        folder: the checkpoint, for errors.
        template: for a checkpoint without a chat template.

    Raises:
        ModelError: there is no template, or none that words a message.
    """

    def __init__(self, tokenizer: Any, folder: Path, template: str | None = None) -> None:
        self.tokenizer, self._template = tokenizer, tokenizer.chat_template or template
        if not self._template:
            raise ModelError("its tokenizer has no chat template", where=folder, hint="add a chat_template.jinja")
        said = PROBE[0]["content"]
        for layout in (list, _sharegpt):
            try:
                if said in self._worded(layout(PROBE)):
                    self._layout: Callable[[Conversation], list[Mapping[str, str]]] = layout
                    return
            except TemplateError:
                continue
        raise ModelError("its chat template words no message", where=folder, hint="correct its chat template")

    def text(self, conversation: Conversation) -> str:
        """A conversation up to where the model continues.

        Raises:
            InputError: the template refuses it.
        """
        try:
            return self._worded(self._layout(conversation))
        except TemplateError as error:
            if conversation[0]["role"] != "system":
                raise InputError(f"the chat template refuses the prompt ({first_line(error)})") from error
            system, user, *rest = conversation
            return self.text([{**user, "content": f"{system['content']}\n\n{user['content']}"}, *rest])

    def _worded(self, messages: Sequence[Mapping[str, str]]) -> str:
        return worded(
            lambda: self.tokenizer.apply_chat_template(
                messages, chat_template=self._template, tokenize=False, add_generation_prompt=True
            )
        )


class ChatModel:
    """Replies to conversations with one model.

    Args:
        model: of transformers, in evaluation mode.
        prompts: words its prompts.
        batch_size: conversations decoded together; None: what suits the device.
    """

    def __init__(self, model: Any, prompts: ChatPrompts, *, batch_size: int | None = None) -> None:
        self._prompts, self._tokenizer = prompts, prompts.tokenizer
        self._decoder = BatchDecoder(model, self._tokenizer, batch_size)

    def replies(
        self, conversations: Mapping[str, Conversation], decoding: Decoding
    ) -> Iterator[tuple[str, LocalReply | Exception]]:
        """The reply to each conversation, or why there is none; the conversations' order decides the batches."""
        prompts = []
        for key, conversation in conversations.items():
            try:
                prompts.append(self._prompt(key, conversation))
            except LibraBenchError as error:
                yield key, error
        context, roomy = self._decoder.context, []
        for prompt in prompts:
            if context is None or prompt.num_tokens + decoding.max_new_tokens <= context:
                roomy.append(prompt)
            elif (room := context - prompt.num_tokens) > 0:
                yield from self._decode([prompt], replace(decoding, max_new_tokens=room))
            else:
                yield (
                    prompt.key,
                    InputError(f"the prompt takes {prompt.num_tokens:,} tokens; the model has {context:,}"),
                )
        size = 1 if decoding.is_sampling else self._decoder.batch_size  # each prompt has its own random numbers
        for start in range(0, len(roomy), size):
            yield from self._decode(roomy[start : start + size], decoding)

    def _decode(self, batch: Sequence[_Prompt], decoding: Decoding) -> Iterator[tuple[str, LocalReply | Exception]]:
        for outcome in self._decoder.decode(
            batch, self._inputs, decoding, lambda prompt: study_seed(decoding.seed, prompt.key)
        ):
            if isinstance(outcome, Decoded):
                yield outcome.prompt.key, self._reply(outcome)
            else:
                prompt, error = outcome
                yield prompt.key, error

    def _reply(self, decoded: Decoded[_Prompt]) -> LocalReply:
        token_ids = decoded.sequences[0]
        return LocalReply(
            text=self._tokenizer.decode(token_ids, skip_special_tokens=True).strip(),
            finish="stop" if decoded.finished else "length",
            prompt_tokens=decoded.prompt.num_tokens,
            completion_tokens=len(token_ids),
            seconds=decoded.seconds / decoded.batch_size,
        )

    def _prompt(self, key: str, conversation: Conversation) -> _Prompt:
        text = self._prompts.text(conversation)
        return _Prompt(key, text, int(self._tokenized([text])["input_ids"].shape[1]))

    def _inputs(self, batch: Sequence[_Prompt]) -> Any:
        return self._tokenized([prompt.text for prompt in batch]).to(self._decoder.model.device)

    def _tokenized(self, texts: Sequence[str]) -> Any:
        encoded = self._tokenizer(
            list(texts),
            padding=True,
            return_tensors="pt",
            add_special_tokens=adds_special_tokens(self._tokenizer, texts[0]),
        )
        encoded.pop("token_type_ids", None)  # a causal model has no use for them
        return encoded


def check_chat_model(spec: ModelSpec, template: str | None = None) -> None:
    """Find out whether a checkpoint can be loaded for conversations, without loading its weights.

    Raises:
        ModelError: see `load_chat_model`. HubError: it cannot be fetched.
    """
    folder = find_checkpoint(checkpoint_path(spec))
    loadable_config(folder, spec, CAUSAL_LM)
    weight_files(folder)
    ChatPrompts(load_tokenizer(folder), folder, template)


def load_chat_model(spec: ModelSpec, template: str | None = None) -> ChatModel:
    """Load model and tokenizer.

    Args:
        spec: the checkpoint (a folder or hub id), device, dtype, batch size.
        template: the chat template of a checkpoint that has none.

    Raises:
        ModelError: something is missing, does not fit, or brings code of its own. HubError: it cannot be fetched.
    """
    folder = find_checkpoint(checkpoint_path(spec))
    prompts = ChatPrompts(load_tokenizer(folder), folder, template)
    model, _ = load_model(folder, spec, CAUSAL_LM)
    return ChatModel(model, prompts, batch_size=spec.batch_size)


def _sharegpt(conversation: Conversation) -> list[Mapping[str, str]]:
    speakers = {"user": "human", "assistant": "gpt"}
    return [
        {"from": speakers.get(message["role"], message["role"]), "value": message["content"]}
        for message in conversation
    ]
